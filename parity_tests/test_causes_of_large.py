"""Is a cause named where there are too many entries to try one by one: in NumPy, in torch, in a part of a network?"""

import numpy as np
import pytest
import torch

import parity
import scratch


class TwoLayers:
    """A classifier of 70 features: 2,800 entries in its first weight. `slope` is the derivative of tanh."""

    def __init__(self, slope=lambda z, a: 1 - a**2):
        rng = np.random.default_rng(0)
        self.W1, self.b1 = rng.normal(size=(70, 40)) / 8, rng.normal(size=40)
        self.W2, self.b2 = rng.normal(size=(40, 3)) / 6, rng.normal(size=3)
        self.slope = slope

    def forward(self, x, y):
        self.x, self.y = x, y
        self.z = x @ self.W1 + self.b1
        self.a = np.tanh(self.z)
        scores = self.a @ self.W2 + self.b2
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return -np.mean(np.log(self.p[np.arange(len(y)), y]))

    def backward(self):
        d = self.p / len(self.y)
        d[np.arange(len(self.y)), self.y] -= 1 / len(self.y)
        self.dW2, self.db2 = self.a.T @ d, d.sum(axis=0)
        dz = d @ self.W2.T * self.slope(self.z, self.a)
        self.dW1, self.db1 = self.x.T @ dz, dz.sum(axis=0)


LABELS = np.arange(9) % 3


@pytest.mark.parametrize(
    ("slope", "code"),
    [
        (lambda z, a: 1.0, "activation-derivative-missing"),
        (lambda z, a: 1 - z**2, "activation-derivative-wrong-input"),
        (lambda z, a: (1 - a**2) ** 2, "activation-derivative-twice"),
    ],
    ids=["missing", "wrong-input", "twice"],
)
def test_a_mistake_in_a_large_class_is_named(slope, code):
    report = parity.check(TwoLayers(slope), (9, 70), LABELS)
    wrong = {row.name: row.cause for row in report.rows if row.verdict == "fail"}
    assert wrong == {"W1": code, "b1": code}


def test_the_right_class_passes():
    assert parity.check(TwoLayers(), (9, 70), LABELS).ok


class Averaging(scratch.Linear):
    def backward(self, dz, rows):
        dx, grads = super().backward(dz, rows)
        return dx, grads | {"bias": dz.mean(axis=0)}


def test_a_wrong_part_of_a_large_network_is_named():
    right = scratch.models.mlp((60, 50, 40, 3), rng=0)
    wrong = Averaging(50, 40, rng=np.random.default_rng(1))
    report = parity.check(scratch.Sequential(*right.layers[:2], wrong, *right.layers[3:]), (7, 60))
    (cause,) = report.causes
    assert (cause.code, cause.row) == ("bias-averaged", "2.bias")
    assert cause.where.startswith("layers.2 (Linear(50, 40)), test_causes_of_large.py:")


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return dy * x


def test_a_large_torch_function_without_a_twin_is_diagnosed():
    report = parity.check(Square.apply, (50, 60))
    (cause,) = report.causes
    assert cause.code == "constant-factor"
    assert cause.repair.new == "dy * x * 2"


def test_no_cause_is_sought_for_one_wrong_entry_of_many():
    def backward(dy, x):
        dx = 2 * x * dy
        dx[-1, 5] *= -1
        return dx

    report = parity.check((lambda x: x**2, backward), (50, 60))
    (cause,) = report.causes
    assert cause.code == "unknown"
    assert "one entry alone is wrong, the rest agrees" in cause.sentence
    assert report.rows[-1].worst.index == (49, 5)
