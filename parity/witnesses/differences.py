"""Central differences with a ladder of steps that estimates its own error.

D(h) = (J(x + h v) − J(x − h v)) / 2h = J′ + c h² + …, and (4 D(h/2) − D(h)) / 3 loses the h² term (Richardson). Down
the ladder the truncation falls by 16 a rung and the rounding of J rises by 2: the rung where two neighbours differ
least, the rounding included, is the answer, and that difference its error.
"""

from itertools import pairwise

import numpy as np

from parity.rounding.shaken import plain

FIRST = 2.0**-5  # of the size of x: larger steps meet curvature, and kinks, that smaller ones do not
MIDDLE = 2.0**-13
RUNGS = 12  # down to 2⁻¹⁶, where rounding has taken over
SAFETY = 4.0  # the difference of two neighbours may happen to be small


def central(hand, directions, arrays, upstream):
    """(the derivative of Σ upstream · outputs along {name: direction}, its estimated error)."""

    def down(h):
        return difference(hand, directions, arrays, upstream, h)

    return best_rung(down, FIRST * step_scale(directions, arrays))


def quick(hand, directions, arrays, upstream):
    """central by one difference in the middle of the ladder: (derivative, its rounding alone)."""
    return difference(hand, directions, arrays, upstream, MIDDLE * step_scale(directions, arrays))


def difference(hand, directions, arrays, upstream, h):
    """(D(h), what the rounding of J makes of it)."""
    ahead, behind = (moved_outputs(hand, directions, arrays, step) for step in (h, -h))
    total = sum(np.sum(g * (a - b)) for g, a, b in zip(upstream, ahead, behind, strict=True))
    size = sum(np.sum(np.abs(g * a)) for g, a in zip(upstream, ahead, strict=True))
    return float(total) / (2 * h), float(size) * np.finfo(float).eps / h


def best_rung(down, first):
    """(limit, error) of down(h) -> (D(h), rounding) as h falls from `first`."""
    with np.errstate(all="ignore"):
        ladder = [down(first * 2.0**-k) for k in range(RUNGS)]
    values = [(4 * finer - coarser) / 3 for (coarser, _), (finer, _) in pairwise(ladder)]
    errors = [
        SAFETY * abs(b - a) + rounding for a, b, (_, rounding) in zip(values, values[1:], ladder[2:], strict=False)
    ]
    errors = [error if np.isfinite(error) else np.inf for error in errors]
    best = int(np.argmin(errors))
    return values[best + 1], float(errors[best])


def moved_outputs(hand, directions, arrays, h):
    """The outputs at x + h v, as float64 arrays."""
    moved = arrays | {name: arrays[name] + h * v for name, v in directions.items()}
    with np.errstate(all="ignore"):
        return [np.asarray(plain(output), float) for output in hand.outputs(moved)]


def step_scale(directions, arrays):
    """How far a step of 1 may go: the size of x over that of v, the smallest of all names; 1 where x is 0."""
    scales = []
    for name, v in directions.items():
        x, largest = np.abs(plain(arrays[name])), np.max(np.abs(v))
        moving = x[np.abs(v) == largest] if x.ndim else x
        scales.append((float(np.max(moving, initial=0.0)) or 1.0) / (float(largest) or 1.0))
    return min(scales)
