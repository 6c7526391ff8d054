"""A multi-layer perceptron in torch.nn."""

from itertools import pairwise

from torch import nn

from torch_ref.init import drawn_from, torch_dtype


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
