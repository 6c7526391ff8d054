"""Points without a derivative: found where the reference jumps beside them; any value between its limits is right.

At a kink the gradient just beside the point depends on the side, however near: the spread of the reference over nearby
points does not shrink with their distance, as it does where the function is smooth.
"""

from dataclasses import dataclass

import numpy as np

from parity.subjects.base import SubjectRaised
from parity.witnesses.numeric import doubled, scale_of

NEAR, NEARER = 1e-3, 1e-5  # relative distances; the longest step of central differences falls below both
FEW = 4  # points that tell whether to look closer
LOOKS = 24  # points on each distance: each side of one kink is missed with probability 2⁻²³
ROUNDINGS = 1e3  # that J, or a gradient, may have gathered
KEPT = 0.3  # a spread that keeps this share over a hundredth of the distance is a jump, not a slope


@dataclass(frozen=True)
class Kink:
    """The entries of one gradient that stand on kinks, and what is allowed there."""

    key: tuple
    entries: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def allows(self, ours):
        """Where ours lies between the limits, but for the error of the limits themselves."""
        return self.entries & (ours >= self.low - self.blur) & (ours <= self.high + self.blur)

    @property
    def blur(self):
        """How well the limits are known: they were taken at that relative distance from the kink."""
        return 10 * NEARER * (self.high - self.low)


def suspected(trial):
    """Whether the slopes ahead and behind, along a random direction, differ by as much at a hundredth of the distance.

    J(x + hv) − 2 J(x) + J(x − hv), over h, tends to 0 where J is smooth and to the jump of its slope at a kink.
    """
    rng = np.random.default_rng(5)
    arrays = doubled(trial.arrays)
    v = {name: rng.normal(size=a.shape) * scale_of(a) for name, a in arrays.items() if a.dtype.kind == "f"}

    def J(h):
        moved = arrays | {name: arrays[name] + h * direction for name, direction in v.items()}
        outputs = trial.hand.outputs(moved)
        return sum(float(np.sum(g * np.asarray(out, float))) for g, out in zip(trial.upstream, outputs, strict=True))

    def bend(h):
        return abs(J(h) - 2 * here + J(-h)) / h

    try:
        here = J(0.0)
        noise = ROUNDINGS * np.finfo(float).eps * (abs(here) + 1.0) / NEARER
        return bend(NEARER) > max(KEPT * bend(NEAR), noise)
    except SubjectRaised:
        return False


def kinks(examination, trial, keys):
    """{key: Kink} for those of the keys whose reference jumps right beside the trial's data."""
    if not keys:
        return {}
    quick = spread(examination, trial, keys, NEARER, FEW)
    suspects = [key for key in keys if (quick[key][1] - quick[key][0] > noise_of(trial, key)).any()]
    if not suspects:
        return {}
    far, near = (spread(examination, trial, suspects, distance, LOOKS) for distance in (NEAR, NEARER))
    found = {}
    for key in suspects:
        low, high = near[key]
        width, wider = high - low, far[key][1] - far[key][0]
        entries = (width > KEPT * wider) & (width > noise_of(trial, key))
        if entries.any():
            found[key] = Kink(key, entries, low, high)
    return found


def noise_of(trial, key):
    """What no jump is: roundings of a gradient. Its budget cannot tell, since shaking crosses a kink too."""
    return ROUNDINGS * np.finfo(float).eps * np.max(np.abs(trial.truth[key]), initial=0.0)


def spread(examination, trial, keys, distance, looks):
    """{key: (least, greatest)} of the reference's gradient here and at random points at that relative distance."""
    least, greatest = ({key: trial.truth[key] for key in keys} for _ in range(2))
    for look in range(looks):
        rng = np.random.default_rng([examination.seed, look])
        arrays = {name: beside(array, distance, rng) for name, array in trial.arrays.items()}
        try:
            truth = examination.truth(arrays, trial.upstream)
        except (SubjectRaised, ValueError):  # this point lies outside what the function takes
            continue
        for key in keys:
            least[key] = np.minimum(least[key], truth[key])
            greatest[key] = np.maximum(greatest[key], truth[key])
    return {key: (least[key], greatest[key]) for key in keys}


def beside(array, distance, rng):
    """The array moved at random by up to `distance` of its size, inside its own range; integers as they are."""
    if array.dtype.kind != "f" or array.size == 0:
        return array
    low, high = float(array.min()), float(array.max())
    near = array + distance * (max(abs(low), abs(high)) or 1.0) * rng.uniform(-1, 1, array.shape)
    return np.asarray(near.clip(low, high) if low < high else near, array.dtype)
