"""What rounding explains, entry by entry: measured by shaken arithmetic, not chosen."""

import numpy as np

from parity.rounding.shaken import Directions, moved, plain, shaken
from parity.rounding.shaken_torch import ShakenTorch

SHAKES = 16  # with 8 the largest move still misses a right entry's error by 2.6 times, with 4 by far more
FACTOR = 4.0  # a right entry's error was at most 1.9 largest moves in float64 (0.7 in float32); a wrong one's 9,000 up


def measure(ours, theirs, inputs, base_ours, base_theirs, seed, shake_twin=True):
    """{key: the budget of every entry}: FACTOR times the largest move of our or their result over SHAKES shaken runs.

    ours and theirs take {name: array} and give {key: array}; the bases are their results on the unshaken inputs.
    Each run moves the inputs by up to a unit in their last place, and then every arithmetic result on both sides.
    Without shake_twin their side is not run again: quicker for long computations, and only stricter.
    """
    largest = {key: np.zeros(np.shape(base_theirs[key])) for key in base_theirs}
    for run in range(SHAKES):
        directions = Directions([seed, run])
        arrays = {name: moved(array, directions) for name, array in inputs.items()}
        with np.errstate(all="ignore"):  # the unshaken run has warned already
            results = ours({name: shaken(array, directions) for name, array in arrays.items()})
        raise_to(largest, results, base_ours)
        if shake_twin:
            with ShakenTorch(directions):
                raise_to(largest, theirs(arrays), base_theirs)
    return {key: FACTOR * (move + smallest(base_ours.get(key))) for key, move in largest.items()}


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
