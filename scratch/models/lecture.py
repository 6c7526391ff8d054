"""The lecture's networks."""

import numpy as np

from scratch.layers import Linear, Sigmoid
from scratch.naming import replace
from scratch.sequential import Sequential

# The lecture's weights, transposed as torch keeps them (one neuron per row): W is 2 × 3 there, V is 3 × 1.
LECTURE_W = ((1.0, 2.0), (-1.0, 2.0), (3.0, -1.0))
LECTURE_V = ((0.1, 0.5, -0.1),)


def linear_sigmoid(in_features, out_features, bias=False, rng=None, dtype="float64"):
    """The lecture's LinearSigmoidLayer: y = σ(Wx), and with bias y = σ(Wx + b).

    Shapes: x (N, in_features), y (N, out_features); parameters `0.weight`, `0.bias`.
    """
    return Sequential(Linear(in_features, out_features, bias, rng, dtype), Sigmoid())


def lecture_net(rng=None, dtype="float64"):
    """The lecture's Net: 2 inputs, 3 hidden units, 1 output, sigmoid twice, no bias: y = σ(V σ(W x)).

    Holds the weights of the worked example; with rng (a Generator or a seed) they are drawn instead.
    Shapes: x (N, 2), y (N, 1); parameters `0.weight` (3, 2) = the lecture's Wᵀ, `2.weight` (1, 3) = its Vᵀ.
    """
    rng = None if rng is None else np.random.default_rng(rng)
    hidden, output = linear_sigmoid(2, 3, rng=rng, dtype=dtype), linear_sigmoid(3, 1, rng=rng, dtype=dtype)
    net = Sequential(*hidden.layers, *output.layers)
    if rng is None:
        replace(net, {"0.weight": np.array(LECTURE_W, dtype), "2.weight": np.array(LECTURE_V, dtype)})
    return net
