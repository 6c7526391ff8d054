"""Losses that torch.nn.functional lacks, of torch's operations; scratch.losses has the same names and arguments.

Scores y, labels t of −1 and +1; at its kink each has the derivative −t, as torch.clamp takes it.
"""

import torch


def hinge(output, target, reduction="mean"):
    """max(0, 1 − t y), reduced."""
    return reduced(torch.clamp(1 - target * output, min=0), reduction)


def perceptron(output, target, reduction="mean"):
    """max(0, −t y), reduced."""
    return reduced(torch.clamp(-target * output, min=0), reduction)


def reduced(J, reduction):
    """The mean, the sum, or ("none") every J. Raises ValueError for another reduction."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'expected reduction "mean", "sum" or "none", got {reduction!r}')
    return J if reduction == "none" else getattr(J, reduction)()
