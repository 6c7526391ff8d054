"""Layer normalisation: every sample by its own statistics, so a batch of one will do and nothing is stored."""

import math

from scratch.checks import check_dtype_name, check_precision
from scratch.layers.base import Layer
from scratch.layers.norm import (
    check_eps,
    check_last_axes,
    check_upstream,
    checked_shape,
    column_sums,
    filled,
    standardised,
    standardised_back,
)

NOT_AFFINE = ", elementwise_affine=False"


class LayerNorm(Layer):
    """y = γ x̂ + β,  x̂ = (x − m) r,  m = mean x,  r = 1/√(mean (x − m)² + ε), over the last axes of each sample.

    Given dy = ∂J/∂y:   dγ = Σ dy x̂      dβ = Σ dy      dx̂ = γ dy      dx = r (dx̂ − mean dx̂ − x̂ mean(dx̂ x̂))
    The sums run over all samples, the means over the normalised axes. γ is `weight`, β is `bias`.
    Shapes: x, y (..., *normalized_shape), weight and bias of normalized_shape (a number, or a tuple for several axes).
    Starts with γ = 1 and β = 0; elementwise_affine=False has neither, bias=False no β.
    Raises ValueError for shapes and TypeError for dtypes that do not fit; float32 stays float32.
    Source: Ba, Kiros and Hinton, 2016.
    """

    params = ("weight", "bias")

    def __init__(self, normalized_shape, eps=1e-5, elementwise_affine=True, bias=True, dtype="float64"):
        dtype = check_dtype_name("LayerNorm", dtype)
        check_eps("LayerNorm", eps)
        self.normalized_shape, self.eps = checked_shape("LayerNorm", normalized_shape), float(eps)
        self.weight = filled(elementwise_affine, self.normalized_shape, 1, dtype)
        self.bias = filled(elementwise_affine and bias, self.normalized_shape, 0, dtype)

    def forward(self, x):
        check_last_axes("LayerNorm", x, self.normalized_shape)
        if self.weight is not None:
            check_precision("LayerNorm", "x", x, "weight", self.weight)
        n = math.prod(self.normalized_shape)
        xhat, r = standardised(x.reshape(x.size // n, n), self.eps)
        y = xhat.copy() if self.weight is None else xhat * self.weight.reshape(-1)
        if self.bias is not None:
            y = y + self.bias.reshape(-1)
        return y.reshape(x.shape), (xhat, r, x.shape)

    def backward(self, dy, cache):
        xhat, r, shape = cache
        check_upstream("LayerNorm", dy, shape, xhat)
        dxhat, grads = dy.reshape(xhat.shape), {}
        if self.weight is not None:
            grads["weight"] = column_sums(dxhat * xhat).reshape(self.normalized_shape)
        if self.bias is not None:
            grads["bias"] = column_sums(dxhat).reshape(self.normalized_shape)
        if self.weight is not None:
            dxhat = dxhat * self.weight.reshape(-1)
        return standardised_back(dxhat, xhat, r).reshape(shape), grads

    def __repr__(self):
        options = "" if self.bias is not None else ", bias=False" if self.weight is not None else NOT_AFFINE
        return f"LayerNorm({self.normalized_shape}, eps={self.eps:g}{options})"
