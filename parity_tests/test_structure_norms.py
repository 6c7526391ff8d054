"""Are mistakes with the statistics of a normalisation named?"""

import numpy as np
import pytest

from parity_tests import structures as right
from parity_tests.diagnosed import diagnosed, with_method


def in_norm(layer, dx):
    """The layer with dx(g γ, x̂, std, axis)."""

    def backward(self, dy, cache):
        gradients = type(layer).backward(self, dy, cache)[1]
        return dx(dy * self.gamma, *cache, self.axis), gradients

    return with_method(layer, backward=backward), layer, ((6, 5),)


def mean(array, axis):
    return array.mean(axis=axis, keepdims=True)


def whole(d, xhat, std, axis):
    return (d - mean(d, axis) - xhat * mean(d * xhat, axis)) / std


def of_sample(d, xhat, std, axis):
    n = d.shape[axis]
    return whole(d, xhat, std * np.sqrt(n / (n - 1)), axis)


def over_sample(d, xhat, std, axis):
    n = d.shape[axis]
    return (d - mean(d, axis) - xhat * (d * xhat).sum(axis=axis, keepdims=True) / (n - 1)) / std


def epsilon_outside(d, xhat, std, axis):
    return whole(d, xhat, np.sqrt(std**2 - right.LayerNorm.eps) + right.LayerNorm.eps, axis)


def without_epsilon(d, xhat, std, axis):
    return whole(d, xhat, np.sqrt(std**2 - right.LayerNorm.eps), axis)


def both(name, code, dx):
    """The same mistake in layer norm, over the features, and in batch norm, over the rows."""
    return {
        f"layer norm, {name}": ({"x": code}, *in_norm(right.LayerNorm(), dx)),
        f"batch norm, {name}": ({"x": code}, *in_norm(right.BatchNorm(), dx)),
    }


def in_rms(dx):
    def backward(self, dy, cache):
        return dx(dy, self.gamma, *cache), right.RMSNorm.backward(self, dy, cache)[1]

    return with_method(right.RMSNorm(), backward=backward), right.RMSNorm(), ((6, 5),)


class Centred:
    """y = x − mean(x) over the features."""

    def forward(self, x):
        return x - x.mean(axis=1, keepdims=True), None

    def backward(self, dy, _):
        return dy - mean(dy, 1), {}


class ScaledConvolution:
    """y = γ z per channel of z (N, C, L)."""

    params = ("gamma",)

    def __init__(self):
        (self.gamma,) = right.weights(9, (3,))

    def forward(self, z):
        return self.gamma[:, None] * z, z

    def backward(self, dy, z):
        return self.gamma[:, None] * dy, {"gamma": (dy * z).sum(axis=(0, 2))}


PLANTED = {
    **both("statistics as constants", "statistics-constant", lambda d, xhat, std, axis: d / std),
    **both(
        "mean as a constant",
        "centring-term-missing",
        lambda d, xhat, std, axis: (d - xhat * mean(d * xhat, axis)) / std,
    ),
    **both("variance as a constant", "centring-term-missing", lambda d, xhat, std, axis: (d - mean(d, axis)) / std),
    **both("std of a sample", "variance-convention", of_sample),
    **both("n − 1 under one term", "variance-convention", over_sample),
    **both("ε outside the root", "variance-convention", epsilon_outside),
    **both("ε forgotten", "clip-mismatch", without_epsilon),
    "layer norm, γ left out": (
        {"x": "scale-missing"},
        with_method(
            right.LayerNorm(),
            backward=lambda self, dy, c: (whole(dy, *c, 1), right.LayerNorm.backward(self, dy, c)[1]),
        ),
        right.LayerNorm(),
        ((6, 5),),
    ),
    "RMS norm, scale as a constant": (
        {"x": "statistics-constant"},
        *in_rms(lambda dy, gamma, xhat, rms: dy * gamma / rms),
    ),
    "RMS norm, γ left out": (
        {"x": "scale-missing"},
        *in_rms(lambda dy, gamma, xhat, rms: (dy - xhat * mean(dy * xhat, 1)) / rms),
    ),
    "centred, mean as a constant": (
        {"x": "statistics-constant"},
        with_method(Centred(), backward=lambda self, dy, _: (1.0 * dy, {})),
        Centred(),
        ((4, 5),),
    ),
    "scale per channel": (
        {"z": "scale-missing"},
        with_method(ScaledConvolution(), backward=lambda self, dy, z: (1.0 * dy, {"gamma": (dy * z).sum(axis=(0, 2))})),
        ScaledConvolution(),
        ((2, 3, 4),),
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_cause_is_named(name):
    expected, *planted = PLANTED[name]
    assert diagnosed(*planted) == expected


def test_a_sum_over_another_axis_is_no_statistic_taken_as_a_constant():
    def over_rows(d, xhat, std, axis):
        return (d - mean(d, axis) - xhat * mean(d * xhat, 1 - axis)) / std

    assert diagnosed(*in_norm(right.LayerNorm(), over_rows)) == {}


def test_another_size_under_a_root_is_no_variance():
    """√(4/3) is a factor √(n/(n − 1)) by accident: no statistic over n = 4 entries scales anything here."""

    class Scores:
        def forward(self, x):
            return x.sum(axis=1, keepdims=True) * np.ones(3) / np.sqrt(3), x.shape

        def backward(self, dy, shape):
            return np.broadcast_to(dy.sum(axis=1, keepdims=True) / np.sqrt(self.size(shape)), shape), {}

        def size(self, shape):
            return 3

    wrong = with_method(Scores(), size=lambda self, shape: 4)
    assert set(diagnosed(wrong, Scores(), ((5, 4),)).values()) <= {"constant-factor"}
