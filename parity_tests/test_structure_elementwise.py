"""Are wrong derivatives of activations, masks and bounds named?"""

import numpy as np
import pytest

import parity
from parity.diagnosis.structure.elementwise import gelu_slope, gelu_tanh_slope
from parity_tests import structures as right
from parity_tests.diagnosed import diagnosed, with_method

sigmoid, ROWS = right.sigmoid, ((5, 4),)
PROBABILITIES = np.random.default_rng(5).uniform(0, 1, (6, 4))


def activation(act, slope, wrong, inputs=ROWS):
    """y = act(x) with dx = wrong(dy, x, y) for dy·slope(x, y)."""
    layer = with_method(right.Activation(), act=staticmethod(act), slope=staticmethod(slope))
    return with_method(layer, backward=lambda self, dy, cache: (wrong(dy, *cache), {})), layer, inputs


def sigmoids(wrong):
    return activation(sigmoid, lambda x, y: y * (1 - y), wrong)


def tanhs(wrong):
    return activation(np.tanh, lambda x, y: 1 - y * y, wrong)


def silus(wrong):
    return activation(lambda x: x * sigmoid(x), lambda x, y: sigmoid(x) * (1 + x * sigmoid(-x)), wrong)


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def leaky(below, wrong):
    return activation(lambda x: np.where(x > 0, x, below * x), lambda x, y: np.where(x > 0, 1, below), wrong)


def elu(wrong):
    return activation(
        lambda x: np.where(x > 0, x, 1.5 * (np.exp(x) - 1)), lambda x, y: np.where(x > 0, 1, 1.5 * np.exp(x)), wrong
    )


def relu(wrong):
    return activation(lambda x: np.maximum(0, x), lambda x, y: x > 0, wrong)


def bounded(wrong):
    return activation(lambda x: np.clip(x, -1, 1), lambda x, y: np.abs(x) < 1, wrong)


def bounded_log(wrong):
    return activation(
        lambda p: np.log(np.clip(p, 0.2, 0.8)), lambda p, y: ((p > 0.2) & (p < 0.8)) / p, wrong, (PROBABILITIES,)
    )


class Dropout:
    def __init__(self):
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        mask = self.rng.random(x.shape) < 0.7
        return x * mask / 0.7, mask

    def backward(self, dy, mask):
        return dy * mask / 0.7, {}


class Deep:
    """y = max(0, tanh(x W₁) W₂) W₃."""

    params = ("W1", "W2", "W3")

    def __init__(self):
        self.W1, self.W2, self.W3 = right.weights(11, (4, 5), (5, 5), (5, 2))

    def forward(self, x):
        a = np.tanh(x @ self.W1)
        z = a @ self.W2
        h = np.maximum(z, 0)
        return h @ self.W3, (x, a, z, h)

    def through(self, dh, z, h):
        return dh * (z > 0)

    def backward(self, dy, cache):
        x, a, z, h = cache
        dz = self.through(dy @ self.W3.T, z, h)
        da = (dz @ self.W2.T) * (1 - a * a)
        return da @ self.W1.T, {"W1": x.T @ da, "W2": a.T @ dz, "W3": h.T @ dy}


