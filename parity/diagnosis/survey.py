"""What is known before anything is tried: which operations a wrong gradient depends on and no right result does."""

import functools
import time
import warnings
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np

from parity.diagnosis.changes import stand_ins
from parity.diagnosis.edits import applied
from parity.diagnosis.pairs import Pairs
from parity.diagnosis.reads import reads_noted
from parity.diagnosis.sites import Site
from parity.diagnosis.source import counterpart, replaced, statement_line, text_of
from parity.diagnosis.tape import BOTH, Tape, run_on
from parity.followed import followed

FRESH = 5  # fresh trials that are looked at, for those on which the mistake shows
WRITES = ("setitem", "add.at")  # operations that give no result of their own: (target, key, value)
MADE = ("zeros", "empty", "empty_like")  # what is only there to be written to


class Runner:
    """Runs a subject on the tape again and again, on any Trial of it; deadline: of time.perf_counter."""

    def __init__(self, trial, deadline):
        self.trial, self.deadline, self.tape, self.codes = trial, deadline, None, set()

    @contextmanager
    def opened(self):
        """Inside, run works: the user's code is followed, its reads are noted, warnings are silent."""
        with ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            stack.enter_context(np.errstate(all="ignore"))
            trial = self.trial
            self.codes = stack.enter_context(reads_noted(lambda: trial.hand.run(trial.arrays, trial.upstream)))
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

    def unhurried(self, function, *arguments):
        """function(*arguments) without a deadline: what has been found is told."""
        deadline, self.deadline = self.deadline, float("inf")
        try:
            return function(*arguments)
        finally:
            self.deadline = deadline

    def run(self, trial, changes=(), extra=None, **options):
        """The Tape of the subject on this trial with these Changes; None where it raises. extra: {site: function}."""
        watched = frozenset().union(*(change.watched for change in changes), options.pop("watched", ()))
        made = stand_ins(changes) | (extra or {})
        self.tape = Tape(made, BOTH, deadline=self.deadline, watched=watched, **options)
        try:
            return run_on(self.tape, trial.hand, trial.arrays, trial.upstream)
        except Exception:  # the change does not fit: shapes, types, a name that is not there yet
            return None
        finally:
            self.tape = None

    def edited(self, spans, trial):
        """The keys that are wrong when the subject runs from its source with all these Spans edited; None if it raises."""
        if len({span.file for span in spans}) != 1:
            return None
        file = spans[0].file
        try:
            module = compile(applied(text_of(file), spans), file, "exec", dont_inherit=True)
            codes = {code: counterpart(code, module) for code in self.codes if code.co_filename == file}
            with replaced({code: other for code, other in codes.items() if other is not None}):
                return trial.wrong(trial.hand.run(trial.arrays, trial.upstream))
        except Exception:  # the edited code does not compile, or raises
            return None


@dataclass(eq=False)
class Place:
    """A site as it was in the base run: its events, in turn, and the keys of the results that depend on it."""

    site: Site
    events: list
    reach: frozenset

    @property
    def event(self):
        return self.events[0]

    @property
    def name(self):
        return self.event.name

    @property
    def operands(self):
        return self.event.operands

    @property
    def result(self):
        return self.event.result

    @property
    def loops(self):
        return len(self.events) > 1

    @functools.cached_property
    def reachable(self):
        """{expression: [its value in each noted turn]} of what can be named there in all of them."""
        scopes = self.scopes
        common = [text for text in scopes[0] if all(text in scope for scope in scopes)] if scopes else []
        return {text: [scope[text] for scope in scopes] for text in common}

    @property
    def scopes(self):
        return [event.scope for event in self.events if event.scope]

    @functools.cached_property
    def named(self):
        """The arrays and float numbers among what is reachable."""
        return {text: turns for text, turns in self.reachable.items() if not isinstance(turns[0], int | tuple)}

    @functools.cached_property
    def distinct(self):
        """Pairs (expression, its values) of what is named, each of several names for the same values once."""
        found: dict = {}
        for text, turns in self.named.items():
            found.setdefault(tuple(map(bytes_of, turns)), (text, turns))
        return list(found.values())


