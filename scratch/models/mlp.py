"""A multi-layer perceptron."""

from itertools import pairwise

import numpy as np

from scratch.layers import Linear, Tanh
from scratch.sequential import Sequential


def mlp(sizes, activation=Tanh, bias=True, rng=None, dtype="float64"):
    """A multi-layer perceptron: Linear, activation, Linear, activation, …, Linear. The last layer has no activation.

    sizes: features of the input, of each hidden layer, of the output, e.g. (4, 16, 3). activation: a layer class.
    Shapes: x (N, sizes[0]), output (N, sizes[-1]); parameters `0.weight`, `0.bias`, `2.weight`, …
    Raises ValueError for fewer than two sizes, TypeError for what is no tuple of them.
    """
    if not isinstance(sizes, tuple | list):
        raise TypeError(f"mlp: expected sizes as one tuple, (4, 16, 3) say, got {sizes!r}")
    if len(sizes) < 2:
        raise ValueError(f"mlp: expected at least two sizes (input and output), got {tuple(sizes)}")
    if not callable(activation) or (hasattr(activation, "training") and not isinstance(activation, type)):
        raise TypeError(f"mlp: expected activation as a class, one object for each layer, got {activation!r}")
    rng = np.random.default_rng(rng)
    layers = []
    for in_features, out_features in pairwise(sizes):
        layers += [Linear(in_features, out_features, bias, rng, dtype), activation()]
    return Sequential(*layers[:-1])
