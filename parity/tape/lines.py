"""What the user's lines leave behind: the line that changes something, that first holds a result, that draws anew.

No operation on arrays marks `x = cache.pop()`, `dc = dy_n` or `mask = rng.random(n) < p`. Here a call runs under a
trace function, which looks around each time one of the user's own lines has run.
"""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from parity.bridge import to_numpy
from parity.places import is_own
from parity.subjects.raised import SubjectRaised
from parity.tape.scope import collect
from parity.undisturbed import OutOfTime

LONGEST = 5.0  # seconds of looking around in one call; what is not found by then has no line
DEPTH = 3  # self.caches[0]["x"]
STOPS = (SubjectRaised, OutOfTime)  # the lines that ran before these have been looked at


def line_by_line(call, after, begin=lambda frame: None):
    """call(), with begin(frame) where a function of the user's begins and after(place, frame, returned) behind its
    lines; returned: a tuple of what it returns, () before.

    Raises what call() raises, OutOfTime after LONGEST seconds. Other trace functions rest meanwhile.
    """
    deadline, before = time.perf_counter() + LONGEST, sys.gettrace()
    running: dict = {}

    def trace(frame, event, argument):
        if not is_users(frame.f_code.co_filename):
            return None
        if time.perf_counter() > deadline:
            raise OutOfTime
        if event == "call":
            begin(frame)
        elif frame in running:
            place = f"{Path(frame.f_code.co_filename).name}:{running[frame]}"
            after(place, frame, (argument,) if event == "return" else ())
        running[frame] = frame.f_lineno
        return trace

    sys.settrace(trace)
    try:
        return call()
    finally:
        sys.settrace(before)


def is_users(filename):
    """Whether a file is the user's; what was typed in, at a prompt or in a notebook, is as well."""
    return is_own(filename) or (filename.startswith("<") and not filename.startswith("<frozen"))


def line_that_changes(call, state):
    """`mine.py:23`, the first line of call() after which state() is another than it was; None where none is."""
    before = state()
    found: list[str] = []

    def after(place, frame, returned):
        if not found and state() != before:
            found.append(place)

    with suppress(*STOPS):
        line_by_line(call, after)
    return found[0] if found else None


def line_that_differs(call):
    """The first line that leaves other numbers behind when call() is made again; None where none does.

    The first of three calls is not looked at: it finds other attributes than it leaves.
    """
    try:
        _, first, second = (changes_of_lines(call) for _ in range(3))
    except STOPS:
        return None
    for (place, held), (_, again) in zip(first, second, strict=False):
        if any(held.get(name) != again.get(name) for name in held.keys() | again.keys()):
            return place
    return None


def changes_of_lines(call):
    """[(line, {expression: hash} of the arrays that it can name, or returns, and has changed)], in order.

    Numbers alone are left out: clocks and counters differ from call to call, and draw nothing.
    """
    found: list[tuple[str, dict]] = []
    known: dict = {}

    def begin(frame):
        known[frame] = hashes(held(frame))

    def after(place, frame, returned):
        now, before = hashes(held(frame)), known[frame]
        known[frame] = now
        changed = {name: value for name, value in now.items() if before.get(name) != value}
        found.append((place, changed | hashes(leaves(returned))))

    line_by_line(call, after, begin)
    return found


def lines_that_make(call, results):
    """{key: `mine.py:23`}: the last line of call() after which a name holds that result, which it did not before, and
    goes on to hold it.

    Where no name ever does, the line that returns it; of what no line makes the last one that ran. {} where none did.
    """
    finder = Makers(results)
    try:
        line_by_line(call, finder.after, finder.begin)
    except STOPS:
        return {}
    return {key: finder.line(key) for key in results if finder.last}


class Makers:
    """Looks for the lines that make results; last: the last line that ran.

    found: {key: {(frame, expression): (turn, line)}} of what holds a result, the frame's number of it.
    """

    def __init__(self, results):
        self.results = {key: np.asarray(array) for key, array in results.items() if np.size(array)}
        self.found: dict = {key: {} for key in self.results}
        self.held: dict = {}
        self.began: dict = {}
        self.turn, self.last = 0, ""

    def begin(self, frame):
        self.held[frame], self.began[frame] = self.names(held(frame)), self.turn

    def after(self, place, frame, returned):
        """Note what has newly been given a name; what a deeper line has made meanwhile stays that line's."""
        self.turn, self.last = self.turn + 1, place
        now, before = self.names(held(frame)), self.held[frame]
        passed = self.names(leaves(returned))
        for key, found in self.found.items():
            deeper = any(turn > self.began[frame] for turn, _ in found.values())
            made = now[key] - before[key] or (passed[key] and not now[key] and {"returned"})
            for name in before[key] - now[key]:
                found.pop((id(frame), name), None)
            if made and not deeper:
                found.update({(id(frame), name): (self.turn, place) for name in made})
        self.held[frame], self.began[frame] = now, self.turn

    def line(self, key):
        """The last line that made a result; the last one of all where none did."""
        return max(self.found.get(key, {}).values(), default=(0, self.last))[1]

    def names(self, values):
        """{key: the expressions whose value is that result}."""
        return {
            key: {name for name, value in values.items() if np.shape(value) == array.shape and same(value, array)}
            for key, array in self.results.items()
        }


def same(a, b):
    return np.array_equal(a, b, equal_nan=b.dtype.kind == "f" and np.asarray(a).dtype.kind == "f")


def held(frame):
    """{expression: number or array} of what a frame can name; tensors as arrays."""
    found: dict = {}
    for name, value in frame.f_locals.items():
        if isinstance(value, torch.Tensor):
            found[name] = to_numpy(value)
        else:
            collect(found, name, value, DEPTH)
    return found


def hashes(values):
    """{name: hash} of the arrays among some values."""
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray) and value.dtype != object}
    return {name: hash((array.shape, array.tobytes())) for name, array in arrays.items()}


def leaves(returned):
    """{place: number or array} of what a function returns."""
    found: dict[Any, Any] = {}
    for number, leaf in enumerate(torch.utils._pytree.tree_leaves(returned)):
        if isinstance(leaf, np.ndarray | np.generic | torch.Tensor | float | int):
            found[number] = to_numpy(leaf) if isinstance(leaf, torch.Tensor) else leaf
    return found


def line_that_writes_to(call: Callable, tensors=()):
    """The first line of call() that writes to one of these tensors, or to one that its function was handed."""
    known = {id(tensor): (tensor, tensor._version) for tensor in tensors}
    found: list[str] = []

    def begin(frame):
        handed = (value for value in frame.f_locals.values() if isinstance(value, torch.Tensor))
        known.update({id(tensor): (tensor, tensor._version) for tensor in handed if id(tensor) not in known})

    def after(place, frame, returned):
        if not found and any(tensor._version > version for tensor, version in known.values()):
            found.append(place)

    with suppress(*STOPS):
        line_by_line(call, after, begin)
    return found[0] if found else None
