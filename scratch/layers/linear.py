"""The dense layer: every input is connected to every neuron."""

import numpy as np

from scratch.checks import check_count, check_dtype_name, check_features, check_float, check_precision, check_shape
from scratch.init import uniform_fan_in
from scratch.layers.base import Layer
from scratch.sums import column_sums


class Linear(Layer):
    """z = x Wᵀ + b: one neuron per row of W.

    Given dz = ∂J/∂z:   dx = dz W      dW = dzᵀ x      db = Σₙ dzₙ     (n runs over all leading axes)
    Shapes: x (..., in_features), z (..., out_features), weight (out_features, in_features), bias (out_features,).
    Of a two-dimensional x, z and dx lie with the batch along memory, for which these products are quicker.
    Starts as torch does: every entry uniform in ±1/√in_features, drawn from rng (a Generator, a seed or None).
    Raises ValueError for shapes and TypeError for dtypes that do not fit; float32 stays float32.
    Source: lecture 18, "Neural Networks: Layers"; the lecture's W (in × out) is this weight transposed.
    """

    params = ("weight", "bias")

    def __init__(self, in_features, out_features, bias=True, rng=None, dtype="float64"):
        check_count("Linear", 1, in_features=in_features)
        check_count("Linear", 0, out_features=out_features)
        dtype = check_dtype_name("Linear", dtype)
        draw = uniform_fan_in(in_features, rng, dtype)
        self.weight = draw((out_features, in_features))
        self.bias = draw((out_features,)) if bias else None

    def forward(self, x):
        check_float("Linear", "x", x)
        check_features("Linear", x, self.weight.shape[1])
        check_precision("Linear", "x", x, "weight", self.weight)
        W = self.weight
        z = np.dot(W, x.T).T if x.ndim == 2 else np.dot(x.reshape(-1, x.shape[-1]), W.T)
        if self.bias is not None:
            z = z + self.bias
        return z if x.ndim == 2 else z.reshape(*x.shape[:-1], len(W)), x

    def backward(self, dz, x):
        drows, grads = self.weighed(dz, x)
        dx = np.dot(self.weight.T, drows.T).T if x.ndim == 2 else np.dot(drows, self.weight).reshape(x.shape)
        return dx, grads

    def gradients(self, dz, x):
        return self.weighed(dz, x)[1]

    def weighed(self, dz, x):
        """(dz as rows, the gradients by the parameters)."""
        check_float("Linear", "dz", dz)
        check_shape("Linear", "dz", dz, (*x.shape[:-1], self.weight.shape[0]))
        check_precision("Linear", "dz", dz, "weight", self.weight)
        rows, drows = (x, dz) if x.ndim == 2 else (x.reshape(-1, x.shape[-1]), dz.reshape(-1, dz.shape[-1]))
        few = 10 * drows.shape[1] < rows.shape[1]  # BLAS halves its pace where few meet many that lie as columns
        grads = {"weight": np.dot(np.ascontiguousarray(drows).T if few else drows.T, rows)}
        if self.bias is not None:
            grads["bias"] = column_sums(drows)
        return drows, grads

    def __repr__(self):
        out_features, in_features = self.weight.shape
        return f"Linear({in_features}, {out_features}{', bias=False' if self.bias is None else ''})"
