"""Sums over the rows of a matrix as products with ones, for which BLAS takes a third of the time of np.sum.

Vectors that every step of a training needs again are made once, and are read-only.
"""

import functools

import numpy as np

KEPT = 1 << 12  # the longest that is kept


def column_sums(a):
    """Σᵢ aᵢⱼ for each column j of a matrix."""
    return np.dot(ones(len(a), a.dtype), a)


def row_sums(a):
    """Σⱼ aᵢⱼ for each row i of a matrix, or of each of several."""
    return a @ ones(a.shape[-1], a.dtype)


def ones(count, dtype):
    """A vector of ones."""
    return kept_ones(count, dtype) if count <= KEPT else np.ones(count, dtype)


def counted(count):
    """0, 1 … count − 1."""
    return kept_count(count) if count <= KEPT else np.arange(count)


@functools.lru_cache(maxsize=256)
def kept_ones(count, dtype):
    return read_only(np.ones(count, dtype))


@functools.lru_cache(maxsize=256)
def kept_count(count):
    return read_only(np.arange(count))


def read_only(array):
    array.flags.writeable = False
    return array
