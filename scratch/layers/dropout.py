"""Dropout: noise in training that keeps units from relying on one another."""

import numpy as np

from scratch.checks import check_float, check_precision, check_shape
from scratch.layers.base import Layer


class Dropout(Layer):
    """y = x f,  f = 1/(1 − p) with probability 1 − p, else 0, drawn for each entry in training; y = x in evaluation.

    Given dy = ∂J/∂y:   dx = dy f      with the very f of the forward pass, which the cache holds.   E[f] = 1.
    p: the share that is dropped; with p = 0 nothing is, with p = 1 all. float32 and float64 are dropped alike.
    Shapes: x, y alike, any shape. rng: a Generator, a seed for one, or None for fresh entropy; drawn from in forward.
    Raises ValueError for a p outside 0..1 and for shapes, TypeError for dtypes that do not fit.
    Source: Srivastava et al., 2014 (scaled in training, as torch does, so that evaluation is the identity).
    """

    def __init__(self, p=0.5, rng=None):
        check_probability("Dropout", "p", p)
        self.p = float(p)
        self.rng = np.random.default_rng(rng)

    def forward(self, x):
        check_float("Dropout", "x", x)
        if not self.training or self.p == 0:
            return x.copy(), (x, None)
        factor = kept(self.rng, x.shape, self.p, x.dtype)
        return x * factor, (x, factor)

    def backward(self, dy, cache):
        x, factor = cache
        check_float("Dropout", "dy", dy)
        check_shape("Dropout", "dy", dy, x.shape)
        check_precision("Dropout", "dy", dy, "x", x)
        return dy.copy() if factor is None else dy * factor, {}

    def __repr__(self):
        return f"Dropout({self.p:g})"


def kept(rng, shape, p, dtype):
    """f: 1/(1 − p) where an entry is kept, which it is with probability 1 − p, else 0.

    Whole numbers are drawn, of 32 bits, so that the same entries are kept in float32 and in float64.
    """
    factor = (rng.integers(0, 1 << 32, shape, np.uint32) >= round(p * (1 << 32))).astype(dtype)
    if p < 1:
        factor *= 1 / (1 - p)
    return factor


def check_probability(owner, name, p):
    """Refuse what is no probability (ValueError)."""
    if not 0 <= p <= 1:
        raise ValueError(f"{owner}: expected {name} as a probability from 0 to 1, got {p}")
