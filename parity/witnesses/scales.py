"""How large a step is for each entry of an array: features, and the weights that meet them, differ in scale."""

import numpy as np

from parity.rounding.shaken import plain


def sizes(array):
    """The size of each entry; of one that is 0, that of its row or column; 1 where all are 0."""
    size = np.abs(plain(array))
    return np.where(size > 0, size, rows_and_columns(size))


def room(array):
    """The largest entry in the row or column of each, whichever is smaller; the size of the entry where it is alone."""
    size = np.abs(plain(array))
    return rows_and_columns(size) if sum(n > 1 for n in size.shape) > 1 else sizes(array)


def rows_and_columns(size):
    """The smallest of the largest sizes along each axis, of the whole array where that is 0, and 1 where all is 0."""
    largest = float(np.max(size, initial=0.0)) or 1.0
    found = np.full(size.shape, largest)
    for axis, length in enumerate(size.shape):
        if length > 1 and size.size:
            along = size.max(axis=axis, keepdims=True)
            found = np.minimum(found, np.where(along > 0, along, largest))
    return found
