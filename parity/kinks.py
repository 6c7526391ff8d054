"""Points without a derivative: found where the reference jumps beside them; any value between its limits is right.

At a kink the gradient just beside the point depends on the side, however near: the spread of the reference over nearby
points does not shrink with their distance, as it does where the function is smooth; or it takes two values alone, where
other kinks lie near.
"""

from dataclasses import dataclass, replace

import numpy as np

from parity.subjects.raised import SubjectRaised
from parity.witnesses.numeric import doubled, reflected
from parity.witnesses.scales import sizes

NEAR, NEARER = 1e-3, 1e-5  # relative distances; the steps of a reference's `at` are shorter than both
LOOKS = 24  # points on each distance: each side of one kink is missed with probability 2⁻²³
SEVERAL = 8  # entries on kinks that are looked at where there are too many for all
FEW, SOME = 4, 4  # looks at so many of the wrong entries tell whether to look closer
MOST = 200  # entries of one gradient that are looked at
ROUNDINGS = 1e3  # that J, or a gradient, may have gathered
LEVEL = 0.01  # values that far apart, as a share of the distance of the limits, lie on different sides of some kink
FEW_SIDES = 3  # as one kink or two equal ones have; where there are more, hardly all sides are seen in LOOKS
APART = 4.0  # distances of the limits that were seen by which those of 300 equal kinks that meet may lie beyond them
KEPT = 0.3  # a spread that keeps this share over a hundredth of the distance is a jump, not a slope


@dataclass(frozen=True)
class Kink:
    """The entries of one gradient that stand on kinks, and what is allowed there; on several, sums of theirs."""

    key: tuple
    entries: np.ndarray
    low: np.ndarray
    high: np.ndarray
    several: np.ndarray
    spread: np.ndarray

    def allows(self, ours):
        """Where ours lies between the limits, but for the error of the limits themselves."""
        return self.entries & (ours >= self.low - self.blur) & (ours <= self.high + self.blur)

    @property
    def blur(self):
        """How well the limits are known: taken at that relative distance from one kink, of several only some sums.

        Where the gradient is curved on a side, its limit lies further off by no more than the points there spread.
        """
        width = self.high - self.low
        return np.where(self.several, APART, 10 * NEARER) * width + np.minimum(self.spread, LEVEL * width)


def suspected(trial):
    """Whether the slopes ahead and behind, along a random direction, differ by as much at a hundredth of the distance.

    J(x + hv) − 2 J(x) + J(x − hv), over h, tends to 0 where J is smooth and to the jump of its slope at a kink. Where J
    has no value on one side, the data stand at the end of a domain.
    """
    rng = np.random.default_rng(5)
    arrays = doubled(trial.arrays)
    v = {name: rng.normal(size=a.shape) * sizes(a) for name, a in arrays.items() if a.dtype.kind == "f"}

    def J(h):
        moved = arrays | {name: arrays[name] + h * direction for name, direction in v.items()}
        outputs = trial.hand.double().outputs(moved)
        return sum(float(np.sum(g * np.asarray(out, float))) for g, out in zip(trial.upstream, outputs, strict=True))

    def bend(h):
        return abs(J(h) - 2 * here + J(-h)) / h

    try:
        here = J(0.0)
        noise = ROUNDINGS * np.finfo(float).eps * (abs(here) + 1.0) / NEARER
        return not bend(NEARER) <= max(KEPT * bend(NEAR), noise)
    except SubjectRaised:
        return False


def kinks(examination, trial, keys):
    """{key: Kink} for those of the keys whose reference jumps right beside the trial's data.

    The worst entries are looked at: none of them on a kink, and the gradient is wrong whatever the others are.
    """
    entries = {key: worst_entries(trial, key) for key in keys}
    quick = {key: indices[: min(SOME, beyond(trial, key)) or SOME] for key, indices in entries.items()}
    suspects = {
        key: entries[key] for key, (jumps, *_) in jumping(examination, trial, quick, FEW).items() if jumps.any()
    }
    found = {}
    for key, (jumps, *seen) in jumping(examination, trial, suspects, LOOKS).items():
        if jumps.any():
            found[key] = placed(key, np.shape(trial.truth[key]), entries[key], jumps, *seen)
    return found


