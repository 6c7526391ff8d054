"""Networks by name in torch.nn; scratch.models has the same names and arguments (device besides, here alone).

rng: a seed, a torch.Generator or None for torch's global one; dtype: "float32" or "float64", or torch's own.
"""

from itertools import pairwise

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


def mlp(sizes, activation=nn.Tanh, bias=True, rng=None, dtype="float64", device="cpu"):
    """Linear, activation, Linear, activation, …, Linear; sizes e.g. (4, 16, 3); activation a module class.

    Raises ValueError for fewer than two sizes.
    """
    if len(sizes) < 2:
        raise ValueError(f"mlp: expected at least two sizes (input and output), got {tuple(sizes)}")
    if not callable(activation) or (hasattr(activation, "training") and not isinstance(activation, type)):
        raise TypeError(f"mlp: expected activation as a class, one object for each layer, got {activation!r}")
    layers: list[nn.Module] = []
    with drawn_from(rng):
        for in_features, out_features in pairwise(sizes):
            layers += [nn.Linear(in_features, out_features, bias, dtype=torch_dtype(dtype)), activation()]
    return nn.Sequential(*layers[:-1]).to(device)
