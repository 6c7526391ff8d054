"""What rounding explains, entry by entry: measured by shaken arithmetic, not chosen."""

import numpy as np

from parity.followed import followed
from parity.rounding.shaken import Directions, moved, plain, shaken, with_directions

SHAKES = 16  # with 8 the largest move still misses a right entry's error by 2.6 times, with 4 by far more
FACTOR = 4.0  # a right entry's error was at most 1.9 largest moves in float64 (0.7 in float32); a wrong one's 9,000 up


def measure(ours, theirs, inputs, base_ours, base_theirs, seed):
    """{key: the budget of every entry}: FACTOR times the largest move of our or their result over SHAKES shaken runs.

    ours takes {name: shaken array} and gives {key: array}. theirs takes {name: moved array} and the Directions of the
    run, and shakes its own arithmetic; None leaves their side out: quicker for long computations, and only stricter.
    The bases are the results on the unshaken inputs. Each run moves the inputs by up to a unit in their last place.
    """
    largest = {key: np.zeros(np.shape(base_theirs[key])) for key in base_theirs}
    for run in range(SHAKES):
        directions = Directions([seed, run])
        arrays = {name: moved(array, directions) for name, array in inputs.items()}
        with np.errstate(all="ignore"), followed(keeps_shaking(directions)):  # the unshaken run has warned already
            results = ours({name: shaken(array, directions) for name, array in arrays.items()})
        raise_to(largest, results, base_ours)
        if theirs is not None:
            raise_to(largest, theirs(arrays, directions), base_theirs)
    return {key: FACTOR * (move + smallest(base_ours.get(key))) for key, move in largest.items()}


def keeps_shaking(directions):
    """For parity.followed: what the user's code creates, or converts from a shaken array, is shaken arithmetic too."""

    def create(function, args, kwargs):
        array = function(*args, **kwargs)
        return with_directions(array, directions) if array.dtype.kind in "fc" else array

    return create


def smallest(array):
    """The smallest normal number of an array's type: below it digits are lost, and some machines flush all to 0."""
    dtype = getattr(array, "dtype", np.dtype(float))
    return float(np.finfo(dtype).smallest_normal) if dtype.kind in "fc" else 0.0


def raise_to(largest, results, base):
    """largest ← max(largest, |result − base|), entry by entry; a result that has another shape explains nothing."""
    for key, move in largest.items():
        pair = results.get(key), base.get(key)
        if all(np.shape(array) == move.shape and np.asarray(array).dtype.kind in "fiub" for array in pair):
            with np.errstate(all="ignore"):
                change = np.abs(np.asarray(plain(results[key]), float) - np.asarray(plain(base[key]), float))
            largest[key] = np.where(np.isfinite(change), np.fmax(move, change), move)
