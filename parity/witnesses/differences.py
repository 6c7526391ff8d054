"""Central differences with a ladder of steps that estimates its own error.

D(h) = (J(x + h v) − J(x − h v)) / 2h = J′ + c h² + …, and (4 D(h/2) − D(h)) / 3 loses the h² term (Richardson). Down
the ladder the truncation falls by 16 a rung and the rounding of J rises by 2: the rung where two neighbours differ
least, the rounding included, is the answer, and that difference its error.
"""

from itertools import pairwise

import numpy as np

from parity.rounding.shaken import plain
from parity.subjects.raised import ContractBroken, SubjectRaised
from parity.witnesses.scales import room, sizes

FIRST = 2.0**-5  # of the size of x: larger steps meet curvature, and kinks, that smaller ones do not
FINE, MIDDLE = 2.0**-20, 2.0**-13
TELLING = 1e-3  # an error that is a larger share of the derivative could excuse a step that was lost
RUNGS, LONGEST = 12, 24  # down to 2⁻¹⁶, where rounding has taken over as a rule, or to 2⁻²⁸
SAFETY = 4.0  # the difference of two neighbours may happen to be small


def central(hand, directions, arrays, upstream, first=FIRST):
    """(the derivative of Σ upstream · outputs along {name: direction}, its estimated error).

    first: the longest step, as a share of the size of x.
    """

    def down(h):
        return difference(hand, directions, arrays, upstream, h)

    return best_rung(down, first * step_scale(directions, arrays))


def fine(hand, directions, arrays, upstream):
    """central by short steps, for functions that turn many times within the size of x; NaN where they tell little."""
    found, error = central(hand, directions, arrays, upstream, FINE)
    return (found, error) if error < TELLING * abs(found) else (np.nan, error)


def quick(hand, directions, arrays, upstream):
    """central by one difference in the middle of the ladder: (derivative, its rounding alone)."""
    return difference(hand, directions, arrays, upstream, MIDDLE * step_scale(directions, arrays))


def difference(hand, directions, arrays, upstream, h):
    """(D(h), what the rounding of J makes of it)."""
    ahead, behind = (moved_outputs(hand, directions, arrays, upstream, step) for step in (h, -h))
    total = sum(np.sum(g * (a - b)) for g, a, b in zip(upstream, ahead, behind, strict=True))
    size = sum(np.sum(np.abs(g * a)) for g, a in zip(upstream, ahead, strict=True))
    return float(total) / (2 * h), float(size) * np.finfo(float).eps / h


def best_rung(down, first):
    """(limit, error) of down(h) -> (D(h), rounding) as h falls from `first`, further down while that is still best."""
    with np.errstate(all="ignore"):
        ladder = [down(first * 2.0**-k) for k in range(RUNGS)]
        best, values, errors = climbed(ladder)
        while best == len(errors) - 1 and len(ladder) < LONGEST:
            ladder.append(down(first * 2.0 ** -len(ladder)))
            best, values, errors = climbed(ladder)
    return values[best], errors[best]


def climbed(ladder):
    """(index of the best, limits, errors): each limit with its change from the one before, and from that to its own.

    The change before counts for a sixteenth, what is left of it where all is smooth: two may happen to be equal.
    """
    values = [(4 * finer - coarser) / 3 for (coarser, _), (finer, _) in pairwise(ladder)]
    changes = [abs(b - a) for a, b in pairwise(values)]
    changes = [max(change, before / 16) for before, change in zip([0.0, *changes], changes, strict=False)]
    errors = [float(SAFETY * change + rounding) for change, (_, rounding) in zip(changes, ladder[2:], strict=True)]
    errors = [error if np.isfinite(error) else np.inf for error in errors]
    return int(np.argmin(errors)), values[1:], errors


def moved_outputs(hand, directions, arrays, upstream, h):
    """The outputs at x + h v, as float64 arrays."""
    moved = arrays | {name: arrays[name] + h * v for name, v in directions.items()}
    with np.errstate(all="ignore"):
        return fitting([np.asarray(plain(output), float) for output in hand.outputs(moved)], upstream)


def fitting(outputs, upstream):
    """The outputs, where they have the shapes of the upstream gradients. Raises SubjectRaised."""
    shapes, wanted = [output.shape for output in outputs], [np.shape(g) for g in upstream]
    if shapes != wanted:
        error = ContractBroken(f"forward returns outputs of shapes {shapes} and {wanted} for inputs of the same shapes")
        raise SubjectRaised(str(error)) from error
    return outputs


def step_scale(directions, arrays):
    """How far a step of 1 may go: no entry by more than its size, or than its row and column where many move."""
    scales = [1.0 / largest for name, v in directions.items() if (largest := reach(v, arrays[name]))]
    return min(scales, default=1.0)


def reach(v, array):
    """How many times the size of an entry a step of 1 along v goes, at most."""
    size = sizes(array) if np.count_nonzero(v) == 1 else room(array)
    return float(np.max(np.abs(v) / size, initial=0.0))
