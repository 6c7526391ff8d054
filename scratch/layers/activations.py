"""Activations a = act(z), entry by entry, each with its derivative written so that saturation costs no digits."""

from abc import abstractmethod

import numpy as np

from scratch.checks import check_float, check_precision, check_shape
from scratch.layers.base import Layer


def sigmoid(z):
    """σ(z) = 1 / (1 + e⁻ᶻ), any shape, without overflow.

    With e = exp(−|z|) ≤ 1:  σ(z) = 1/(1+e) for z ≥ 0 and e/(1+e) for z < 0.
    """
    e = exp_minus_magnitude(z)
    return np.where(z.real >= 0, 1, e) / (1 + e)


def exp_minus_magnitude(z):
    """exp(−|z|): of z and −z the smaller (by real part, so a complex step passes), never overflows."""
    return np.exp(np.minimum(z, -z))


class Activation(Layer):
    """An activation: refuses what no activation takes, so that each class below holds its two formulas alone."""

    def forward(self, z):
        check_float(type(self).__name__, "z", z)
        return self.value(z)

    def backward(self, da, slope):
        check_float(type(self).__name__, "da", da)
        check_shape(type(self).__name__, "da", da, slope.shape)
        check_precision(type(self).__name__, "da", da, "z", slope)
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
        return np.where(z.real >= 0, 1, e) / (1 + e), e / ((1 + e) * (1 + e))


class Tanh(Activation):
    """a = tanh(z), between −1 and 1.

    Given da = ∂J/∂a:   dz = da · tanh′(z),   tanh′(z) = 1 − tanh²(z) = 1/cosh²(z) = 4e/(1+e)²  with e = exp(−2|z|)

    The last form keeps every digit where 1 − tanh² would cancel (it is 0 in float64 from |z| = 19.1 on).
    Shapes: z, a, da, dz alike, any shape. Source: lecture 18, "Activation Functions".
    Raises TypeError for anything but float arrays, ValueError where da is not of z's shape.
    """

    def value(self, z):
        e = exp_minus_magnitude(z)
        e = e * e
        return np.tanh(z), 4 * e / ((1 + e) * (1 + e))


class ReLU(Activation):
    """a = max(0, z).

    Given da = ∂J/∂a:   dz = da where z > 0, else 0.   At the kink z = 0 the derivative is taken as 0, as torch does.
    Shapes: z, a, da, dz alike, any shape. Source: lecture 18, "Activation Functions".
    Raises TypeError for anything but float arrays, ValueError where da is not of z's shape.
    """

    def value(self, z):
        return np.maximum(z, 0), (z.real > 0).astype(z.dtype)


class Step(Activation):
    """a = 1 if z > 0 else 0, so 0 at z = 0: the perceptron's activation.

    Its derivative is 0 wherever it exists, so no gradient descends through it: backward is refused (TypeError).
    Shapes: z, a alike, any shape. Source: lecture 18, "Perceptron".
    """

    def value(self, z):
        return (z.real > 0).astype(z.dtype), None

    def backward(self, da, cache):
        raise TypeError(
            "Step: no gradient passes through a step (its derivative is 0, and none exists at z = 0); "
            "train with the perceptron rule, Perceptron.fit, or use Sigmoid"
        )
