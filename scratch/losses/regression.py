"""Losses of regression: how far the output is from a number, element by element."""

import numpy as np

from scratch.checks import check_pair, check_positive
from scratch.losses.reduction import reduce


def mse(output, target, reduction="mean"):
    """Mean squared error J = mean (y − t)² over all elements.

    dJ/dy = 2 (y − t) / n,   n the number of elements.
    Shapes: output and target alike, any shape; dJ/dy likewise. The objective of regression (lecture 18, part 2).
    """
    check_pair("mse", output, target)
    residual = output - target
    return reduce("mse", residual * residual, 2 * residual, reduction)


def l1(output, target, reduction="mean"):
    """Mean absolute error J = mean |y − t| over all elements: an outlier pulls no harder than its neighbours.

    dJ/dy = sign(y − t) / n;   at the kink y = t the derivative is taken as 0, as torch does.
    Shapes: output and target alike, any shape; dJ/dy likewise. torch's l1_loss.
    """
    check_pair("l1", output, target)
    residual = output - target
    sign = np.sign(residual.real)
    return reduce("l1", residual * sign, sign, reduction)


def huber(output, target, reduction="mean", delta=1.0):
    """Squares near the target, absolute values far from it:  r = y − t,  c = r clipped to ±δ,  J = mean c (r − c/2).

    For |r| ≤ δ, c is r and J is r²/2; beyond, c is ±δ and J is δ (|r| − δ/2). Both meet smoothly: there is no kink.
    dJ/dy = c / n:   (dJ/dr = c + (r − c) dc/dr, and one of the last two factors is 0)
    Shapes: output and target alike, any shape; dJ/dy likewise. Source: Huber 1964; torch's huber_loss.
    Raises besides: ValueError for a delta that is not a positive finite number.
    """
    check_pair("huber", output, target)
    check_positive("huber", delta=delta)
    residual, delta = output - target, float(delta)
    clipped = np.maximum(np.minimum(residual, delta), -delta)
    return reduce("huber", clipped * (residual - clipped / 2), clipped, reduction)
