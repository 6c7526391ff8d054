"""The lecture's networks in torch.nn."""

import torch
from torch import nn

from torch_ref.init import drawn_from, torch_dtype

# The lecture's weights, one neuron per row: the transposes of its W (2 × 3) and V (3 × 1).
LECTURE_W = ((1.0, 2.0), (-1.0, 2.0), (3.0, -1.0))
LECTURE_V = ((0.1, 0.5, -0.1),)


def linear_sigmoid(in_features, out_features, bias=False, rng=None, dtype="float64", device="cpu"):
    """The lecture's LinearSigmoidLayer: y = σ(Wx), and with bias y = σ(Wx + b)."""
    with drawn_from(rng):
        linear = nn.Linear(in_features, out_features, bias, dtype=torch_dtype(dtype))
    return nn.Sequential(linear, nn.Sigmoid()).to(device)


def lecture_net(rng=None, dtype="float64", device="cpu"):
    """The lecture's Net, 2-3-1, sigmoid twice, no bias, with the worked example's weights (drawn instead with rng)."""
    dtype = torch_dtype(dtype)
    with drawn_from(rng):
        hidden, output = nn.Linear(2, 3, bias=False, dtype=dtype), nn.Linear(3, 1, bias=False, dtype=dtype)
    net = nn.Sequential(hidden, nn.Sigmoid(), output, nn.Sigmoid())
    if rng is None:
        weights = {"0.weight": LECTURE_W, "2.weight": LECTURE_V}
        net.load_state_dict({name: torch.tensor(rows, dtype=dtype) for name, rows in weights.items()})
    return net.to(device)
