"""Is every way in which people keep weights and gradients read, so that all of them are judged?"""

import numpy as np
import pytest
from torch import nn

import parity
from parity_tests.keepers import KEPT, Affine, B, W

NAMES = [
    ("W", "b", "W_grad", "b_grad"),
    ("W", "b", "grad_W", "grad_b"),
    ("W", "b", "dW", "db"),
    ("w", "b", "d_w", "d_b"),
    ("_W", "_b", "_dW", "_db"),
    ("coef_", "intercept_", "dcoef_", "dintercept_"),
    ("weights", "biases", "dweights", "dbiases"),
    ("weights", "bias", "weights_gradient", "bias_gradient"),
    ("weight", "bias", "dW", "db"),
    ("W", "b", "grads_W", "grads_b"),
    ("W1", "b1", "dW1", "db1"),
    ("W", "b", "dL_dW", "dL_db"),
    ("W", "b", "dJdW", "dJdb"),
    ("gamma", "beta", "nabla_gamma", "nabla_beta"),
]


def rows(subject, *inputs, **options):
    report = parity.check(subject, *(inputs or ((5, 4),)), **options)
    assert report.ok, report
    return {f"{row.kind} {row.name}" for row in report.rows}


def dense(w, b, dw, db, start):
    """A class that keeps its arrays under those names; start: of the gradients, absent where it is False."""

    class Dense:
        def __init__(self):
            setattr(self, w, W.copy())
            setattr(self, b, B.copy())
            if start is not False:
                setattr(self, dw, start)
                setattr(self, db, start)

        def forward(self, x):
            self.x = x
            return x @ getattr(self, w) + getattr(self, b)

        def backward(self, dz):
            setattr(self, dw, self.x.T @ dz)
            setattr(self, db, dz.sum(axis=0))
            return dz @ getattr(self, w).T

    return Dense()


@pytest.mark.parametrize("start", [np.zeros(1), None, False], ids=["zeros", "None", "absent"])
@pytest.mark.parametrize("names", NAMES, ids=lambda names: names[2])
def test_gradients_in_attributes(names, start):
    assert rows(dense(*names, start)) == {"output output", "input x", f"parameter {names[0]}", f"parameter {names[1]}"}


@pytest.mark.parametrize("kind", KEPT, ids=lambda kind: kind.__name__)
def test_weights_and_gradients_are_found_wherever_they_are_kept(kind):
    assert len(rows(kind())) == 4
    twin = nn.Linear(4, 3)
    assert len(rows(kind(), against=twin)) == 4


@pytest.mark.parametrize("kind", KEPT, ids=lambda kind: kind.__name__)
def test_a_wrong_gradient_is_seen_wherever_it_is_kept(kind):
    wrong = type("Wrong", (kind,), {"both": lambda self, dz: (self.x.T @ dz, dz.mean(axis=0))})
    report = parity.check(wrong(), (5, 4))
    (row,) = (row for row in report.rows if row.verdict == "fail")
    assert row.name.rpartition(".")[2] in ("b", "1")


class ForgetsTheBias(Affine):
    def backward(self, dz):
        self.dW = self.x.T @ dz
        return dz @ self.W.T


def test_a_weight_without_a_gradient_beside_one_that_has_one_is_forgotten():
    report = parity.check(ForgetsTheBias(), (5, 4))
    assert {row.name: row.cause for row in report.rows if row.verdict == "fail"} == {"b": "never-written"}


class UnderStrangeNames(Affine):
    def backward(self, dz):
        self.first, self.second = self.both(dz)
        return dz @ self.W.T


def test_weights_whose_gradients_are_nowhere_prove_nothing():
    report = parity.check(UnderStrangeNames(), (5, 4))
    assert {row.name for row in report.rows if row.verdict == "void"} == {"W", "b"}
    assert not report.ok
    assert "name it W_grad, or give wrt= if it is not learnt" in str(report)
    assert parity.check(UnderStrangeNames(), (5, 4), wrt="x").ok


class Scaled(Affine):
    """Constants and statistics are no weights, whatever they do to the output."""

    def __init__(self):
        super().__init__()
        self.mean, self.scale, self.history = np.full(4, 0.3), np.full(4, 2.0), np.ones(7)

    def forward(self, x):
        return super().forward((x - self.mean) / self.scale)

    def backward(self, dz):
        return super().backward(dz) / self.scale


def test_constants_are_no_weights():
    assert rows(Scaled()) == {"output output", "input x", "parameter W", "parameter b"}


class Momentum(Affine):
    """What an optimizer keeps is neither a weight nor a gradient."""

    def __init__(self):
        super().__init__()
        self.vW, self.W_velocity, self.W_old = np.zeros_like(self.W), np.ones_like(self.W), self.W.copy()


def test_what_an_optimizer_keeps_is_no_weight():
    assert rows(Momentum()) == {"output output", "input x", "parameter W", "parameter b"}


class ReturnsTooMuch(Affine):
    def backward(self, dz):
        super().backward(dz)
        return dz @ self.W.T, dz, dz


def test_what_backward_returns_too_much_is_refused_with_the_remedy():
    report = parity.check(ReturnsTooMuch(), (5, 4))
    assert report.verdict == "error"
    assert "leave gradients of weights in attributes (W_grad), or return them as a dict" in str(report)


class Neuron:
    """One output; its bias is a number."""

    def __init__(self, bias):
        self.w, self.b, self.rate = np.array([0.5, -1.0, 2.0]), bias, 0.1

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, dz):
        self.dw, self.db = self.x.T @ dz, self.sum(dz)
        return np.outer(dz, self.w)

    def sum(self, dz):
        return dz.sum()


@pytest.mark.parametrize("bias", [0, 0.3, np.float64(0.3), np.array(0.3)], ids=lambda bias: type(bias).__name__)
def test_a_bias_may_be_a_number(bias):
    assert rows(Neuron(bias), (5, 3)) == {"output output", "input x", "parameter w", "parameter b"}
    wrong = type("Wrong", (Neuron,), {"sum": lambda self, dz: dz.mean()})
    report = parity.check(wrong(bias), (5, 3))
    assert {row.name for row in report.rows if row.verdict == "fail"} == {"b"}
