"""Root mean square normalisation: layer norm without a mean and without β."""

import math

import numpy as np

from scratch.checks import check_dtype_name, check_precision
from scratch.layers.base import Layer
from scratch.layers.norm import (
    check_eps,
    check_last_axes,
    check_upstream,
    checked_shape,
    column_sums,
    filled,
    row_products,
)


class RMSNorm(Layer):
    """y = γ x r,  r = 1/√(mean x² + ε), over the last axes of each sample.

    Given dy = ∂J/∂y:   dγ = Σ dy x r      g = γ dy      dx = r (g − x r² mean(g x))
    The sum runs over all samples, the mean over the normalised axes. γ is `weight`.
    Shapes: x, y (..., *normalized_shape), weight of normalized_shape (a number, or a tuple for several axes).
    Starts with γ = 1; elementwise_affine=False has none. eps=None stands for the machine epsilon of x's dtype.
    Raises ValueError for shapes and TypeError for dtypes that do not fit; float32 stays float32.
    Source: Zhang and Sennrich, 2019.
    """

    params = ("weight",)

    def __init__(self, normalized_shape, eps=None, elementwise_affine=True, dtype="float64"):
        dtype = check_dtype_name("RMSNorm", dtype)
        check_eps("RMSNorm", eps or 0.0)
        self.normalized_shape, self.eps = checked_shape("RMSNorm", normalized_shape), eps
        self.weight = filled(elementwise_affine, self.normalized_shape, 1, dtype)

    def forward(self, x):
        check_last_axes("RMSNorm", x, self.normalized_shape)
        if self.weight is not None:
            check_precision("RMSNorm", "x", x, "weight", self.weight)
        n = math.prod(self.normalized_shape)
        rows = x.reshape(x.size // n, n)
        eps = np.finfo(x.dtype).eps if self.eps is None else float(self.eps)
        r = (1 / np.sqrt(row_products(rows, rows) / n + eps))[:, None]
        y = rows * r
        if self.weight is not None:
            y = y * self.weight.reshape(-1)
        return y.reshape(x.shape), (rows, r, x.shape)

    def backward(self, dy, cache):
        rows, r, shape = cache
        check_upstream("RMSNorm", dy, shape, rows)
        g, grads, n = dy.reshape(rows.shape), {}, rows.shape[1]
        if self.weight is not None:
            grads["weight"] = column_sums(g * rows * r).reshape(self.normalized_shape)
            g = g * self.weight.reshape(-1)
        dx = rows * (row_products(g, rows)[:, None] * r * r / -n)
        dx += g
        dx *= r
        return dx.reshape(shape), grads

    def __repr__(self):
        affine = "" if self.weight is not None else ", elementwise_affine=False"
        return f"RMSNorm({self.normalized_shape}, eps={self.eps}{affine})"
