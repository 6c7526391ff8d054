"""Are mistakes with softmax, its loss and its links named?"""

import numpy as np
import pytest

from parity_tests import structures as right
from parity_tests.diagnosed import diagnosed, with_method
from parity_tests.structures_in_steps import Attention

LABELS = np.array([0, 2, 1, 2, 2, 0])
SCORES, WITH_LABELS = ((4, 3),), ((6, 3), LABELS)
PROBABILITIES = np.random.default_rng(0).uniform(0.1, 0.9, (6, 3))
TARGETS = np.random.default_rng(1).integers(0, 2, (6, 3)).astype(float)


def backward(layer, dz):
    """A layer whose dz is dz(upstream gradient, cache)."""
    return with_method(layer, backward=lambda self, d, cache: (dz(d, cache), {}))


def loss(dz):
    """CrossEntropy with dz(p, one-hot labels), over the rows and times the upstream gradient."""

    def backward(self, dJ, cache):
        p, labels, _ = cache
        return (dJ * dz(p, np.eye(3)[labels]) / len(p), None), {}

    return with_method(right.CrossEntropy(), backward=backward), right.CrossEntropy(), WITH_LABELS


def one_hot_loss(dz):
    def wrong(z, target):
        J, d = right.cross_entropy_of_one_hot(z, target)
        return J, dz(d + target / len(z), target / len(z))

    return wrong, right.cross_entropy_of_one_hot, ((6, 3), np.eye(3)[LABELS])


def attention(softmax_backward):
    wrong = with_method(Attention(), softmax_backward=lambda self, da, a: softmax_backward(da, a))
    return wrong, Attention(), ((2, 4, 3),)


def binary(p, t):
    return np.asarray(-(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()), (p - t) / (p * (1 - p)) / p.size


def binary_of_logits(z, t):
    return binary(right.sigmoid(z), t)[0], (right.sigmoid(z) - t) / z.size


def twice(self, z):
    return right.Softmax.forward(self, right.Softmax.forward(self, z)[0])


OVER_ROWS = with_method(right.Softmax(), axis=0)
SCORED = ("Wq", "Wk", "x")
PLANTED = {
    "softmax, s(1 − s)": (
        {"z": "softmax-diagonal"},
        backward(right.Softmax(), lambda d, s: d * s * (1 - s)),
        right.Softmax(),
        SCORES,
    ),
    "softmax over rows, s(1 − s)": (
        {"z": "softmax-diagonal"},
        backward(OVER_ROWS, lambda d, s: d * s * (1 - s)),
        OVER_ROWS,
        SCORES,
    ),
    "softmax, without the sum": (
        {"z": "softmax-diagonal"},
        backward(right.Softmax(), lambda d, s: d * s),
        right.Softmax(),
        SCORES,
    ),
    "log-softmax, 1 − s": (
        {"z": "softmax-diagonal"},
        backward(right.LogSoftmax(), lambda d, y: d * (1 - np.exp(y))),
        right.LogSoftmax(),
        SCORES,
    ),
    "attention, s(1 − s)": (dict.fromkeys(SCORED, "softmax-diagonal"), *attention(lambda d, a: d * a * (1 - a))),
    "attention, without the sum": (dict.fromkeys(SCORED, "softmax-diagonal"), *attention(lambda d, a: d * a)),
    "attention, nothing": (
        dict.fromkeys(SCORED, "activation-derivative-missing"),
        *attention(lambda d, a: 1.0 * d),
    ),
    "softmax, nothing": (
        {"z": "activation-derivative-missing"},
        backward(right.Softmax(), lambda d, s: d.copy()),
        right.Softmax(),
        SCORES,
    ),
    "attention, twice": (
        dict.fromkeys(SCORED, "activation-derivative-twice"),
        *attention(lambda d, a: a * (d - (d * a).sum(axis=2, keepdims=True)) * a * (1 - a)),
    ),
    "cross-entropy without the target": ({"z": "one-hot-missing"}, *loss(lambda p, y: p)),
    "cross-entropy of the target alone": ({"z": "one-hot-missing"}, *loss(lambda p, y: -y)),
    "one-hot target left out": ({"z": "one-hot-missing"}, *one_hot_loss(lambda p, y: p)),
    "one-hot target alone": ({"z": "one-hot-missing"}, *one_hot_loss(lambda p, y: -y)),
    "one-hot, ascent": ({"z": "sign-flipped"}, *one_hot_loss(lambda p, y: y - p)),
    "sigmoid of the sigmoid": (
        {"output": "link-doubled"},
        with_method(right.Activation(), act=lambda self, x: right.sigmoid(right.sigmoid(x))),
        right.Activation(),
        SCORES,
    ),
    "no sigmoid": (
        {"output": "link-doubled"},
        with_method(right.Activation(), act=lambda self, x: 1.0 * x),
        right.Activation(),
        SCORES,
    ),
    "softmax of the softmax": (
        {"output": "link-doubled"},
        with_method(right.Softmax(), forward=twice),
        right.Softmax(),
        SCORES,
    ),
    "probabilities for logits": ({"output": "link-doubled"}, binary_of_logits, binary, (PROBABILITIES, TARGETS)),
    "logits for probabilities": ({"output": "link-doubled"}, binary, binary_of_logits, (PROBABILITIES, TARGETS)),
    "softmax of a softmax unknown to backward": (
        {"z": "link-doubled"},
        with_method(right.Softmax(), forward=twice),
        with_method(
            right.Softmax(),
            forward=lambda self, z: (twice(self, z)[0], (right.Softmax.forward(self, z)[0], twice(self, z)[0])),
            backward=lambda self, d, cache: right.Softmax.backward(
                self, right.Softmax.backward(self, d, cache[1])[0], cache[0]
            ),
        ),
        SCORES,
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_cause_is_named(name):
    expected, *planted = PLANTED[name]
    assert diagnosed(*planted) == expected


@pytest.mark.parametrize(
    "dz",
    [
        lambda d, s: s * (d + (d * s).sum(axis=-1, keepdims=True)),
        lambda d, s: s * (d - (d * s).mean(axis=-1, keepdims=True)),
        lambda d, s: s * (d - (s * s).sum(axis=-1, keepdims=True)),
    ],
)
def test_another_sum_is_no_diagonal(dz):
    """s·(g − Σ g·s) is right whatever is added to a row of g: H must be made of the true g to be called diagonal."""
    assert diagnosed(backward(right.Softmax(), dz), right.Softmax(), SCORES) == {}


def test_a_target_subtracted_twice_is_not_one_left_out():
    assert diagnosed(*loss(lambda p, y: p - 2 * y)) == {}
