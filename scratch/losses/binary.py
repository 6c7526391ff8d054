"""Losses of yes and no: binary cross-entropy of probabilities and of logits."""

import numpy as np

from scratch.checks import check_finite, check_float, check_pair, check_precision, check_range
from scratch.layers.activations import negative_part, positive_part
from scratch.losses.reduction import reduce

LOG_FLOOR = -100.0  # torch's binary cross-entropy never takes a logarithm below this ...
SLOPE_FLOOR = float(np.float32(1e-12))  # ... and never divides by less than this, kept in single precision there


def bce(output, target, reduction="mean"):
    """Binary cross-entropy of probabilities, J = −mean (t log y + (1 − t) log(1 − y)).

    dJ/dy = (y − t) / (y (1 − y)) / n:   −1/y for t = 1,   1/(1 − y) for t = 0
    As torch does, logarithms are floored at −100 and y (1 − y) at 1e-12, so J stays finite at y = 0 and 1, where
    the floored derivative is no longer that of log; from logits (`bce_with_logits`) no floor is needed.
    Shapes: output (probabilities) and target (0..1) alike, any shape. Source: lecture 18, "Backprogragation by Hand".
    """
    check_pair("bce", output, target)
    check_range("bce", "output", output, 0, 1, "for logits use bce_with_logits")
    check_range("bce", "target", target, 0, 1, "labels are 0 or 1")
    J = -(target * floored_log(output) + (1 - target) * floored_log1m(output))
    slope = output * (1 - output)
    return reduce("bce", J, (output - target) / np.where(slope.real > SLOPE_FLOOR, slope, SLOPE_FLOOR), reduction)


def floored_log(y):
    """max(log y, −100), without a warning at y = 0."""
    tiny = np.finfo(y.dtype).smallest_subnormal
    return np.maximum(np.log(np.maximum(y, tiny)), LOG_FLOOR)


def floored_log1m(y):
    """max(log(1 − y), −100), without a warning at y = 1."""
    near_one = y.real >= 1
    return np.where(near_one, LOG_FLOOR, np.log1p(-np.where(near_one, 0, y)))


def bce_with_logits(output, target, reduction="mean", pos_weight=None):
    """Binary cross-entropy of logits z, y = σ(z):   J = mean (max(z, 0) − t z + log(1 + e^−|z|)).

    dJ/dz = (σ(z) − t) / n, written (1 − t) σ(z) − t σ(−z) so that nothing cancels where the unit is saturated.
    With a = exp(min(z, 0)) and b = exp(−max(z, 0)), one of which is 1:   σ(z) = a/(1 + ab),   σ(−z) = b/(1 + ab)

    pos_weight p weighs what is missed of the positives, against rare ones:
    J = mean ((1 − t) log(1 + e^z) + p t log(1 + e^−z)),   dJ/dz = ((1 − t) σ(z) − p t σ(−z)) / n
    Shapes: output (logits) and target (0..1) alike, any shape; pos_weight (), (1,) or as long as the last axis.
    Sigmoid and bce in one: the logistic neuron's loss.
    Raises besides: ValueError for a pos_weight of another shape or below 0.
    """
    check_pair("bce_with_logits", output, target)
    check_range("bce_with_logits", "target", target, 0, 1, "labels are 0 or 1")
    above, below = positive_part(output), negative_part(output)
    a, b = np.exp(below), np.exp(-above)
    e = a * b  # exp(−|z|)
    misses = target
    if pos_weight is None:
        J = above - target * output + np.log1p(e)
    else:
        check_pos_weight(output, pos_weight)
        misses, tail = pos_weight * target, np.log1p(e)
        J = (1 - target) * (above + tail) + misses * (tail - below)
    return reduce("bce_with_logits", J, ((1 - target) * a - misses * b) / (1 + e), reduction)


def check_pos_weight(output, pos_weight):
    """Refuse weights of the positives that are no numbers from 0 up, one for all or one for each class."""
    check_float("bce_with_logits", "pos_weight", pos_weight)
    check_precision("bce_with_logits", "pos_weight", pos_weight, "output", output)
    if pos_weight.shape not in ((), (1,), output.shape[-1:]):
        shape = output.shape[-1:]
        raise ValueError(f"bce_with_logits: expected pos_weight of shape () or {shape}, got {pos_weight.shape}")
    check_finite("bce_with_logits", "pos_weight", pos_weight)
    check_range("bce_with_logits", "pos_weight", pos_weight, 0, np.inf, "weights are 0 or more")
