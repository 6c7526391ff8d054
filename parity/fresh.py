"""Other random data of the same kind as the user's: for probes, and to confirm a cause that could be coincidence."""

import numpy as np

from parity.inputs import draw, frozen


def redrawn(hand, arrays, drawn, rng, batch=None):
    """{name: array} like arrays with other numbers; with batch also another size of the leading axis.

    drawn: names of the inputs that were drawn at random; they are again. Other floats become means of two of their own
    entries, so that they stay in the range they came from; integers are taken from those that were there. Weights keep
    their signs and change by up to a half.
    """
    length = batch_length(hand, arrays)
    found = {}
    for name, array in arrays.items():
        if name not in hand.input_names:
            found[name] = frozen(rescaled(array, rng))
            continue
        leads = batch is not None and array.ndim > 0 and array.shape[0] == length
        shape = (batch, *array.shape[1:]) if leads else array.shape
        if name in drawn:
            found[name] = frozen(draw(rng, shape, array.dtype))
        else:
            found[name] = frozen(mixed(array, shape, rng))
    return found


def batch_length(hand, arrays):
    """The leading axis of the first input that has one; None where none has."""
    shapes = [np.shape(arrays[name]) for name in hand.input_names]
    return next((shape[0] for shape in shapes if shape), None)


def rescaled(array, rng):
    """Each float entry times a factor between 0.5 and 1.5."""
    if array.dtype.kind != "f":
        return array.copy()
    return np.asarray(array * rng.uniform(0.5, 1.5, array.shape), array.dtype)


def of_shares(array):
    """Whether the rows of a matrix are one-hot, or probabilities that sum to 1: what must stay so in other data."""
    if array.ndim != 2 or array.dtype.kind != "f" or array.shape[1] < 2:
        return False
    return bool((array >= 0).all() and np.allclose(array.sum(axis=1), 1))


def mixed(array, shape, rng):
    """An array of that shape from the entries of another: means of two for floats, one of them for integers.

    Rows that are shares are taken whole.
    """
    if array.size == 0 or array.ndim == 0:
        return array.copy()
    if of_shares(array) and shape[1:] == array.shape[1:]:
        return array[rng.integers(0, len(array), shape[0])]
    first, second = (array.ravel()[rng.integers(0, array.size, shape)] for _ in range(2))
    if array.dtype.kind != "f":
        return np.asarray(first)
    share = rng.uniform(0.1, 0.9, shape)
    return np.asarray(share * first + (1 - share) * second, array.dtype)
