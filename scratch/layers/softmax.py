"""Softmax: scores become shares that add up to 1 along one axis, so every output depends on every input there."""

import numpy as np

from scratch.checks import check_axis, check_float, check_precision, check_shape
from scratch.layers.base import Layer


def log_softmax(z, dim):
    """(log p, p) with p = softmax(z) along an axis; both keep their digits where one score is far ahead of the rest.

    With m = max z and R = Σ e^{zₖ − m} over all but that largest one:   log pₖ = zₖ − m − log(1 + R)
    """
    top = z.real.argmax(axis=dim, keepdims=True)
    with np.errstate(over="ignore"):  # further below the largest than a float reaches: e^… is 0 either way
        d = z - np.take_along_axis(z, top, dim)
    e = np.exp(d)
    np.put_along_axis(e, top, 0, dim)
    R = e.sum(axis=dim, keepdims=True)
    np.put_along_axis(e, top, 1, dim)
    return d - np.log1p(R), e / (1 + R)


def mean(g, shares, dim):
    """Σₖ aₖ gₖ along an axis, which stays: the mean of g with shares a for weights."""
    return np.vecdot(shares, g, axis=dim, keepdims=True)  # type: ignore[call-overload]  # NumPy's stubs lack axis


class AlongAxis(Layer):
    """What Softmax and LogSoftmax share: the axis, which must be named, and what is refused."""

    def __init__(self, dim=None):
        self.dim = check_axis(type(self).__name__, dim)

    def __repr__(self):
        return f"{type(self).__name__}(dim={self.dim})"

    def check_input(self, z):
        name = type(self).__name__
        check_float(name, "z", z)
        if not -z.ndim <= self.dim < z.ndim:
            raise ValueError(f"{name}: dim {self.dim} is not an axis of z, which has shape {z.shape}")

    def check_upstream(self, da, a):
        name = type(self).__name__
        check_float(name, "da", da)
        check_shape(name, "da", da, a.shape)
        check_precision(name, "da", da, "z", a)


class Softmax(AlongAxis):
    """aₖ = e^{zₖ} / Σⱼ e^{zⱼ} along dim: positive shares that add up to 1.

    Given da = ∂J/∂a:   dzⱼ = Σₖ daₖ ∂aₖ/∂zⱼ = Σₖ daₖ aₖ ([j = k] − aⱼ) = aⱼ (daⱼ − Σₖ aₖ daₖ)

    That bracket g has Σₖ aₖ gₖ = 0, in floats nearly: taking the mean off once more keeps every digit of a share near
    1, where daⱼ and the mean are all but equal. Scores are shifted by their largest first, so nothing overflows;
    a score of −inf has share 0, as in a mask.
    Shapes: z, a, da, dz alike, any shape with that axis. dim must be given: torch's None warns and guesses.
    Raises TypeError for anything but float arrays and for a dim that is no whole number, ValueError for a dim that z
    does not have, or where da is not of z's shape. Source: lecture 18, part 2.
    """

    def forward(self, z):
        self.check_input(z)
        if z.size == 0:
            return z.copy(), z
        with np.errstate(over="ignore"):  # further below the largest than a float reaches: e^… is 0 either way
            a = z - z.max(axis=self.dim, keepdims=True)
        a = np.exp(a)
        a /= a.sum(axis=self.dim, keepdims=True)
        return a, a.copy()

    def backward(self, da, a):
        self.check_upstream(da, a)
        g = da - mean(da, a, self.dim)
        g -= mean(g, a, self.dim)
        return g * a, {}


class LogSoftmax(AlongAxis):
    """aₖ = log pₖ = zₖ − log Σⱼ e^{zⱼ} along dim,   p = softmax(z).

    Given da = ∂J/∂a:   dzⱼ = Σₖ daₖ ([j = k] − pⱼ) = daⱼ − pⱼ Σₖ daₖ

    Σⱼ dzⱼ = 0, in floats nearly: what is left of it is shared out once more, pⱼ to each entry, so that the entry of a
    share near 1 keeps every digit, where daⱼ and pⱼ Σ da are all but equal.
    Shapes: z, a, da, dz alike, any shape with that axis. dim must be given: torch's None warns and guesses.
    Raises TypeError for anything but float arrays and for a dim that is no whole number, ValueError for a dim that z
    does not have, or where da is not of z's shape. Source: lecture 18, part 2.
    """

    def forward(self, z):
        self.check_input(z)
        return log_softmax(z, self.dim) if z.size else (z.copy(), z)

    def backward(self, da, p):
        self.check_upstream(da, p)
        dz = da - p * da.sum(axis=self.dim, keepdims=True)
        dz -= p * dz.sum(axis=self.dim, keepdims=True)
        return dz, {}