def within_limits(examination, trial, key, beside):
    """Whether the entries that differ most from what the subject gives right beside the data lie between the limits.

    beside: its gradient there. For gradients whose entries have no truth yet; those that do not jump are passed over.
    """
    ours = np.asarray(trial.ours[key], float)
    flat = np.argsort(np.abs(ours - beside), axis=None)[::-1][:SEVERAL]
    truth = ours.copy()
    truth.reshape(-1)[flat] = examination.reference.at({key: flat}, trial.arrays, trial.upstream)[key]
    here = replace(trial, truth=trial.truth | {key: truth})
    kink = Kink(key, *jumping(examination, here, {key: flat}, LOOKS)[key])
    return bool((kink.allows(ours.ravel()[flat]) | ~kink.entries).all())


def worst_entries(trial, key):
    """The flat indices of at most MOST entries, those furthest beyond their budget first."""
    error = error_of(trial, key)
    return np.argsort(error / np.maximum(trial.budget[key], np.finfo(float).tiny), axis=None)[::-1][:MOST]


def beyond(trial, key):
    """How many entries of a gradient differ by more than their budget."""
    return int(np.count_nonzero(~(error_of(trial, key) <= trial.budget[key])))


def error_of(trial, key):
    """How far each entry of a gradient is from the reference."""
    return np.abs(np.asarray(trial.ours[key], float) - trial.truth[key])


def jumping(examination, trial, entries, looks):
    """{key: (which of these entries jump, least and greatest value beside, whether several meet, spread)}."""
    far, near = (beside_values(examination, trial, entries, distance, looks) for distance in (NEAR, NEARER))
    found = {}
    for key in entries:
        low, high = (
            np.fmin.reduce(near[key]),
            np.fmax.reduce(near[key]),
        )  # at the end of a domain there is no truth here
        width = high - low
        noise = ROUNDINGS * examination.reference.grain * np.max(np.abs(trial.truth[key]), initial=0.0)
        others = np.sort(near[key][1:], axis=0)  # without the first, which may be nowhere beside
        several = 1 + (np.diff(others, axis=0) > LEVEL * width).sum(axis=0) > FEW_SIDES
        spread = np.minimum(others - low, high - others).max(axis=0, initial=0.0)
        sides = spread <= LEVEL * width  # two, and nothing between them
        jumps = (width > KEPT * (np.fmax.reduce(far[key]) - np.fmin.reduce(far[key]))) | sides
        found[key] = jumps & (width > noise), low, high, several, spread
    return found


def beside_values(examination, trial, entries, distance, looks):
    """{key: values of the reference at those entries, one row here and one for each random point at that distance}.

    Points come in pairs on opposite sides, so that no kink is seen from one side alone; where the function takes no
    such point, or is not finite there, the same point inside the range of the data stands in.
    """
    values = {key: [trial.truth[key].ravel()[indices]] for key, indices in entries.items()}
    for look in range(looks if entries else 0):
        for inside in (False, True):
            arrays = points_beside(examination, trial, distance, look, inside)
            found = reference_at(examination, trial, entries, arrays)
            if found is not None:
                for key in entries:
                    values[key].append(found[key])
                break
    return {key: np.array(found) for key, found in values.items()}


def points_beside(examination, trial, distance, look, inside):
    """{name: array} at that distance, the odd looks opposite to the even ones before; inside: the range of the data.

    Of a subject that computes with fewer digits than the arrays have, beside what it sees of them.
    """
    rng, side = np.random.default_rng([examination.seed, look // 2]), 1 - 2 * (look % 2)
    seen = trial.hand.seen if trial.hand.eps else np.asarray
    return {name: beside(seen(array), side * distance, rng, inside) for name, array in trial.arrays.items()}


def reference_at(examination, trial, entries, arrays):
    """{key: the reference at those entries}; None where the function takes no such arrays, or is not finite there."""
    try:
        found = examination.reference.at(entries, arrays, trial.upstream)
    except (SubjectRaised, ValueError):
        return None
    return found if all(np.isfinite(found[key]).all() for key in entries) else None


def placed(key, shape, indices, *seen):
    """A Kink in the shape of its gradient from (jumps, low, high, several, spread) at some flat indices."""
    arrays = [np.zeros(shape, values.dtype) for values in seen]
    for array, values in zip(arrays, seen, strict=True):
        array.reshape(-1)[indices] = values
    return Kink(key, *arrays)


def beside(array, distance, rng, inside):
    """The array moved at random by up to `distance` of its size; inside: its own range. Integers as they are."""
    if array.dtype.kind != "f" or array.size == 0:
        return array
    near = array + distance * sizes(array) * rng.uniform(-1, 1, array.shape)
    return np.asarray(reflected(near, array) if inside else near, array.dtype)
