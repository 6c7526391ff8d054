"""Runs of a subject on the tape, again and again, with changes of its operations or edits of its source."""

import time
import warnings
from contextlib import ExitStack, contextmanager

import numpy as np

from parity.diagnosis.changes.change import stand_ins
from parity.diagnosis.editing.edits import applied
from parity.diagnosis.editing.source import counterpart, replaced, text_of
from parity.diagnosis.structure.others import Others
from parity.followed import followed
from parity.tape.reads import reads_noted
from parity.tape.recording import BOTH, Tape, run_on


class Runner:
    """Runs the subject of a Trial, on that Trial or another one; deadline: of time.perf_counter."""

    def __init__(self, trial, deadline):
        self.trial, self.deadline = trial, deadline
        self.tape: Tape | None = None
        self.functions: list = []
        self.longer: list | None = None

    @contextmanager
    def opened(self):
        """Inside, run works: the user's code is followed, its reads are noted, warnings are silent."""
        with ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            stack.enter_context(np.errstate(all="ignore"))
            trial = self.trial
            self.functions = stack.enter_context(reads_noted(lambda: trial.hand.run(trial.arrays, trial.upstream)))
            stack.enter_context(followed(self.create))
            yield self

    def create(self, function, args, options):
        """What the user's code makes is on the tape of a run; where none is on, a trial is under way."""
        return function(*args, **options) if self.tape is None else self.tape.create(function, args, options)

    def fresh(self, k):
        """The k-th fresh Trial, None where there is none; the time that it takes does not count."""
        began = time.perf_counter()
        trial = self.trial.fresh(k)
        self.deadline += time.perf_counter() - began
        return trial

    def stretched(self):
        """Trials in which all inputs that share a length, other than the batch, are longer there, where they may be.

        The time that they take does not count."""
        if self.longer is None:
            began = time.perf_counter()
            others = Others(self.trial, float("inf"), lambda trial: trial)
            axes = max(self.trial.arrays[name].ndim for name in self.trial.hand.input_names)
            self.longer = [found for axis in range(1, axes) if (found := others.stretched(axis)) is not None]
            self.deadline += time.perf_counter() - began
        return self.longer

    def unhurried(self, function, *arguments):
        """function(*arguments) without a deadline: what has been found is told."""
        deadline, self.deadline = self.deadline, float("inf")
        try:
            return function(*arguments)
        finally:
            self.deadline = deadline

    def run(self, trial, changes=(), extra=None, base=None, **options):
        """The Tape of the subject on this trial with these Changes; None where it raises. extra: {site: function}.

        base: the Tape of a whole run on this trial; where it met all that is changed or watched in backward alone, the
        forward is run off the tape. What then is not met as often as there was out of sight, and all is on the tape.
        """
        watched = frozenset().union(*(change.watched for change in changes), options.pop("watched", ()))
        made = stand_ins(changes) | (extra or {})
        sites = watched | made.keys()
        if base is not None and not any((site, "forward") in base.counts for site in sites):
            tape = self.on_tape(trial, Tape(made, BOTH, backward_alone=True, watched=watched, **options))
            if tape is not None and all(met(tape, site) == met(base, site) for site in sites):
                return tape
        return self.on_tape(trial, Tape(made, BOTH, watched=watched, **options))

    def on_tape(self, trial, tape):
        """The tape after the run; None where it raises."""
        self.tape, tape.deadline = tape, self.deadline
        try:
            return run_on(self.tape, trial.hand, trial.arrays, trial.upstream)
        except Exception:  # the change does not fit: shapes, types, a name that is not there yet
            return None
        finally:
            self.tape = None

    def edited(self, spans, trial):
        """The keys that are wrong when the subject runs from source with all these Spans edited; None if it raises."""
        if len({span.file for span in spans}) != 1:
            return None
        file = spans[0].file
        try:
            module = compile(applied(text_of(file), spans), file, "exec", dont_inherit=True)
            codes = {function.__code__ for function in self.functions if function.__code__.co_filename == file}
            others = {code: other for code in codes if (other := counterpart(code, module)) is not None}
            with replaced(others, self.functions):
                return wrong(trial, trial.hand.run(trial.arrays, trial.upstream))
        except Exception:  # the edited code does not compile, or raises
            return None


def met(tape, site):
    """How often a backward came by a site."""
    return tape.counts.get((site, "backward"))


def wrong(trial, results):
    """The keys whose results are wrong on a trial.

    The budget of a gradient that had another shape was measured on the reference alone: there, three quarters of the
    digits of the largest entry are enough.
    """
    found = trial.wrong(results)
    shapeless = [key for key in found if np.shape(trial.ours.get(key)) != np.shape(trial.truth[key])]
    return found - {key for key in shapeless if near(results.get(key), trial.truth[key])}


def near(found, right):
    """Whether three quarters of the digits of the largest entry agree in all of them."""
    if np.shape(found) != np.shape(right) or not np.size(right) or np.asarray(found).dtype.kind != "f":
        return False
    tolerance = float(np.finfo(np.asarray(found).dtype).eps) ** 0.75 * np.abs(right).max()
    return bool((np.abs(found - right) <= tolerance).all())
