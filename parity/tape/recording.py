"""The tape: what the user's own lines computed, operation by operation, and the same run with some of them changed.

Arrays that enter a subject as `TapedArray` hand their tape on to everything computed from them. Each operation becomes
an Event: its name, operands, result, and its site, the instruction of the user's code that asked for it, so that all
turns of a loop share one site. A run can be repeated with changes: functions that stand in for the operations of a
site. The user's code itself runs each time, so control flow, writes in place and views mean what they mean there.
"""

import functools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np

from parity.followed import followed, users_frame
from parity.nests import mapped
from parity.subjects.returned import keyed_outputs
from parity.subjects.torch_callable import HandTorch
from parity.tape.operations import WRITES
from parity.tape.scope import reachable
from parity.tape.sites import SITES, Site, site_of
from parity.tape.taped import TapedArray, bare, copied, origin_of, plain, taped
from parity.undisturbed import OutOfTime

__all__ = ["SITES", "Call", "Event", "OutOfTime", "Site", "Tape", "plain", "record", "run_on", "taped"]

BOTH = ("forward", "backward")
PLAIN = (np.ndarray, np.generic, int, float, complex, str, bytes, type(None))  # what holds no other arrays
TURNS = 4  # of a loop, in which what can be reached by name is noted


@dataclass
class Event:
    """One operation: `name` is NumPy's (multiply, matmul, sum, getitem, …), operands and result are plain copies.

    origins: for each operand the index of the event whose result it is, or the name of the array of the run (an input,
    a parameter, ("upstream", 0)), or None. occurrence counts the earlier events of the same site and phase. Where the
    tape surveys: names, for each operand the local variable that holds it, or None; scope, see parity.tape.scope.
    """

    index: int
    site: Site
    phase: str
    name: str
    operands: tuple
    options: dict
    origins: tuple
    result: Any = None
    occurrence: int = 0
    names: tuple = ()
    scope: dict = field(default_factory=dict)

    @property
    def passes_on(self):
        """Whether the numbers of an operand are left as they were: a copy, a factor 1, a part of what was given."""
        if self.name == "getitem" and type(self.origins[0]) is not int:
            return True
        arrays = [one for one in self.operands if isinstance(one, np.ndarray) and one.size > 1]
        return self.name not in WRITES and any(is_same(self.result, array) for array in arrays)


@dataclass
class Call:
    """An operation about to be done, as a change sees it: compute(operands, options) does it."""

    name: str
    operands: tuple
    options: dict
    compute: Callable
    frame: FrameType
    tape: "Tape"
    occurrence: int

    def result(self):
        return self.compute(self.operands, self.options)


