"""Activations a = act(z), entry by entry, each with its derivative written so that saturation costs no digits.

torch's `inplace` is left out everywhere: a layer writes only to what its own call has made.
"""

from abc import abstractmethod

import numpy as np

from scratch.checks import check_float, check_number, check_precision, check_shape
from scratch.layers.base import Layer

BLOCK = 1 << 15  # entries at a time: what lies between input and output then stays in the processor's cache


def sigmoid(z):
    """σ(z) = 1 / (1 + e⁻ᶻ), any shape, without overflow.

    With e = exp(−|z|) ≤ 1:  σ(z) = 1/(1+e) for z ≥ 0 and e/(1+e) for z < 0, together exp(min(z, 0)) / (1+e).
    """
    return np.exp(negative_part(z)) / (1 + exp_minus_magnitude(z))


def exp_minus_magnitude(z):
    """exp(−|z|), which never overflows."""
    return np.exp(-magnitude(z))


def magnitude(z):
    """|z|; of a complex number, as it comes in a complex step, that of z and −z which has the larger real part."""
    return np.abs(z) if z.dtype.kind == "f" else np.maximum(z, -z)


def positive_part(z):
    """max(z, 0); an array of zeros is quicker than the number 0, which NumPy does not vectorise here."""
    return np.maximum(z, np.zeros_like(z))


def negative_part(z):
    """min(z, 0)."""
    return np.minimum(z, np.zeros_like(z))


class Activation(Layer):
    """An activation: refuses what no activation takes, so that each class below holds its two formulas alone."""

    def forward(self, z):
        check_float(type(self).__name__, "z", z)
        if z.size <= BLOCK:
            return self.value(z)
        a, slope = np.empty_like(z), np.empty_like(z)
        order = sorted(range(z.ndim), key=lambda axis: -a.strides[axis])  # as z lies in memory
        flat, *blocks = (array.transpose(order).reshape(-1) for array in (z, a, slope))
        for start in range(0, z.size, BLOCK):
            block = slice(start, start + BLOCK)
            blocks[0][block], blocks[1][block] = self.value(flat[block])
        return a, slope

    def backward(self, da, slope):
        name = type(self).__name__
        check_float(name, "da", da)
        check_shape(name, "da", da, slope.shape)
        check_precision(name, "da", da, "z", slope)
        return da * slope, {}

    @abstractmethod
    def value(self, z):
        """(act(z), act′(z)), both of z's shape."""


class Sigmoid(Activation):
    """a = σ(z) = 1 / (1 + e⁻ᶻ): fires smoothly as z crosses 0.

    Given da = ∂J/∂a:   dz = da · σ′(z),   σ′(z) = σ(z) (1 − σ(z)) = σ(z) σ(−z) = e/(1+e)²  with e = exp(−|z|)

    The last form keeps every digit where 1 − σ(z) would cancel: at z = 12 in float32, 1 − σ is off by about 1 %.
    Shapes: z, a, da, dz alike, any shape. Source: lecture 18, "Logistic Regression as an Artifical Neuron".
    Raises TypeError for anything but float arrays, ValueError where da is not of z's shape.
    """

    def value(self, z):
        e = exp_minus_magnitude(z)
        whole = 1 + e
        return np.exp(negative_part(z)) / whole, e / (whole * whole)


class Tanh(Activation):
    """a = tanh(z), between −1 and 1.

    Given da = ∂J/∂a:   dz = da · tanh′(z),   tanh′(z) = 1 − a² = (1 − |a|)(1 + |a|) = (e (1 + |a|))²,   e = exp(−|z|)

    since 1 − |a| = 2e²/(1 + e²) = e² (1 + |a|): the last form keeps every digit where 1 − a² would cancel (it is 0 in
    float64 from |z| = 19.1 on).
    Shapes: z, a, da, dz alike, any shape. Source: lecture 18, "Activation Functions".
    Raises TypeError for anything but float arrays, ValueError where da is not of z's shape.
    """

    def value(self, z):
        a = np.tanh(z)
        root = exp_minus_magnitude(z)
        root *= 1 + magnitude(a)
        root *= root
        return a, root


class ReLU(Activation):
    """a = max(0, z).

    Given da = ∂J/∂a:   dz = da where z > 0, else 0.   At the kink z = 0 the derivative is taken as 0, as torch does.
    Shapes: z, a, da, dz alike, any shape. Source: lecture 18, "Activation Functions".
    Raises TypeError for anything but float arrays, ValueError where da is not of z's shape.
    """

    def value(self, z):
        return positive_part(z), (z.real > 0).astype(z.dtype)


class LeakyReLU(Activation):
    """a = max(0, z) + α min(0, z),   α the negative slope: a unit that is off still learns.

    Given da = ∂J/∂a:   dz = da where z > 0, else α da.   At the kink z = 0 the derivative is taken as α, as torch does.
    Shapes: z, a, da, dz alike, any shape. Source: Maas, Hannun and Ng 2013.
    Raises TypeError for anything but float arrays, ValueError for a slope that is no finite number, or where da is
    not of z's shape.
    """

    def __init__(self, negative_slope=0.01):
        check_number("LeakyReLU", negative_slope=negative_slope)
        self.negative_slope = float(negative_slope)

    def value(self, z):
        on = (z.real > 0).astype(z.dtype)
        return positive_part(z) + self.negative_slope * negative_part(z), on + self.negative_slope * (1 - on)

    def __repr__(self):
        return f"LeakyReLU(negative_slope={self.negative_slope})"


class ELU(Activation):
    """a = z for z > 0, α (eᶻ − 1) for z ≤ 0: as ReLU above, with outputs down to −α, so their mean is nearer 0.

    Given da = ∂J/∂a:   dz = da where z > 0, else α eᶻ da.   At z = 0, a kink unless α = 1, the derivative is taken as
    α, as torch does. eᶻ − 1 is expm1, which keeps its digits near 0, and the slope is not read off a + α, which
    cancels where the unit is saturated.
    Shapes: z, a, da, dz alike, any shape. Source: Clevert, Unterthiner and Hochreiter 2016.
    Raises TypeError for anything but float arrays, ValueError for an alpha that is no finite number, or where da is
    not of z's shape.
    """

    def __init__(self, alpha=1.0):
        check_number("ELU", alpha=alpha)
        self.alpha = float(alpha)

    def value(self, z):
        below, on = negative_part(z), (z.real > 0).astype(z.dtype)
        return positive_part(z) + self.alpha * np.expm1(below), on + self.alpha * (1 - on) * np.exp(below)

    def __repr__(self):
        return f"ELU(alpha={self.alpha})"


class Step(Activation):
    """a = 1 if z > 0 else 0, so 0 at z = 0: the perceptron's activation.

    Its derivative is 0 wherever it exists, so no gradient descends through it: backward is refused (TypeError).
    Shapes: z, a alike, any shape. Source: lecture 18, "Perceptron".
    """

    def forward(self, z):
        check_float("Step", "z", z)
        return self.value(z)

    def value(self, z):
        return (z.real > 0).astype(z.dtype), None

    def backward(self, da, cache):
        raise TypeError(
            "Step: no gradient passes through a step (its derivative is 0, and none exists at z = 0); "
            "train with the perceptron rule, Perceptron.fit, or use Sigmoid"
        )
