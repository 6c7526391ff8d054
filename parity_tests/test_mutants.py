"""Are wrong activations, losses and networks caught as well, and odd but right ones not blamed?"""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import parity
import scratch
from scratch import losses


def layer(base, backward):
    """A layer like base with another backward (self, d, cache)."""
    return type(backward.__name__, (base,), {"backward": backward})


def without_one(self, da, slope):  # σ′ = σ without 1 − σ
    return da * (0.5 + np.sqrt(np.maximum(0.25 - slope, 0))), {}


def derivative_missing(self, da, slope):
    return da.copy(), {}


def derivative_twice(self, da, slope):
    return da * slope * slope, {}


def sign_of_upstream(self, da, slope):
    return np.abs(da) * slope, {}


def clipped_upstream(self, da, slope):
    return np.clip(da, 0, 1) * slope, {}


ACTIVATIONS = [
    (scratch.Sigmoid, nn.Sigmoid, without_one),
    *(
        (base, twin, backward)
        for base, twin in ((scratch.Sigmoid, nn.Sigmoid), (scratch.Tanh, nn.Tanh), (scratch.ReLU, nn.ReLU))
        for backward in (derivative_missing, derivative_twice, sign_of_upstream, clipped_upstream)
        if (base, backward) != (scratch.ReLU, derivative_twice)  # 1 · 1 and 0 · 0: it is right
    ),
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("base", "twin", "backward"), ACTIVATIONS)
def test_wrong_activations(base, twin, backward, dtype):
    wrong = layer(base, backward)
    assert parity.check(wrong(), (5, 4), against=twin(), dtype=dtype).verdict == "fail"
    net = scratch.Sequential(scratch.Linear(3, 4, rng=0), wrong(), scratch.Linear(4, 2, rng=1))
    report = parity.check(net, (6, 3), against=nn.Sequential(nn.Linear(3, 4), twin(), nn.Linear(4, 2)), dtype=dtype)
    assert {row.name for row in report.rows if row.verdict == "fail"} == {"x", "0.weight", "0.bias"}


def scaled(loss, factor):
    def wrong(output, target):
        J, d = loss(output, target)
        return J, d * factor

    return wrong


def target_left_out(output, target):
    J, dz = losses.cross_entropy(output, target)
    dz = dz.copy()
    dz[np.arange(len(target)), target] += 1 / len(target)
    return J, dz


LOSSES = {
    "mse-half": (scaled(losses.mse, 0.5), F.mse_loss, ((4, 3), (4, 3))),
    "mse-ascent": (scaled(losses.mse, -1.0), F.mse_loss, ((4, 3), (4, 3))),
    "mse-sum": (scaled(losses.mse, 12.0), F.mse_loss, ((4, 3), (4, 3))),
    "mse-a-trillionth": (scaled(losses.mse, 1 + 1e-12), F.mse_loss, ((4, 3), (4, 3))),
    "cross-entropy-one-hot": (target_left_out, F.cross_entropy, ((4, 3), np.array([0, 2, 1, 1]))),
    "logits-for-probabilities": (
        lambda z, t: losses.bce_with_logits(z, t),
        F.binary_cross_entropy,
        (np.array([0.3, 0.6]), np.array([0.0, 1.0])),
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_wrong_losses(name):
    wrong, twin, inputs = LOSSES[name]
    assert parity.check(wrong, *inputs, against=twin).verdict == "fail"


class RowMaximum(scratch.Layer):
    """y = max over each row; dx = dy where x is the maximum: a mask by equality, which a moved value would break."""

    factor = 1.0

    def forward(self, x):
        return x.max(axis=1), x

    def backward(self, dy, x):
        return dy[:, None] * self.factor * (x == x.max(axis=1, keepdims=True)), {}


def test_masks_by_equality_are_judged():
    assert parity.check(RowMaximum(), (4, 3), against=lambda x: x.amax(1)).ok
    wrong = RowMaximum()
    wrong.factor = 2.5
    assert parity.check(wrong, (4, 3), against=lambda x: x.amax(1)).verdict == "fail"


class OddSums(scratch.Linear):
    """A right Linear that sums in unusual ways."""

    def backward(self, dz, x):
        ways = [np.sum(dz, axis=np.int64(0)), dz.sum(np.int64(0)), ([1.0] * len(dz)) @ dz, np.ones(len(dz)).dot(dz)]
        ways.append(np.sum(dz, axis=0, where=np.ones((len(dz), 1), bool)))
        return dz @ self.weight, {"weight": np.einsum("ni,nj->ij", dz, x), "bias": sum(ways) / len(ways)}


def test_unusual_but_right_sums_pass():
    assert parity.check(OddSums(4, 3, rng=0), (5, 4), against=nn.Linear(4, 3)).ok


class HalfTheRows(scratch.Linear):
    def backward(self, dz, x):
        dx, grads = super().backward(dz, x)
        return dx, grads | {"bias": np.sum(dz, axis=0, where=x[:, :1] > 0)}


def test_a_masked_sum_that_drops_rows_is_caught():
    for seed in range(5):
        assert parity.check(HalfTheRows(4, 3, rng=0), (8, 4), against=nn.Linear(4, 3), seed=seed).verdict == "fail"


@pytest.mark.parametrize("bound", [1.0, 6.0])
def test_a_mask_from_a_clipped_output_is_judged(bound):
    """A clipped value is exact: moved, its mask would flip and explain any mistake."""

    class Clipped(scratch.Layer):
        wrong = False

        def forward(self, x):
            y = np.clip(x, -bound, bound)
            return y, y

        def backward(self, dy, y):
            return dy * ((np.abs(y) <= bound) if self.wrong else (np.abs(y) < bound)), {}

    x = 5 * np.random.default_rng(0).normal(size=(6, 5))
    assert parity.check(Clipped(), x, against=lambda x: x.clamp(-bound, bound)).ok
    wrong = Clipped()
    wrong.wrong = True
    assert parity.check(wrong, x, against=lambda x: x.clamp(-bound, bound)).verdict == "fail"


def test_a_gradient_that_is_a_tensor_is_named():
    wrong = layer(scratch.Tanh, lambda self, da, slope: (torch.tensor(da * slope), {}))
    assert parity.check(wrong(), (3, 2), against=nn.Tanh()).verdict == "error"
