"""Flatten: the axes of an image in one row, so that a dense layer can follow."""

import math

import numpy as np

from scratch.checks import check_float, check_precision, check_shape
from scratch.layers.base import Layer
from scratch.layers.conv_windows import shown


class Flatten(Layer):
    """y[n] = x[n] read row by row: the axes start_dim to end_dim become one, the others stay.

    Given dy = ∂J/∂y:   dx = dy in the shape of x: the same numbers, each back in its place
    Shapes: x any, y (*x.shape[:start_dim], product of the axes start_dim … end_dim, *x.shape[end_dim + 1:]).
    y shares memory with x where no copy is needed, as in torch; dx is laid out in memory as x is.
    Raises TypeError for anything but float arrays, ValueError for axes that x does not have, or a dy not of y's shape.
    Source: lecture 18, "Neural Networks: Layers", where the input of a layer is one vector.
    """

    def __init__(self, start_dim=1, end_dim=-1):
        for name, dim in (("start_dim", start_dim), ("end_dim", end_dim)):
            if not isinstance(dim, int):
                raise ValueError(f"Flatten: expected {name} as a whole number, got {dim!r}")
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x):
        check_float("Flatten", "x", x)
        return x.reshape(self.flat(x.shape)), x

    def backward(self, dy, x):
        check_float("Flatten", "dy", dy)
        check_shape("Flatten", "dy", dy, self.flat(x.shape))
        check_precision("Flatten", "dy", dy, "x", x)
        dx = np.empty_like(x, dtype=dy.dtype)
        dx[...] = dy.reshape(x.shape)
        return dx, {}

    def flat(self, shape):
        """The shape of y for that of x; ValueError for axes that it does not have."""
        axes = max(1, len(shape))  # a number counts as one axis, as in torch
        first, last = (dim % axes if -axes <= dim < axes else None for dim in (self.start_dim, self.end_dim))
        if first is None or last is None or first > last:
            raise ValueError(f"{self}: expected x with axes {self.start_dim} to {self.end_dim}, got shape {shape}")
        return (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])

    def __repr__(self):
        return shown(self, start_dim=(self.start_dim, 1), end_dim=(self.end_dim, -1))
