"""Are wrong activations, losses and networks caught as well, and odd but right ones not blamed?"""

import os

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


class Noisy(scratch.Linear):
    def backward(self, dz, x):
        dx, grads = super().backward(dz, x)
        return dx + np.random.normal(size=dx.shape), grads  # noqa: NPY002


class Remembers(scratch.Linear):
    store = [1.0]  # noqa: RUF012 (shared by all copies: that is the mistake)

    def backward(self, dz, x):
        self.store.append(1.0)
        dx, grads = super().backward(dz, x)
        return dx * sum(self.store), grads


@pytest.mark.parametrize("subject", [Noisy, Remembers])
def test_two_equal_calls_that_differ_are_no_rounding(subject):
    report = parity.check(subject(4, 3, rng=0), (5, 4), against=nn.Linear(4, 3))
    assert {row.name: row.cause for row in report.rows if row.verdict == "fail"} == {"x": "nondeterministic"}


def test_a_random_twin_is_refused():
    class Dropped(nn.Linear):
        def forward(self, x):
            return F.dropout(super().forward(x), 0.5, True)

    with pytest.raises(ValueError, match="the twin Dropped is random"):
        parity.check(scratch.Linear(4, 3, rng=0), (50, 4), against=Dropped(4, 3))


class Meddles(scratch.Linear):
    def backward(self, dz, x):
        np.random.seed(1)  # noqa: NPY002
        np.seterr(all="raise")
        os.chdir("/")
        torch.manual_seed(3)
        return super().backward(dz, x)


def test_what_a_subject_meddles_with_is_put_back():
    twin = nn.Linear(4, 3)
    before = np.random.get_state()[1].tolist(), np.geterr(), os.getcwd(), torch.get_rng_state().tolist()  # noqa: NPY002
    assert parity.check(Meddles(4, 3, rng=0), (5, 4), against=twin).ok
    after = np.random.get_state()[1].tolist(), np.geterr(), os.getcwd(), torch.get_rng_state().tolist()  # noqa: NPY002
    assert before == after


def test_a_subject_that_exits_is_an_error():
    class Leaves(scratch.Linear):
        def backward(self, dz, x):
            raise SystemExit(0)

    assert parity.check(Leaves(4, 3), (5, 4), against=nn.Linear(4, 3)).verdict == "error"


STRANGE = {
    "weight-list": ({"bias": [0.1, 0.2, 0.3]}, TypeError, "expected weight bias as an array of real numbers, got list"),
    "weight-complex": ({"bias": np.ones(3) + 0j}, TypeError, "expected weight bias .* got complex128"),
    "weight-nan": ({"bias": np.full(3, np.nan)}, ValueError, "weight bias holds NaN"),
    "params-text": (
        {"params": "weight"},
        TypeError,
        "expected params as a tuple of names .* got 'weight'",
    ),
    "params-missing": ({"params": ("weight", "b")}, TypeError, "expected params as a tuple of names"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_strange_weights_are_refused(name):
    attributes, error, message = STRANGE[name]
    subject = scratch.Linear(4, 3, rng=0)
    vars(subject).update(attributes)
    with pytest.raises(error, match=message):
        parity.check(subject, (5, 4), against=nn.Linear(4, 3))


@pytest.mark.parametrize(
    ("against", "message"),
    [
        (lambda x: torch.sigmoid(x).detach(), "autograd cannot differentiate the twin"),
        (lambda x: x > 0, "must return float tensors, got torch.bool"),
        (lambda x: None, "must return float tensors, got NoneType"),
        (lambda x: x.detach().numpy(), "must return float tensors, got float64"),
    ],
)
def test_strange_twins_are_refused(against, message):
    with pytest.raises(ValueError, match=message):
        parity.check(scratch.Sigmoid(), (5, 4), against=against)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: parity.check(scratch.Linear, (5, 4), against=nn.Linear(4, 3)),
            TypeError,
            "the subject is the class Linear",
        ),
        (
            lambda: parity.check(scratch.Tanh(), (-5, 4), against=nn.Tanh()),
            ValueError,
            "as a shape of numbers from 0 up",
        ),
        (
            lambda: parity.check(scratch.Tanh(), [[1.0], [1.0, 2]], against=nn.Tanh()),
            TypeError,
            "as an array or a shape",
        ),
        (
            lambda: parity.check(scratch.Tanh(), (5, 4), against=nn.Tanh(), seed=-1),
            ValueError,
            "expected seed as a whole",
        ),
        (
            lambda: parity.check(scratch.Tanh(), np.array([1e300]), against=nn.Tanh(), dtype="float32"),
            ValueError,
            "numbers too large for float32",
        ),
    ],
)
def test_strange_calls_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