class Survey:
    """The base run with the changes that are active already, and the places where another one may be tried."""

    def __init__(self, runner, active, spans=()):
        self.runner, self.trial, self.active, self.spans = runner, runner.trial, list(active), list(spans)
        self.tape = runner.run(self.trial, active, noting=True, surveying=True)
        self.results = None if self.tape is None else self.tape.results
        self.wrong = self.trial.wrong(self.results) if self.tape else frozenset()

    @property
    def faithful(self):
        """Whether the subject does on the tape what it did without: it is not random, nor does it test for types."""
        return self.tape is not None and (bool(self.active) or self.wrong == self.trial.wrong())

    def sets_right(self, change):
        """The keys that a change sets right as well as those that are active; none where it makes one wrong."""
        left = self.left(self.trial, [*self.active, change])
        return self.wrong - left if left is not None and left <= self.wrong else frozenset()

    def left(self, trial, changes):
        """The keys that are wrong on a trial with these changes; None where they cannot be made."""
        tape = self.runner.run(trial, changes, noting=False)
        return None if tape is None else trial.wrong(tape.results)

    def holds_on_fresh(self, hold, confirmations):
        """Whether a change sets the same keys right on that many fresh trials, and breaks nothing on any before."""
        held = 0
        for k in range(FRESH):
            verdict = self.holds_on(hold, k)
            if verdict is False:
                return False
            held += verdict is True
            if held == confirmations:
                return True
        return False

    def holds_on(self, hold, k):
        """Whether a change sets the same keys right on the k-th fresh trial; None where none of them was wrong there."""
        trial = self.runner.fresh(k)
        if trial is None:
            return None
        before, spans = self.left(trial, self.active), [*self.spans, hold.span]
        after = self.left(trial, [*self.active, hold.change]) if hold.span is None else self.runner.edited(spans, trial)
        if None in (before, after) or not after <= before or hold.fixed & after:
            return False
        return True if hold.fixed & before else None

    def swapped_right(self, span):
        """The keys that an edit of the source sets right as well; none where it makes one wrong."""
        left = None if None in self.spans else self.runner.edited([*self.spans, span], self.trial)
        return self.wrong - left if left is not None and left <= self.wrong else frozenset()

    def trials(self, fresh):
        """The trial itself and as many fresh ones, as far as there are any."""
        return [self.trial, *(trial for k in range(fresh) if (trial := self.runner.fresh(k)) is not None)]

    @functools.cached_property
    def sites(self):
        """{site: its events}, in the order in which the sites were first reached."""
        found: dict = {}
        for event in self.tape.events:
            found.setdefault(event.site, []).append(event)
        return found

    @functools.cached_property
    def places(self):
        """The Places that a wrong result depends on and no right one does, in the order of the run."""
        found = [Place(site, events, self.reach(site, events[0])) for site, events in self.sites.items()]
        return [place for place in found if place.reach and place.reach <= self.wrong]

    @functools.cached_property
    def pairs(self):
        return Pairs(self.tape, self.sites)

    def place_of(self, site):
        """The Place at a site; None where none may be changed."""
        return next((place for place in self.places if place.site is site), None)

    def statement(self, place):
        """The places in the same statement of the same function, in the order of the run."""
        line = statement_line(place.site)
        return [p for p in self.places if p.site.code is place.site.code and statement_line(p.site) == line]

    def reach(self, site, event):
        """The keys of the results that change when what is computed at a site does."""
        if event.name in MADE or not movable(event.operands[2] if event.name in WRITES else event.result):
            return frozenset()
        standing = stand_ins(self.active).get(site)

        def disturbed(call):
            if call.name in WRITES:
                target, key, value, *_ = call.operands
                return call.compute((target, key, disturb(value)), call.options)
            return disturb(call.result() if standing is None else standing(call))

        tape = self.runner.run(self.trial, self.active, {site: disturbed}, noting=False)
        if tape is None:
            return frozenset()
        keys = self.results.keys() | tape.results.keys()
        return frozenset(key for key in keys if not same(self.results.get(key), tape.results.get(key)))


def bytes_of(value):
    """What tells one array from another."""
    array = np.asarray(value)
    return array.shape, array.dtype.char, array.tobytes()


def movable(value):
    """Whether a value is an array of floats or of truth values, or a float number, that can be disturbed."""
    return getattr(value, "dtype", np.dtype(int)).kind in "fb"


def disturb(value):
    """The value with noise as large as itself, truth values turned around: whatever depends on it is another now."""
    value = np.asarray(value)
    if value.dtype.kind == "b":
        return ~value
    size = np.abs(value).max(initial=0.0) or 1.0
    return value + (size * np.random.default_rng(0).normal(size=value.shape)).astype(value.dtype)


def same(a, b):
    return a is not None and b is not None and np.array_equal(a, b, equal_nan=True)
