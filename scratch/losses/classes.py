"""Losses of one class among K: cross-entropy of logits, negative log-likelihood of log-probabilities."""

import numpy as np

from scratch.checks import check_classes, check_finite, check_float, check_labels, check_pair, check_range
from scratch.layers.softmax import log_softmax
from scratch.losses.reduction import reduce
from scratch.sums import column_sums

FEW = 64  # rows of fewer classes are too short to be gone through quickly: a copy then has the batch along memory


def cross_entropy(output, target, reduction="mean", ignore_index=-100, label_smoothing=0.0):
    """Softmax cross-entropy of logits z:   p = softmax(z),   J = −mean log p[n, tₙ] for labels t,
    J = −mean Σₖ tₙₖ log p[n, k] for probabilities t.

    dJ/dzₖ = (pₖ − [k = t]) / N,   and for probabilities   dJ/dzₖ = (s pₖ − tₖ) / N   with s = Σₖ tₖ
    label_smoothing ε: every label or probability becomes (1 − ε) t + ε/K, which no finite logit overshoots.
    Rows whose label is ignore_index count nowhere: their derivative is 0, and the mean is over the others.
    Shapes: output (N, K), dJ/dz (N, K), target (N,) int64 with entries in 0..K−1, or (N, K) probabilities in output's
    dtype, each in 0..1. Reduction "none" gives J (N,).
    Raises besides: TypeError for labels that are not int64, ValueError for a label out of range, for a mean where all
    labels are ignored (NaN in torch), for a label_smoothing outside 0..1. Source: lecture 18, part 2; Szegedy 2016.
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: expected label_smoothing in 0..1, got {label_smoothing}")
    check_float("cross_entropy", "output", output)
    if isinstance(target, np.ndarray) and target.dtype.kind == "f" and target.shape == output.shape:
        check_classes("cross_entropy", output)
        check_pair("cross_entropy", output, target)
        check_range("cross_entropy", "target", target, 0, 1, "class probabilities are")
        J, dz = of_shares(output, smoothed(target, label_smoothing))
        return reduce("cross_entropy", J, dz, reduction)
    if label_smoothing:
        return over_kept("cross_entropy", of_smoothed, output, target, reduction, ignore_index, label_smoothing)
    return over_kept("cross_entropy", of_labels, output, target, reduction, ignore_index)


def nll(output, target, reduction="mean", ignore_index=-100):
    """Negative log-likelihood J = −mean z[n, tₙ] of log-probabilities z: what LogSoftmax leaves of cross_entropy.

    dJ/dzₖ = −[k = t] / N
    Rows whose label is ignore_index count nowhere: their derivative is 0, and the mean is over the others.
    Shapes: output (N, K), target (N,) int64 with entries in 0..K−1, dJ/dz (N, K). Reduction "none" gives J (N,).
    Raises besides: what cross_entropy raises for labels. Source: lecture 18, part 2; torch's nll_loss.
    """
    return over_kept("nll", of_log_probabilities, output, target, reduction, ignore_index)


def over_kept(owner, each, output, target, reduction, ignore_index, *options):
    """each(output, target, *options) -> (J, dJ/doutput), reduced over the rows whose label is not ignore_index."""
    check_float(owner, "output", output)
    check_classes(owner, output)
    check_finite(owner, "output", output)
    if not check_labels(owner, output, target, ignore_index):
        J, dJ = each(output, target, *options)
        return reduce(owner, J, dJ, reduction)
    kept = target != ignore_index
    J, dJ = np.zeros_like(output[:, 0]), np.zeros_like(output)
    J[kept], dJ[kept] = each(output[kept], target[kept], *options)
    return reduce(owner, J, dJ, reduction, int(kept.sum()))


def of_labels(output, target):
    """J and dJ/dz of each row for labels; z (K, N), so that what is summed over classes lies along the batch.

    With m = max z and R = Σ_{k ≠ t} e^{zₖ − m}, the target's own term left out:
    J = log Σₖ e^{zₖ − m} − (z_t − m) = log(1 + x) − (z_t − m)   with   x = R + (e^{z_t − m} − 1)
    dzₖ = e^{zₖ − m} / (1 + x),   dz_t = p_t − 1 = −R / (1 + x)
    so neither cancels where the target is far ahead (z_t = m, R small).
    """
    N, K = output.shape
    columns, rows = K < FEW, np.arange(N)
    z = np.ascontiguousarray(output.T) if columns else np.ascontiguousarray(output).T
    own = target * N if columns else rows * K  # where the targets' entries lie in memory
    own += rows if columns else target
    with np.errstate(over="ignore"):  # further below the largest than a float reaches: e^… is 0 either way
        d = z - z.max(axis=0)
    lead = in_memory(d, columns)[own]
    e = np.exp(d)
    entries = in_memory(e, columns)
    entries[own] = 0
    R = column_sums(e)
    x = R + np.expm1(lead)
    entries[own] = -R
    e /= 1 + x
    return np.log1p(x) - lead, e.T


def in_memory(array, columns):
    """The entries of a (K, N) array in the order in which they lie in memory, as a view."""
    return (array if columns else array.T).reshape(-1)


def of_smoothed(output, target, smoothing):
    """J and dJ/dz of each row for labels of which `smoothing` is spread over all classes."""
    one_hot = (target[:, None] == np.arange(output.shape[1])).astype(output.real.dtype)
    return of_shares(output, smoothed(one_hot, smoothing))


def smoothed(shares, smoothing):
    """(1 − ε) t + ε/K."""
    return shares * (1 - smoothing) + smoothing / shares.shape[1] if smoothing else shares


def of_shares(output, shares):
    """J and dJ/dz of each row for probabilities t.

    Σₖ dzₖ = s Σₖ pₖ − s = 0: what rounding left of it is taken off once more, p_k of it from each entry, so that
    s p_t − t does not cancel where the target is far ahead.
    """
    log_p, p = log_softmax(output, 1)
    log_p = np.maximum(log_p, np.finfo(log_p.dtype).min)  # 0 · −inf where a logit is further off than a float reaches
    dz = p * shares.sum(axis=1, keepdims=True) - shares
    return -(shares * log_p).sum(axis=1), dz - p * dz.sum(axis=1, keepdims=True)


def of_log_probabilities(output, target):
    """J and dJ/dz of each row for log-probabilities."""
    rows, dz = np.arange(len(output)), np.zeros_like(output)
    dz[rows, target] = -1
    return -output[rows, target], dz
