"""The user's own line is named also where no operation on arrays marks it."""

import inspect
import sys
import time
from functools import partial

import numpy as np
import pytest
import torch
from torch.autograd import Function

import parity
from parity.tape import lines
from parity.tape.lines import line_that_changes, line_that_differs, line_that_writes_to, lines_that_make

G = np.arange(1.0, 5.0)


def line_of(function, text):
    """`test_lines.py:23`, the line of a function that holds a text."""
    source, first = inspect.getsourcelines(function)
    return f"test_lines.py:{first + next(i for i, line in enumerate(source) if text in line)}"


def doubled(g):
    made = 2 * g
    return made, g


def tripled(g):
    return 3 * g


def bound(g):
    first = 3 * g
    last = first
    return last, g


def handed_on(g):
    return doubled(g)


def of_a_return(g):
    found = tripled(g)
    return [found]


def in_turns(g):
    total = 0 * g
    for _ in range(2):
        total += g
    other = total * 1
    return {"total": total}, other.sum()


@pytest.mark.parametrize(
    ("function", "factor", "where"),
    [
        (bound, 3, (bound, "last = first")),
        (handed_on, 2, (doubled, "made = ")),
        (of_a_return, 3, (tripled, "return")),
        (in_turns, 2, (in_turns, "other = ")),
        (tripled, 3, (tripled, "return")),
    ],
    ids=["bound again", "in a helper", "returned by a helper", "in a loop", "returned"],
)
def test_the_line_that_makes_a_result(function, factor, where):
    assert lines_that_make(lambda: function(G), {"g": factor * G}) == {"g": line_of(*where)}


def test_what_no_line_makes_is_told_at_the_last_one():
    assert lines_that_make(partial(bound, G), {"g": 7 * G, "none": None}) == dict.fromkeys(
        ("g", "none"), line_of(bound, "return")
    )


def pops(cache):
    cache.append(0)
    cache.pop()
    taken = cache.pop()
    return taken, cache


def test_the_line_that_changes_what_is_kept():
    cache = [1, 2]
    assert line_that_changes(lambda: pops(cache), lambda: len(cache) < 2) == line_of(pops, "taken")
    assert line_that_changes(lambda: pops([1]), lambda: len(cache)) is None


def draws(rng, kept):
    kept["again"] = 2.0
    mask = rng.random(4) < 0.5
    return mask * kept["again"]


def test_the_line_that_draws():
    rng, kept = np.random.default_rng(0), {}
    assert line_that_differs(lambda: draws(rng, kept)) == line_of(draws, "mask =")
    assert line_that_differs(lambda: bound(G)) is None


def writes(g, saved):
    own = torch.zeros(3)
    own += 1
    saved[0].mul_(2)
    g[0] = 0


def test_the_line_that_writes_to_a_tensor():
    g, saved = torch.ones(3), [torch.ones(3)]
    assert line_that_writes_to(lambda: writes(g, saved)) == line_of(writes, "g[0]")
    assert line_that_writes_to(lambda: writes(g, saved), saved) == line_of(writes, "mul_")


def test_another_trace_function_rests_and_goes_on():
    def mine(frame, event, argument):
        return None

    before = sys.gettrace()
    sys.settrace(mine)
    try:
        lines_that_make(lambda: bound(G), {"g": 3 * G})
        assert sys.gettrace() is mine
    finally:
        sys.settrace(before)


def long(n):
    total = 0
    while total < n:
        total += 1
    return total


def test_looking_around_ends(monkeypatch):
    monkeypatch.setattr(lines, "LONGEST", 0.2)
    began = time.perf_counter()
    assert lines_that_make(lambda: long(10**7), {"g": G}) == {}
    assert line_that_differs(lambda: long(10**7)) is None
    assert time.perf_counter() - began < 30


TYPED_IN = """
class Noisy:
    def forward(self, x):
        self.x = x
        return x * np.random.rand(*x.shape)

    def backward(self, dy):
        return dy
"""


def test_what_was_typed_in_has_lines_too():
    scope = {"np": np}
    exec(compile(TYPED_IN, "<ipython-input-3>", "exec"), scope)
    findings = parity.check(scope["Noisy"](), (5, 4)).causes
    assert {f.where for f in findings if f.code == "nondeterministic"} == {"<ipython-input-3>:5"}


class Counting:
    """A counter differs from call to call as well, and draws nothing."""

    def __init__(self):
        self.calls, self.rng = 0, np.random.default_rng(0)

    def forward(self, x):
        return 2 * x

    def backward(self, dy):
        self.calls += 1
        noise = self.rng.normal(size=dy.shape)
        return 2 * dy + noise


def test_counters_are_not_taken_for_draws():
    findings = parity.check(Counting(), (5, 4)).causes
    assert {f.where for f in findings if f.code == "nondeterministic"} == {line_of(Counting, "noise =")}


class Clip(Function):
    """Writes to the tensor that it saved."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(-1, 1)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        inside = x.abs() <= 1
        x.zero_()
        return g * inside


class Shifts(Function):
    """Writes to its input."""

    @staticmethod
    def forward(ctx, x):
        x += 1
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        return 2 * g


@pytest.mark.parametrize(("function", "text"), [(Clip, "x.zero_()"), (Shifts, "x += 1")], ids=["backward", "forward"])
def test_a_write_of_torch_is_named_by_its_line(function, text):
    places = {finding.code: finding.where for finding in parity.check(function.apply, (4, 3)).causes}
    assert places["input-mutated"] == line_of(function, text)


class Shifted:
    """Its forward takes the wrong axis."""

    def forward(self, x):
        centred = x - x.mean(axis=0, keepdims=True)
        return 2 * centred, None

    def backward(self, dy, cache):
        return 2 * (dy - dy.mean(axis=0)), {}


def centred(x):
    return 2 * (x - x.mean(1, keepdim=True))


def test_a_forward_that_differs_is_named_by_its_line_and_mended():
    finding = parity.check(Shifted(), (5, 4), against=centred).causes[0]
    assert (finding.code, finding.where) == ("forward-mismatch", line_of(Shifted, "centred ="))
    assert (finding.repair.old, finding.repair.new) == (
        "x.mean(axis=0, keepdims=True)",
        "x.mean(axis=1, keepdims=True)",
    )


class OneForgotten:
    """Two weights of one shape: the gradient of one stays the zeros that both begin with."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.V, self.W = rng.normal(size=(3, 3)), rng.normal(size=(3, 3))

    def forward(self, x):
        self.x, self.h = x, np.tanh(x @ self.V)
        return self.h @ self.W

    def backward(self, dy):
        self.dV = np.zeros_like(self.V)
        self.dW = np.zeros_like(self.W)
        self.dW += self.h.T @ dy
        return (dy @ self.W.T * (1 - self.h**2)) @ self.V.T


def test_zeros_that_stay_are_told_from_zeros_that_are_filled():
    (finding,) = parity.check(OneForgotten(), (5, 3)).causes
    assert (finding.code, finding.row, finding.where) == ("never-written", "V", line_of(OneForgotten, "self.dV ="))
