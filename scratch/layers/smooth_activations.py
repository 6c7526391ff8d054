"""Smooth activations: z times a smooth step from 0 to 1, and the smooth corner."""

from abc import abstractmethod

import numpy as np

from scratch.checks import check_number, check_positive
from scratch.layers.activations import Activation, exp_minus_magnitude, negative_part, positive_part
from scratch.layers.normal import normal_tail

FAR = 1000.0  # e^{−u} is 0 from 746 on: for such u nothing changes, and their squares do not overflow
TANH_LINEAR, TANH_CUBIC = 2 * np.sqrt(2 / np.pi).item(), 0.044715  # 2w = TANH_LINEAR (u + TANH_CUBIC u³) in GELU


class Gated(Activation):
    """a = z S(z) with a smooth step S, S(−z) = 1 − S(z): z gates itself.

    Given da = ∂J/∂a:   dz = da · (S(z) + z S′(z))

    With u = |z| and q = S(−u), the smaller one of S(±z):   a = [z ≥ 0] z − u q,   slope = [z ≥ 0] ∓ (q − u S′(u)),
    − for z ≥ 0: of numbers near 1 and near 0 both keep their digits. tail(u) gives q and S′(u).
    """

    def value(self, z):
        on = (z.real >= 0).astype(z.real.dtype)
        sign = on + on - 1
        u = sign * z.clip(-FAR, FAR)
        q, density = self.tail(u)
        return on * z - u * q, on - sign * (q - u * density)

    @abstractmethod
    def tail(self, u):
        """(S(−u), S′(u)) for u ≥ 0."""


class GELU(Gated):
    """a = z Φ(z), Φ the distribution function of the normal distribution: z times the chance that a normal is below it.

    Given da = ∂J/∂a:   dz = da · (Φ(z) + z φ(z)),   φ(z) = Φ′(z) = e^{−z²/2} / √2π

    approximate="tanh":   Φ(z) ≈ (1 + tanh w) / 2 = σ(2w),   w = √(2/π) (z + 0.044715 z³),
    σ(2w)′ = σ(2w) σ(−2w) 2w′,   w′ = √(2/π) (1 + 3 · 0.044715 z²)
    Shapes: z, a, da, dz alike, any shape. Source: Hendrycks and Gimpel 2016.
    Raises TypeError for anything but float arrays, ValueError for another approximate, or where da is not of z's shape.
    """

    def __init__(self, approximate="none"):
        if approximate not in ("none", "tanh"):
            raise ValueError(f'GELU: expected approximate "none" or "tanh", got {approximate!r}')
        self.approximate = approximate

    def tail(self, u):
        if self.approximate == "none":
            return normal_tail(u)
        square = u * u
        q, density = logistic_tail(u * (TANH_LINEAR + TANH_LINEAR * TANH_CUBIC * square))
        return q, density * (TANH_LINEAR + 3 * TANH_LINEAR * TANH_CUBIC * square)

    def __repr__(self):
        return f"GELU(approximate={self.approximate!r})"


class SiLU(Gated):
    """a = z σ(z), also known as swish.

    Given da = ∂J/∂a:   dz = da · (σ(z) + z σ(z) σ(−z))

    Shapes: z, a, da, dz alike, any shape. Source: Elfwing, Uchibe and Doya 2018; Ramachandran, Zoph and Le 2017.
    Raises TypeError for anything but float arrays, ValueError where da is not of z's shape.
    """

    def tail(self, u):
        return logistic_tail(u)


def logistic_tail(u):
    """(σ(−u), σ′(u)) for u ≥ 0: with e = e⁻ᵘ, e/(1+e) and e/(1+e)²."""
    e = np.exp(-u)
    rest = 1 / (1 + e)
    q = e * rest
    return q, q * rest


class Softplus(Activation):
    """a = log(1 + e^{βz}) / β: ReLU with its corner rounded, the sharper the larger β.

    Given da = ∂J/∂a:   dz = da · σ(βz)

    Computed as (max(βz, 0) + log(1 + e^{−|βz|})) / β, which neither overflows nor cancels. Where βz > threshold, a is z
    and its derivative 1, as in torch; at the default that moves a by less than 2.1e-9 / β.
    Shapes: z, a, da, dz alike, any shape. Source: Dugas, Bengio, Bélisle, Nadeau and Garcia 2001.
    Raises TypeError for anything but float arrays, ValueError for a beta that is not positive and finite or a threshold
    that is no finite number, or where da is not of z's shape.
    """

    def __init__(self, beta=1.0, threshold=20.0):
        check_positive("Softplus", beta=beta)
        check_number("Softplus", threshold=threshold)
        self.beta, self.threshold = float(beta), float(threshold)

    def value(self, z):
        x = self.beta * z
        e = exp_minus_magnitude(x)
        linear = x.real > self.threshold
        a = (positive_part(x) + np.log1p(e)) / self.beta
        return np.where(linear, z, a), np.where(linear, 1, np.exp(negative_part(x)) / (1 + e))

    def __repr__(self):
        return f"Softplus(beta={self.beta}, threshold={self.threshold})"