@dataclass
class Tape:
    """The events of one run, and its results as {key: plain array}.

    changes: {site: function(Call) -> result}, applied in `phases` alone. noting: whether events are kept; surveying:
    whether they have names and scopes. watched: sites whose results are kept in `seen`, copies in order, in any case.
    backward_alone: forward runs off the tape, several times as fast; what it leaves for backward is then put on it.
    """

    changes: dict = field(default_factory=dict)
    phases: tuple = ("backward",)
    noting: bool = True
    surveying: bool = False
    watched: frozenset = frozenset()
    backward_alone: bool = False
    deadline: float = float("inf")
    events: list = field(default_factory=list)
    phase: str = "forward"
    results: dict = field(default_factory=dict)
    counts: dict = field(default_factory=dict)
    seen: dict = field(default_factory=dict)
    arrays: dict = field(default_factory=dict)
    base: FrameType | None = None
    paused: bool = False

    def do(self, name, operands, options, compute, place=None):
        """Do an operation, or what stands in for it, and note it; place: the array that it writes to, if any."""
        frame = None if self.paused else users_frame(self.base)
        plainly, options = bare(operands), mapped(plain, options) if options else options
        if frame is None:  # the checker's own operation
            return self.handed(compute(plainly, options), place, None)
        if time.perf_counter() > self.deadline:
            raise OutOfTime
        site = site_of(frame)
        if not (self.noting or site in self.changes or site in self.watched):
            return self.handed(compute(plainly, options), place, None)
        occurrence = self.counts[site, self.phase] = self.counts.get((site, self.phase), -1) + 1
        event = self.note(name, site, frame, operands, plainly, options, occurrence) if self.noting else None
        change = self.changes.get(site) if self.phase in self.phases else None
        if change is None:
            result = compute(plainly, options)
        else:
            result = change(Call(name, plainly, options, compute, frame, self, occurrence))
        if site in self.watched:
            self.seen.setdefault(site, []).append(copied(result))
        return self.handed(result, place, event)

    def note(self, name, site, frame, operands, plainly, options, occurrence):
        """The Event of an operation, still without its result, appended."""
        origins = tuple([origin_of(operand) for operand in operands])
        event = Event(
            len(self.events), site, self.phase, name, mapped(copied, plainly), options, origins, None, occurrence
        )
        self.events.append(event)
        if self.surveying and occurrence < TURNS:
            variables = {id(value): name for name, value in frame.f_locals.items()}
            event.names = tuple([variables.get(id(getattr(one, "stands_for", one))) for one in operands])
            event.scope = {text: plain(copied(value)) for text, value in self.within(reachable, frame).items()}
        return event

    def handed(self, result, place, event):
        """The result as the user's code gets it: taped, or written to its place; copied to its event."""
        if place is not None:
            target = plain(place)
            if result is not None and result is not target:
                target[...] = result
            result = target
        if event is None:
            if place is not None:
                return place
            return taped(result, self, None) if type(result) is np.ndarray else self.taped_leaves(result, None)
        event.result = mapped(copied, result)
        if place is None:
            return self.taped_leaves(result, event.index)
        if isinstance(place, TapedArray):
            place.origin = event.index
        return place

    def taped_leaves(self, result, origin):
        return mapped(lambda array: taped(array, self, origin), result)

    def read(self, value):
        """Note that a value is passed on as it is; not where the operation at that very place has just made it."""
        frame = None if self.paused else users_frame(self.base)
        if frame is None:
            return value
        site = site_of(frame)
        maker = self.events[value.origin].site if self.noting and type(value.origin) is int else site
        fresh = maker is not site and maker.code is site.code and maker.positions == site.positions
        if fresh or not (self.noting or site in self.changes or site in self.watched):
            return value
        passed = self.do("read", (value,), {}, lambda operands, _: operands[0])
        return passed if site in self.changes else value  # the very object, which the user's code may ask for

    def entering(self, leaf):
        """What the forward, off the tape, left for backward; TypeError where that may hold arrays out of sight."""
        if isinstance(leaf, PLAIN) and getattr(leaf, "dtype", np.dtype(float)).kind != "O":
            return taped(leaf, self, None)
        raise TypeError(f"a {type(leaf).__name__} in the cache")

    def create(self, function, args, options):
        """Note an array that the user's code makes, or a taped one that it converts."""
        if self.backward_alone and self.phase == "forward":
            return function(*args, **options)
        return self.do(function.__name__, args, options, lambda operands, options: function(*operands, **options))

    def within(self, function, *arguments):
        """function(*arguments) of the checker's own, of which nothing is noted."""
        self.paused = True
        try:
            return function(*arguments)
        finally:
            self.paused = False


def is_same(result, array):
    """Whether two arrays are equal, NaN where the other has NaN."""
    return np.shape(result) == np.shape(array) and np.array_equal(result, array, equal_nan=True)


def record(hand, arrays, upstream, changes=None):
    """Run a subject on the tape; the Tape has its events, and its results as {key: plain array}.

    arrays and upstream are plain; changes apply to backward (and to all of a subject whose one call is both).
    Raises SubjectRaised as hand.run does.
    """
    tape = Tape(changes or {}, BOTH if hand.joint else ("backward",))
    with followed(tape.create):
        return run_on(tape, hand, arrays, upstream)


def run_on(tape, hand, arrays, upstream):
    """Run a subject on this tape, inside `followed`; returns the tape. Raises SubjectRaised."""
    if isinstance(hand, HandTorch):
        from parity.tape.torch_taped import run_torch_on

        return run_torch_on(tape, hand, arrays, upstream)
    tape.base = sys._getframe()
    tape.arrays = arrays | {("upstream", i): g for i, g in enumerate(upstream)}
    inputs = {name: np.array(array) for name, array in arrays.items()}
    if not tape.backward_alone:
        inputs = {name: taped(array, tape, name) for name, array in inputs.items()}
    upstream = [taped(np.array(g), tape, ("upstream", i)) for i, g in enumerate(upstream)]
    outputs, state = hand.forward(inputs)
    if tape.backward_alone:
        state = hand.entered(state, functools.partial(mapped, tape.entering))
    tape.phase = "backward"
    gradients = hand.backward(state, upstream)
    tape.results = {key: plain(value) for key, value in (keyed_outputs(outputs) | gradients).items()}
    return tape