HIDDEN = ("x", "W1", "W2")
PLANTED = {
    "sigmoid, missing": ({"x": "activation-derivative-missing"}, *sigmoids(lambda g, x, y: 1.0 * g)),
    "tanh, missing": ({"x": "activation-derivative-missing"}, *tanhs(lambda g, x, y: 1.0 * g)),
    "sigmoid, twice": ({"x": "activation-derivative-twice"}, *sigmoids(lambda g, x, y: g * (y * (1 - y)) ** 2)),
    "tanh, twice": ({"x": "activation-derivative-twice"}, *tanhs(lambda g, x, y: g * (1 - y * y) ** 2)),
    "sigmoid, in a fed z": ({"x": "activation-derivative-wrong-input"}, *sigmoids(lambda g, x, y: g * x * (1 - x))),
    "sigmoid, in z fed a": (
        {"x": "activation-derivative-wrong-input"},
        *sigmoids(lambda g, x, y: g * sigmoid(y) * sigmoid(-y)),
    ),
    "tanh, in a fed z": ({"x": "activation-derivative-wrong-input"}, *tanhs(lambda g, x, y: g * (1 - x * x))),
    "sigmoid, half of the product": ({"x": "activation-derivative-wrong"}, *sigmoids(lambda g, x, y: g * (1 - y))),
    "sigmoid, of tanh": ({"x": "activation-derivative-wrong"}, *sigmoids(lambda g, x, y: g * (1 - y * y))),
    "SiLU, first term": ({"x": "activation-derivative-wrong"}, *silus(lambda g, x, y: g * sigmoid(x))),
    "SiLU, second term": (
        {"x": "activation-derivative-wrong"},
        *silus(lambda g, x, y: g * x * sigmoid(x) * sigmoid(-x)),
    ),
    "leaky ReLU, of ReLU": ({"x": "activation-derivative-wrong"}, *leaky(0.1, lambda g, x, y: g * (x > 0))),
    "GELU by tanh, of GELU": (
        {"x": "variant-mismatch"},
        *activation(gelu, lambda x, y: gelu_tanh_slope(x), lambda g, x, y: g * gelu_slope(x)),
    ),
    "leaky ReLU, another slope": (
        {"x": "variant-mismatch"},
        *leaky(0.1, lambda g, x, y: g * np.where(x > 0, 1, 0.3)),
    ),
    "leaky ReLU, the square of its slope": (
        {"x": "variant-mismatch"},
        *leaky(0.1, lambda g, x, y: np.where(x > 0, g, 0.01 * g)),
    ),
    "ELU, α of 1 for 1.5": ({"x": "variant-mismatch"}, *elu(lambda g, x, y: g * np.where(x > 0, 1, np.exp(x)))),
    "ELU, a + 1 for a + α": ({"x": "variant-mismatch"}, *elu(lambda g, x, y: g * np.where(x > 0, 1, y + 1))),
    "ReLU, no mask": ({"x": "mask-wrong"}, *relu(lambda g, x, y: 1.0 * g)),
    "ReLU, of the upstream gradient": ({"x": "mask-wrong"}, *relu(lambda g, x, y: g * (g > 0))),
    "leaky ReLU, of the upstream gradient": (
        {"x": "mask-wrong"},
        *leaky(0.1, lambda g, x, y: np.where(g > 0, g, 0.1 * g)),
    ),
    "dropout, no mask": (
        {"x": "mask-wrong"},
        with_method(Dropout(), backward=lambda self, dy, mask: (dy / 0.7, {})),
        Dropout(),
        ((5, 6),),
    ),
    "dropout, no scale": (
        {"x": "constant-factor"},
        with_method(Dropout(), backward=lambda self, dy, mask: (dy * mask, {})),
        Dropout(),
        ((5, 6),),
    ),
    "deep, no mask": (
        dict.fromkeys(HIDDEN, "mask-wrong"),
        with_method(Deep(), through=lambda self, dh, z, h: 1.0 * dh),
        Deep(),
        ((6, 4),),
    ),
    "deep, mask of the gradient": (
        dict.fromkeys(HIDDEN, "mask-wrong"),
        with_method(Deep(), through=lambda self, dh, z, h: dh * (dh > 0)),
        Deep(),
        ((6, 4),),
    ),
    "clip, ignored": ({"x": "clip-mismatch"}, *bounded(lambda g, x, y: 1.0 * g)),
    "clip, of one bound": ({"x": "clip-mismatch"}, *bounded(lambda g, x, y: g * (x < 1))),
    "clip under a log": ({"x": "clip-mismatch"}, *bounded_log(lambda g, p, y: g / np.clip(p, 0.2, 0.8))),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_cause_is_named(name):
    expected, *planted = PLANTED[name]
    assert diagnosed(*planted) == expected


FACTORS = {
    "missing": lambda dy, x, y: (dy, dy * x),
    "inverse of the other": lambda dy, x, y: (dy / x, dy * x),
    "squared": lambda dy, x, y: (dy * y * y, dy * x),
}


@pytest.mark.parametrize("name", FACTORS)
def test_a_factor_is_no_activation(name):
    """x y is no function of x alone: what is wrong with y in dx = dy·y is no derivative of one."""
    report = parity.check((np.multiply, FACTORS[name]), (5, 4), (5, 4))
    assert report.verdict == "fail"
    assert not [finding.code for finding in report.causes if finding.code.startswith("activation")]
