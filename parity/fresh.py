"""Other random data of the same kind as the user's: for probes, and to confirm a cause that could be coincidence."""

from itertools import combinations, islice

import numpy as np

from parity.inputs import draw, frozen

READINGS = 8  # of which inputs have the batch axis


def redrawn(hand, arrays, drawn, rng, batch=None, led=None):
    """{name: array} like arrays with other numbers; with batch also another size of the leading axis.

    led: the names of the inputs whose leading axis that is; all that are as long as the first, unless told.

    drawn: names of the inputs that were drawn at random; they are again. Other floats become means of two of their own
    entries, so that they stay in the range they came from; integers are taken from those that were there. Parameters
    keep their signs and change by up to a half; buffers stay.
    """
    led = next(batched(hand, arrays), ()) if led is None else led
    found = {}
    for name, array in arrays.items():
        if name not in hand.input_names:
            found[name] = frozen(rescaled(array, rng)) if name in hand.parameters else array
            continue
        if name in hand.label_names and array.ndim == 0:
            found[name] = np.array(1 - array)  # the other label
            continue
        shape = (batch, *array.shape[1:]) if batch is not None and name in led else array.shape
        if name in drawn:
            found[name] = frozen(draw(rng, shape, array.dtype))
        else:
            found[name] = frozen(mixed(array, shape, rng))
    return found


def batch_length(hand, arrays):
    """The leading axis of the first input that has one; None where none has."""
    shapes = [np.shape(arrays[name]) for name in hand.input_names]
    return next((shape[0] for shape in shapes if shape), None)


def batched(hand, arrays):
    """Tuples of the inputs that may have a batch axis, the likeliest first: the first of them, and all or some others.

    A weight that is an input may happen to be as long as the batch.
    """
    length = batch_length(hand, arrays)
    if length is None:
        return iter(())
    first, *others = [name for name in hand.input_names if np.shape(arrays[name])[:1] == (length,)]
    counts = range(len(others), -1, -1)
    return islice(((first, *some) for count in counts for some in combinations(others, count)), READINGS)


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
