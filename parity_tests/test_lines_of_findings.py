"""Do findings name the user's own line: of what was typed in, draws, writes of torch, forwards, zeros that stay?"""

import inspect

import numpy as np
import pytest
from torch.autograd import Function

import parity


def line_of(thing, text):
    """`test_lines_of_findings.py:23`, the line of a function or class that holds a text."""
    source, first = inspect.getsourcelines(thing)
    return f"test_lines_of_findings.py:{first + next(i for i, line in enumerate(source) if text in line)}"


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
