"""Gradients that are too long are shortened, their direction kept."""

import numpy as np

from scratch.checks import check_finite, check_float, check_positive

SMALL = 1e-20  # below it squares of float32 begin to lose digits, and then vanish


def clip_grad_norm(grads, max_norm, norm_type=2.0):
    """(clipped grads, total norm): all gradients as one vector g, g · min(1, max_norm / (|g|_p + 1e-6)).

    |g|_p = (Σᵢ |gᵢ|ᵖ)^{1/p} over the entries of all arrays, for p = ∞ the largest |gᵢ|: the norm of the arrays' norms.
    All are multiplied by one number, so the direction stays; the result has a norm of at most max_norm.
    grads: {name: array}; norm_type: p > 0 or float("inf"). Where nothing is to clip, the same arrays come back, else
    fresh ones. float32 gradients as large as 1e38 are clipped as well: torch's squares overflow there.
    Raises TypeError for what is no {name: float array}; ValueError for a max_norm that is not positive and finite, and
    for entries that are NaN or infinite, naming the array and the first index.
    Source: Pascanu, Mikolov and Bengio (2013); the 1e-6 is torch's.
    """
    owner = "clip_grad_norm"
    check_positive(owner, max_norm=max_norm)
    if not norm_type > 0:
        raise ValueError(f"{owner}: expected norm_type as a number above 0 or float('inf'), got {norm_type}")
    if not isinstance(grads, dict):
        raise TypeError(f"{owner}: expected grads as {{name: gradient}}, got a {type(grads).__name__}")
    for name, array in grads.items():
        check_float(owner, name, array)
    with np.errstate(over="ignore"):
        total = norm(np.array([norm(array, norm_type) for array in grads.values()] or [0.0]), norm_type)
    if not np.isfinite(total):
        for name, array in grads.items():
            check_finite(owner, name, array)
        raise ValueError(f"{owner}: the norm of {', '.join(grads)} together is beyond {total.dtype}")
    if float(total) + 1e-6 <= max_norm:
        return dict(grads), total
    factor = max_norm / (total + 1e-6)
    return {name: array * array.dtype.type(factor) for name, array in grads.items()}, total


def norm(array, p):
    """(Σᵢ |gᵢ|ᵖ)^{1/p} as a number of the array's dtype; with powers of gᵢ / max |g| where others would overflow."""
    vector = array.reshape(-1)
    if p == 2:
        squares = np.dot(vector, vector)
        if SMALL < squares < np.inf:
            return np.sqrt(squares)
    largest = np.abs(vector).max(initial=0)
    if p == np.inf or largest == 0 or not np.isfinite(largest):
        return largest
    return largest * (np.abs(vector / largest) ** p).sum() ** (1 / p)
