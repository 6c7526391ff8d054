"""Where hand and twin disagree, is it said who is wrong: forward, backward, the twin, or rounding alone?"""

import numpy as np
import pytest
import torch
from torch import nn

import parity
import scratch


class Tanh(scratch.Layer):
    params = ()
    scale = 1.0

    def forward(self, x):
        y = np.tanh(x)
        return y, y

    def backward(self, dy, y):
        return self.scale * dy * (1 - y * y), {}


def off(layer, scale):
    layer.scale = scale
    return layer


def verdicts(report):
    return {row.name: row.verdict for row in report.rows}


def codes(report):
    return [finding.code for finding in report.causes]


def test_a_wrong_backward_is_blamed_alone():
    report = parity.check(off(Tanh(), 1.01), (5, 4), against=nn.Tanh())
    assert verdicts(report) == {"output": "pass", "x": "fail"}
    assert "The forward agrees: the mistake is in backward." in str(report)
    assert not {"forward-mismatch", "twin-differs"} & set(codes(report))


class Shifted(Tanh):
    """A forward that is not the twin's, with the backward that belongs to it."""

    def forward(self, x):
        y = np.tanh(x + 0.1)
        return y, y


def test_a_wrong_forward_is_blamed_alone_and_backward_is_judged_by_its_own():
    report = parity.check(Shifted(), (5, 4), against=nn.Tanh())
    assert verdicts(report) == {"output": "fail", "x": "pass"}
    assert codes(report) == ["forward-mismatch"]
    assert report.rows[1].note == "by its own forward"
    assert report.title == "Shifted() against torch.nn.Tanh"  # still what the user named
    assert "the mistake is in backward" not in str(report)


def test_where_both_are_wrong_both_are_said():
    report = parity.check(off(Shifted(), 1.01), (5, 4), against=nn.Tanh())
    assert verdicts(report) == {"output": "fail", "x": "fail"}
    assert codes(report)[0] == "forward-mismatch"


def test_a_backward_that_fits_the_twin_and_not_its_own_forward_is_passed_with_the_forward_blamed():
    class OtherForward(Tanh):
        def forward(self, x):
            return np.tanh(x) + 1e-6, np.tanh(x)

    report = parity.check(OtherForward(), (5, 4), against=nn.Tanh())
    assert verdicts(report) == {"output": "fail", "x": "pass"}


def test_an_output_of_another_size_leaves_backward_to_its_own_forward():
    class Twice(Tanh):
        def forward(self, x):
            y = np.tanh(x)
            return np.concatenate([y, y]), y

        def backward(self, dy, y):
            return super().backward(dy[: len(y)] + dy[len(y) :], y)

    report = parity.check(Twice(), (5, 4), against=nn.Tanh())
    assert verdicts(report) == {"output": "fail", "x": "pass"}
    assert report.rows[0].cause == "shape-mismatch"
    assert verdicts(parity.check(off(Twice(), 0.5), (5, 4), against=nn.Tanh()))["x"] == "fail"


class Careless(torch.autograd.Function):
    """A twin whose own backward is wrong."""

    @staticmethod
    def forward(ctx, x):
        return torch.tanh(x)

    @staticmethod
    def backward(ctx, dy):
        return dy


def test_a_twin_that_is_no_twin_is_found_out():
    report = parity.check(Tanh(), (5, 4), against=Careless.apply)
    assert codes(report) == ["twin-differs"]
    assert "autograd of Careless is not the derivative of its own outputs; yours is" in str(report)
    assert "the mistake is in backward" not in str(report)
    assert not report.ok


def test_a_detached_twin_is_found_out():
    report = parity.check(Tanh(), (5, 4), against=lambda x: torch.tanh(x) * 0.5 + torch.tanh(x).detach() * 0.5)
    assert codes(report) == ["twin-differs"]


def test_two_that_are_wrong_in_different_ways_do_not_accuse_the_twin_alone():
    report = parity.check(off(Tanh(), 2.0), (5, 4), against=Careless.apply)
    assert verdicts(report)["x"] == "fail"
    assert "twin-differs" not in codes(report)


class Sigmoid(Tanh):
    """σ′ as y (1 − y): right, and without digits where y is nearly 1."""

    def forward(self, x):
        y = 1 / (1 + np.exp(-x))
        return y, y

    def backward(self, dy, y):
        return (dy * y * (1 - y) * y.dtype.type(self.scale)), {}


SATURATED = np.array([[1.0, 5.0, 12.0, 15.0, 16.5, -3.0]])


@pytest.mark.parametrize("against", [None, nn.Sigmoid()], ids=["numeric", "twin"])
def test_a_right_formula_that_loses_digits_is_rounding(against):
    report = parity.check(Sigmoid(), SATURATED, against=against, dtype="float32")
    assert report.ok, report
    assert set(codes(report)) == {"cancellation"}
    assert "subtract cancels" in str(report)


@pytest.mark.parametrize("against", [None, nn.Sigmoid()], ids=["numeric", "twin"])
@pytest.mark.parametrize("scale", [1.001, 0.999, 1.0001])
def test_a_bug_is_told_from_the_rounding_around_it(scale, against):
    """1 − y at 12 is off by 1 %, at 1 by 10⁻⁷: there a factor of 1.0001 shows."""
    report = parity.check(off(Sigmoid(), scale), SATURATED, against=against, dtype="float32")
    assert verdicts(report)["x"] == "fail"
    assert report.rows[1].worst.index in ((0, 0), (0, 1), (0, 5))  # where digits are left


class Variance(scratch.Layer):
    """E[x²] − E[x]², which float32 has few digits of; its derivative has them all."""

    params = ()

    def forward(self, x):
        return (x * x).mean(axis=1) - x.mean(axis=1) ** 2, x

    def backward(self, dy, x):
        return 2 * dy[:, None] * (x - x.mean(axis=1, keepdims=True)) / x.shape[1], {}


def test_a_forward_that_loses_digits_is_no_other_forward():
    x = 100 + np.random.default_rng(0).normal(size=(3, 6))
    report = parity.check(Variance(), x, against=lambda x: x.var(1, correction=0), dtype="float32")
    assert report.ok, report
    assert report.rows[0].error > 1e-4  # it is off by more than float32's own digits


def test_what_overflows_is_no_rounding():
    def logsumexp(x):
        return np.log(np.exp(x).sum(axis=1))

    def backward(dy, x):
        e = np.exp(x)
        return dy[:, None] * e / e.sum(axis=1, keepdims=True)

    x = np.array([[100.0, 1.0], [2.0, 3.0]])
    assert parity.check((logsumexp, backward), x, against=lambda x: torch.logsumexp(x, 1)).ok
    report = parity.check((logsumexp, backward), x, against=lambda x: torch.logsumexp(x, 1), dtype="float32")
    assert {row.cause for row in report.rows} == {"non-finite"}
    assert report.rows[1].worst.index == (0, 0)
