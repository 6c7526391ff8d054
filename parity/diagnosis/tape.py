"""The tape: what the user's own lines computed, operation by operation, and the same run with one of them changed.

Arrays that enter a subject as `TapedArray` hand their tape on to everything computed from them. Each operation becomes
an Event: its name, operands, result, and its site, the instruction of the user's code that asked for it, so that all
turns of a loop share one site. A run can be repeated with changes: functions that stand in for the operations of a
site. The user's code itself runs each time, so control flow, writes in place and views mean what they mean there.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from parity.diagnosis.operations import METHODS, canonical
from parity.followed import followed, users_frame
from parity.subjects.base import keyed_outputs


class Site:
    """One instruction of the user's code, where an operation was asked for; one object each, made by `site_of`."""

    def __init__(self, code, offset):
        self.code, self.offset, self.file = code, offset, code.co_filename

    @functools.cached_property
    def positions(self):
        """(line, end line, column, end column) of the expression, columns in UTF-8 bytes; None where unknown."""
        return list(self.code.co_positions())[self.offset // 2]

    @property
    def line(self):
        return self.positions[0] or self.code.co_firstlineno

    def __repr__(self):
        return f"{Path(self.file).name}:{self.line}"


SITES: dict[tuple[int, int], Site] = {}


def site_of(frame):
    """The Site that a frame has reached; a Site keeps its code alive, so that the identity stays its own."""
    key = (id(frame.f_code), frame.f_lasti)
    if key not in SITES:
        SITES[key] = Site(frame.f_code, frame.f_lasti)
    return SITES[key]


@dataclass
class Event:
    """One operation: `name` is NumPy's (multiply, matmul, sum, getitem, …), operands and result are plain copies.

    origins: for each operand the index of the event whose result it is, or the name of the array of the run (an input,
    a parameter, ("upstream", 0)), or None. occurrence counts the earlier events of the same site and phase.
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
    """The events of one run. changes: {site: function(Call) -> result}, applied in `phases` alone."""

    changes: dict = field(default_factory=dict)
    phases: tuple = ("backward",)
    events: list = field(default_factory=list)
    phase: str = "forward"
    results: dict = field(default_factory=dict)
    counts: dict = field(default_factory=dict)

    def do(self, name, operands, options, compute, place=None):
        """Do an operation, or what stands in for it, and note it; place: the array that it writes to, if any."""
        frame = users_frame()
        site = site_of(frame)
        origins = tuple(origin_of(operand) for operand in operands)
        operands, options = mapped(plain, (operands, options))
        occurrence = self.counts[site, self.phase] = self.counts.get((site, self.phase), -1) + 1
        noted = mapped(copied, operands)
        change = self.changes.get(site) if self.phase in self.phases else None
        if change is None:
            result = compute(operands, options)
        else:
            result = change(Call(name, operands, options, compute, frame, self, occurrence))
        event = Event(len(self.events), site, self.phase, name, noted, options, origins, None, occurrence)
        self.events.append(event)
        if place is not None:
            target = plain(place)
            if result is not None and result is not target:
                target[...] = result
            event.result = copied(target)
            if isinstance(place, TapedArray):
                place.origin = event.index
            return place
        event.result = mapped(copied, result)
        return mapped(lambda array: taped(array, self, event.index), result)

    def create(self, function, args, options):
        """Note an array that the user's code makes, or a taped one that it converts."""
        return self.do(function.__name__, args, options, lambda operands, options: function(*operands, **options))


class TapedArray(np.ndarray):
    """An array whose operations are noted on its tape; origin: the index of the event that made it, or a name."""

    tape: Any
    origin: Any

    def __array_finalize__(self, source):
        self.tape = getattr(source, "tape", None)
        self.origin = None

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        tape = next(a.tape for a in (*inputs, *(out or ()), options.get("where")) if isinstance(a, TapedArray))
        place = None if out is None or len(out) > 1 else out[0]
        if isinstance(place, TapedArray) and place.ndim == 0:
            place = None  # a number: `s += 1` binds s anew, as it does without a tape
        if method == "at":
            place = inputs[0]

        def compute(operands, options):
            return getattr(ufunc, method)(*operands, **options)

        return tape.do(canonical(ufunc, method), inputs, options, compute, place)

    def __array_function__(self, function, types, args, kwargs):
        found: list[TapedArray] = []
        mapped(lambda leaf: found.append(leaf) if isinstance(leaf, TapedArray) else None, (args, kwargs))
        place = kwargs.pop("out", None)

        def compute(operands, options):
            return function(*operands, **options)

        return found[0].tape.do(function.__name__, args, kwargs, compute, place)

    def __getitem__(self, key):
        if isinstance(key, str):
            return super().__getitem__(key)
        return self.tape.do("getitem", (self, key), {}, lambda operands, _: operands[0][operands[1]])

    def __setitem__(self, key, value):
        def compute(operands, _):
            operands[0][operands[1]] = operands[2]

        self.tape.do("setitem", (self, key, value), {}, compute, self)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    @property
    def T(self):
        return self.tape.do("transpose", (self,), {}, lambda operands, _: operands[0].T)


def method(name):
    """The method of that name, noted as one operation."""

    def noted(self, *args, **options):
        def compute(operands, options):
            return getattr(operands[0], name)(*operands[1:], **options)

        place = options.pop("out", None)
        return self.tape.do(METHODS[name], (self, *args), options, compute, place)

    noted.__name__ = name
    return noted


for _name in METHODS:
    setattr(TapedArray, _name, method(_name))


def record(hand, arrays, upstream, changes=None):
    """Run a subject on the tape; the Tape has its events, and its results as {key: plain array}.

    arrays and upstream are plain; changes apply to backward (and to all of a subject whose one call is both).
    Raises SubjectRaised as hand.run does.
    """
    tape = Tape(changes or {}, ("forward", "backward") if hand.joint else ("backward",))
    inputs = {name: taped(np.array(array), tape, name) for name, array in arrays.items()}
    upstream = [taped(np.array(g), tape, ("upstream", i)) for i, g in enumerate(upstream)]
    with followed(tape.create):
        outputs, state = hand.forward(inputs)
        tape.phase = "backward"
        gradients = hand.backward(state, upstream)
    tape.results = {key: plain(value) for key, value in (keyed_outputs(outputs) | gradients).items()}
    return tape


def taped(array, tape, origin):
    """An array, or a float number, as a TapedArray; everything else, integers among it, as it is."""
    if not isinstance(array, np.ndarray) and not (isinstance(array, np.generic) and array.dtype.kind in "fc"):
        return array
    view = np.asarray(array).view(TapedArray)
    view.tape, view.origin = tape, origin
    return view


def mapped(function, value):
    """value with every leaf of its tuples, lists and dicts put through function."""
    if type(value) in (tuple, list):
        return type(value)([mapped(function, item) for item in value])
    if isinstance(value, dict):
        return {key: mapped(function, item) for key, item in value.items()}
    return function(value)


def plain(value):
    """A TapedArray as the ndarray below it, sharing memory; anything else as it is."""
    return value.view(np.ndarray) if isinstance(value, TapedArray) else value


def copied(value):
    """A plain array as it is now, whatever is written to it later."""
    return np.array(value) if isinstance(value, np.ndarray) else value


def origin_of(operand):
    return operand.origin if isinstance(operand, TapedArray) else None
