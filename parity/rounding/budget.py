"""What rounding explains, entry by entry: measured by shaken arithmetic, not chosen."""

import math

import numpy as np

from parity.followed import followed
from parity.rounding.shaken import Directions, moved, plain, shaken, with_directions

SHAKES = 16  # with 8 the largest move still misses a right entry's error by 2.6 times, with 4 by far more
FEWER = 8  # on other data, where what is known by then is asked for once more; the multiple is hardly larger
LEAST = 4.0  # a right entry's error was at most 1.9 largest moves in float64 (0.7 in float32); a wrong one's 9,000 up
RISK = 1e-6  # of a false alarm in one check, were errors and moves normal numbers
LARGER = 2.8  # a move of −1, 0 or 1 unit is that much larger than a rounding, both as standard deviations
FULL, SOME = 20_000, 200_000  # up to so many entries all shakes are done, then half of them, then FEW
FEW, FEWEST = 3, 2  # on our side, which may be float32; on theirs, always float64, where a large multiple still tells


def measure(ours, theirs, inputs, base_ours, base_theirs, seed, theirs_shakes=SHAKES, most=SHAKES):
    """{key: the budget of every entry}: a multiple of the largest move of our or their result over the shaken runs.

    ours takes {name: shaken array} and gives {key: array}. theirs takes {name: moved array} and the Directions of the
    run, and shakes its own arithmetic; with theirs_shakes 0 it is left out: quicker, and only stricter. So it is where
    entries are many and our own moves explain all differences.
    The bases are the results on the unshaken inputs. Each run moves the inputs by up to a unit in their last place.
    Where few runs are affordable, or `most` allows no more, the multiple grows (`factor`).
    """
    entries = sum(np.size(array) for array in base_theirs.values())
    shakes = min(shakes_for(entries), most)
    theirs_shakes = min(theirs_shakes, shakes if entries <= SOME else FEWEST)
    largest = {key: np.zeros(np.shape(array)) for key, array in base_theirs.items()}
    seen = []
    for run in range(shakes):
        directions = Directions([seed, run], always=run == 0)
        arrays = {name: moved(array, directions) for name, array in inputs.items()}
        with np.errstate(all="ignore"), followed(keeps_shaking(directions)):  # the unshaken run has shown already
            results = ours({name: shaken(array, directions) for name, array in arrays.items()})
        raise_to(largest, results, base_ours)
        seen.append((arrays, directions))
    budget = {
        key: factor(shakes, entries) * np.maximum(move, unit(base_ours.get(key), base_theirs[key]))
        for key, move in largest.items()
    }
    if entries > SOME and explained(base_ours, base_theirs, budget):
        return budget
    largest = {key: np.zeros(move.shape) for key, move in largest.items()}
    for arrays, directions in seen[:theirs_shakes]:
        raise_to(largest, theirs(arrays, directions), base_theirs)
    return {key: np.maximum(budget[key], factor(theirs_shakes, entries) * move) for key, move in largest.items()}


def explained(ours, theirs, budget):
    """Whether all entries agree within the budget."""
    return all(
        real_of_shape(ours.get(key), most.shape) and bool((np.abs(ours[key] - theirs[key]) <= most).all())
        for key, most in budget.items()
    )


def shakes_for(entries):
    """How many shaken runs a result of so many entries affords."""
    return SHAKES if entries <= FULL else SHAKES // 2 if entries <= SOME else FEW


def factor(shakes, entries):
    """How many times the largest of `shakes` moves a rounding may be, so that the risk of a false alarm is RISK.

    For normal numbers P(|e| > c max of k moves) ≈ (2/π)^(k/2) E|e|ᵏ / cᵏ, with E|e|ᵏ = 2^(k/2) Γ((k + 1)/2) / √π.
    """
    if not shakes:
        return 0.0
    moment = (4 / math.pi) ** (shakes / 2) * math.gamma((shakes + 1) / 2) / math.sqrt(math.pi)
    return max(LEAST, (moment * max(entries, 1) / RISK) ** (1 / shakes) / LARGER)


def keeps_shaking(directions):
    """For parity.followed: what the user's code creates, or converts from a shaken array, is shaken arithmetic too."""

    def create(function, args, kwargs):
        array = function(*args, **kwargs)
        return with_directions(array, directions) if array.dtype.kind in "fc" else array

    return create


def unit(ours, theirs):
    """About a unit in the last place of each entry: it was rounded itself, and few runs may happen not to move it.

    At least the smallest normal number of its type: below that digits are lost, and some machines flush all to 0. None
    flushes float16, whose normal numbers end at 6e-5 already: there it is the smallest number of all.
    """
    dtype = getattr(ours, "dtype", np.dtype(float))
    if dtype.kind not in "fc":
        return 0.0
    info = np.finfo(dtype)
    with np.errstate(under="ignore"):
        size = np.nan_to_num(np.abs(theirs)) * float(info.eps)
    return size + float(info.smallest_subnormal if dtype == np.float16 else info.smallest_normal)


def raise_to(largest, results, base):
    """largest ← max(largest, |result − base|), entry by entry; a result that has another shape explains nothing."""
    for key, move in largest.items():
        pair = results.get(key), base.get(key)
        if all(real_of_shape(array, move.shape) for array in pair):
            with np.errstate(all="ignore"):
                change = np.asarray(
                    np.subtract(np.asarray(plain(results[key]), float), np.asarray(plain(base[key]), float))
                )
            np.abs(change, out=change)
            change[np.isinf(change)] = np.nan
            largest[key] = np.fmax(move, change)


def real_of_shape(array, shape):
    return np.shape(array) == shape and np.asarray(array).dtype.kind in "fiub"
