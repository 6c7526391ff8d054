"""What is known before anything is tried: which operations a wrong gradient depends on and no right result does."""

import functools
from typing import Any

import numpy as np

from parity.diagnosis.changes.change import stand_ins
from parity.diagnosis.editing.source import statement_line
from parity.diagnosis.repairs.pairs import Pairs
from parity.diagnosis.repairs.place import Place
from parity.tape.operations import WRITES

MADE = ("zeros", "empty", "empty_like")  # what is only there to be written to


class Survey:
    """The base run with the changes that are active already, and the places where another one may be tried."""

    def __init__(self, runner, active, spans=()):
        self.runner, self.trial, self.active, self.spans = runner, runner.trial, list(active), list(spans)
        self.tape = runner.run(self.trial, active, noting=True, surveying=True)
        self.results: dict = self.tape.results if self.tape else {}
        self.wrong = self.trial.wrong(self.results) if self.tape else frozenset()
        for event in self.tape.events if self.tape else ():
            event.scope |= recalled(self.trial, self.results, event.scope)

    @property
    def faithful(self):
        """Whether the subject does on the tape what it did without: it is not random, nor does it test for types."""
        return self.tape is not None and (bool(self.active) or self.wrong == self.trial.wrong())

    def again(self, changes=(), extra=None):
        """The Tape of another run on the trial, with further Changes; None where it raises."""
        return self.runner.run(self.trial, [*self.active, *changes], extra, self.tape, noting=False)

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

        tape = self.again(extra={site: disturbed})
        if tape is None:
            return frozenset()
        pairs = {key: (self.results.get(key), tape.results.get(key)) for key in self.trial.truth}
        return frozenset(key for key, pair in pairs.items() if not same(*pair))


def recalled(trial, results, scope):
    """{call: value} where the forward of a pair of functions can be called again: its arguments are in reach."""
    call: Any = getattr(trial.hand, "call", None)
    names = trial.hand.input_names
    outputs = [array for (kind, _), array in results.items() if kind == "output"]
    reached = all(np.array_equal(scope.get(name), trial.arrays[name]) for name in names) if scope else False
    if not reached or len(outputs) != 1 or not hasattr(call, "__name__"):
        return {}
    return {f"{call.__name__}({', '.join(names)})": outputs[0]}


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
    return (a is None and b is None) or (a is not None and b is not None and np.array_equal(a, b, equal_nan=True))
