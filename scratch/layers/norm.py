"""What layer norm and group norm share: each row brought to mean 0 and variance 1, and the way back through that."""

import math

import numpy as np

from scratch.checks import check_count, check_float, check_precision, check_shape
from scratch.sums import column_sums, row_sums


def standardised(rows, eps):
    """(x̂, r) of rows x (R, n):   m = mean x,   d = x − m,   r = 1/√(mean d² + ε),   x̂ = d r

    The mean is taken off before squaring, so nothing cancels however far the mean lies from 0. r has shape (R, 1).
    """
    n = max(1, rows.shape[1])
    d = rows - (row_sums(rows) / n)[:, None]
    r = (1 / np.sqrt(row_products(d, d) / n + eps))[:, None]
    d *= r
    return d, r


def standardised_back(dxhat, xhat, r):
    """dx = r (dx̂ − mean dx̂ − x̂ mean(dx̂ x̂)), row by row.

    x moves x̂ in three ways: itself, through the mean, through the variance; the last two are the terms taken off.
    """
    n = max(1, xhat.shape[1])
    dx = xhat * (row_products(dxhat, xhat) / -n)[:, None]
    dx += dxhat
    dx -= (row_sums(dxhat) / n)[:, None]
    dx *= r
    return dx


def row_products(a, b):
    """Σⱼ aᵢⱼ bᵢⱼ for each row i: one pass and no array between."""
    return np.einsum("ij,ij->i", a, b)


def channel_sums(a):
    """Σ over samples and pixels of a (N, C, pixels), one for each channel, by products with ones."""
    samples, channels, pixels = a.shape
    each = row_sums(a.reshape(samples * channels, pixels)) if pixels != 1 else a
    return column_sums(each.reshape(samples, channels))


def filled(wanted, shape, value, dtype):
    """An array of one value, None where it is not wanted."""
    return np.full(shape, value, dtype) if wanted else None


def checked_shape(owner, normalized_shape):
    """normalized_shape as a tuple; ValueError for what is no tuple of whole numbers from 1 up."""
    shape = tuple(normalized_shape) if isinstance(normalized_shape, tuple | list) else (normalized_shape,)
    if not shape or None in shape:
        raise ValueError(f"{owner}: expected normalized_shape as numbers from 1 up, got {normalized_shape}")
    for n in shape:
        check_count(owner, 1, normalized_shape=n)
    return shape


def check_eps(owner, eps):
    """Refuse an ε that is no number from 0 up (ValueError)."""
    if not 0 <= eps < math.inf:
        raise ValueError(f"{owner}: expected eps as a finite number from 0 up, got {eps}")


def check_last_axes(owner, x, normalized_shape):
    """Refuse an x whose last axes are not normalized_shape (ValueError), and what is no float array (TypeError)."""
    check_float(owner, "x", x)
    if x.shape[max(0, x.ndim - len(normalized_shape)) :] != normalized_shape:
        expected = ", ".join(map(str, ("...", *normalized_shape)))
        turned = len(normalized_shape) == 1 and x.ndim == 2 and x.shape[0] == normalized_shape[0]
        guess = "; did you mean x.T?" if turned else ""
        raise ValueError(f"{owner}: expected x of shape ({expected}), got {x.shape}{guess}")


def check_upstream(owner, dy, x_shape, like):
    """Refuse a dy that is not of x's shape (ValueError) or not of its precision (TypeError)."""
    check_float(owner, "dy", dy)
    check_shape(owner, "dy", dy, x_shape)
    check_precision(owner, "dy", dy, "x", like)
