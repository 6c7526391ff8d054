"""Losses J(output, target) and the derivative that each hands back: backpropagation starts here.

Every loss is `loss(output, target, reduction="mean") -> (J, ∂J/∂output)`. reduction "mean" averages over what torch
averages over, "sum" adds up, "none" keeps one J per element (or row) beside the derivative of each by its own output.
All raise TypeError for dtypes that are not float32 or float64 (or not equal), ValueError for shapes that differ
((n, 1) against (n,) included), for entries out of range or not finite, and for the mean of nothing.
The lecture writes y for the prediction and ŷ for the label; here they are `output` and `target`.
"""

import numpy as np

from scratch.checks import check_finite, check_float, check_precision, check_range, check_shape
from scratch.layers.activations import exp_minus_magnitude

LOG_FLOOR = -100.0  # torch's binary cross-entropy never takes a logarithm below this ...
SLOPE_FLOOR = float(np.float32(1e-12))  # ... and never divides by less than this, kept in single precision there


def mse(output, target, reduction="mean"):
    """Mean squared error J = mean (y − t)² over all elements.

    dJ/dy = 2 (y − t) / n,   n the number of elements.
    Shapes: output and target alike, any shape; dJ/dy likewise. The objective of regression (lecture 18, part 2).
    """
    check_pair("mse", output, target)
    residual = output - target
    return reduce("mse", residual * residual, 2 * residual, reduction)


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


def bce_with_logits(output, target, reduction="mean"):
    """Binary cross-entropy of logits z, y = σ(z):   J = mean (max(z, 0) − t z + log(1 + e^−|z|)).

    dJ/dz = (σ(z) − t) / n, written (1 − t) σ(z) − t σ(−z) so that nothing cancels where the unit is saturated.
    Shapes: output (logits) and target (0..1) alike, any shape. Sigmoid and bce in one: the logistic neuron's loss.
    """
    check_pair("bce_with_logits", output, target)
    check_range("bce_with_logits", "target", target, 0, 1, "labels are 0 or 1")
    positive = output.real >= 0
    e = exp_minus_magnitude(output)
    J = np.where(positive, output, 0) - target * output + np.log1p(e)
    upper, lower = np.where(positive, 1, e) / (1 + e), np.where(positive, e, 1) / (1 + e)  # σ(z), σ(−z)
    return reduce("bce_with_logits", J, (1 - target) * upper - target * lower, reduction)


def cross_entropy(output, target, reduction="mean"):
    """Softmax cross-entropy of logits:   p = softmax(z),   J = −mean log p[n, tₙ].

    J_n = log Σₖ e^{zₖ} − z_t = (m − z_t) + log(1 + Σ_{k ≠ argmax} e^{zₖ − m}),   m = max z
    dJ/dzₖ = (pₖ − [k = t]) / N; the target's own entry p_t − 1 is written −Σ_{k ≠ t} pₖ, so it does not cancel.
    Shapes: output (N, K), target (N,) int64 with entries in 0..K−1, dJ/dz (N, K).
    Raises besides: TypeError for labels that are not int64, ValueError for a label out of range.
    """
    check_float("cross_entropy", "output", output)
    check_finite("cross_entropy", "output", output)
    check_labels("cross_entropy", output, target)
    rows = np.arange(len(output))
    top = output.real.argmax(axis=1)
    with np.errstate(over="ignore"):  # further below the largest than a float reaches: e is 0 either way
        e = np.exp(output - output[rows, top][:, None])
    others = np.where(np.arange(output.shape[1]) == top[:, None], 0, e).sum(axis=1)
    J = output[rows, top] - output[rows, target] + np.log1p(others)
    hot = np.arange(output.shape[1]) == target[:, None]
    p = e / (1 + others)[:, None]
    dz = np.where(hot, -np.where(hot, 0, p).sum(axis=1)[:, None], p)
    return reduce("cross_entropy", J, dz, reduction)


def check_labels(owner, output, target):
    """Refuse class labels that torch would refuse or misread: shape, dtype, range."""
    if output.ndim != 2:
        raise ValueError(f"{owner}: expected output of shape (N, K), got {output.shape}")
    if not isinstance(target, np.ndarray) or target.dtype != np.int64:
        kind = getattr(target, "dtype", type(target).__name__)
        raise TypeError(f"{owner}: expected target as an int64 array, got {kind}; convert it with .astype(np.int64)")
    check_shape(owner, "target", target, output.shape[:1])
    last = output.shape[1] - 1
    check_range(owner, "target", target, 0, last, f"output has {last + 1} classes")


def check_pair(owner, output, target):
    """Refuse an output and a target that differ in shape or precision or are not finite."""
    check_float(owner, "output", output)
    check_float(owner, "target", target)
    check_shape(owner, "target", target, output.shape)
    check_precision(owner, "output", output, "target", target)
    check_finite(owner, "output", output)
    check_finite(owner, "target", target)


def reduce(owner, J, dJ, reduction):
    """(J, dJ/doutput) per element -> reduced: the mean divides both by the number of J's."""
    if reduction == "none":
        return J, dJ
    if reduction == "sum":
        return J.sum(), dJ
    if reduction != "mean":
        raise ValueError(f'{owner}: expected reduction "mean", "sum" or "none", got {reduction!r}')
    if J.size == 0:
        raise ValueError(f"{owner}: the mean over an empty batch is undefined (output has shape {dJ.shape})")
    return J.mean(), dJ / J.size
