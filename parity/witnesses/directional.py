"""Judging gradients with too many entries to try one by one: random directional probes, and bisection to the wrong one.

With v = s u / |H|, s random signs and u random between 1 and 2, every entry of a right gradient H adds ±u to Σ H v,
however small it is, and the derivative of J along v must be that sum: an entry that is off by a share of its size is
off by that share here, and no two errors cancel but by a coincidence of their u. One forward call judges all entries
at once; where a probe fails, halving the entries finds the one that is most to blame.
"""

from dataclasses import dataclass

import numpy as np

from parity.followed import followed
from parity.rounding.budget import factor, keeps_shaking, raise_to, unit
from parity.rounding.shaken import Directions, moved, shaken
from parity.rows import Row, Worst
from parity.witnesses.numeric import Numeric

ALONE = "this entry alone is wrong"
PROBES = 2  # one alone sees any single wrong entry; errors of several entries may cancel in one, hardly in two
SHAKES = 6  # of ours; half as many would have to allow for moves that are ten times as large
THEIRS = 2  # of the forward, which costs more and moves less: always float64
ROUNDED = 1e4  # an entry below so many roundings of the typical one weighs less than 1: it is known to fewer digits
STEEP = 10.0  # with central differences, entries smaller than the typical one by more than this weigh less than 1


@dataclass(frozen=True)
class Probe:
    """Random weights {key: array}, what our gradient gives along them, what the forward gives, and its own error."""

    weights: dict
    ours: float
    theirs: float
    error: float


@dataclass(frozen=True)
class Moves:
    """How far a probe of all keys moved in each shaken run: {key: what ours did}, and what theirs did, in all."""

    ours: dict
    theirs: list

    def explain(self, probe):
        """What rounding explains of a probe of some of the keys."""
        tries = PROBES * (1 + len(self.ours))
        together = np.sum([self.ours[key] for key in probe.weights], axis=0)
        return factor(SHAKES, tries) * size_of_largest(together) + factor(THEIRS, tries) * size_of_largest(self.theirs)


def size_of_largest(moves):
    return float(np.fmax.reduce(np.abs(moves), initial=0.0))


class Directional:
    """Judges the gradients ours ({key: array}) of a hand on one set of data, keys given by `wanted`."""

    def __init__(self, hand, wanted, arrays, upstream, ours, seed):
        self.numeric = Numeric(hand, wanted)
        self.numeric.choose(arrays, upstream, each=False)
        self.hand, self.wanted, self.seed = hand, [key for key in wanted if key in ours], seed
        self.given, self.returned = (arrays, upstream), {key: np.asarray(ours[key]) for key in self.wanted}
        self.ours = {key: array.astype(float) for key, array in self.returned.items()}
        self.outputs = {key: np.asarray(array) for key, array in ours.items() if key[0] == "output"}
        self.arrays, self.g = self.numeric.seen(arrays, upstream)
        self.sizes = {key: self.size_of(key) for key in self.wanted}

    def size_of(self, key):
        """What each weight is divided by: |entry|, not much less than the typical one; zeros count as typical."""
        size, eps = np.abs(self.ours[key]), float(np.finfo(self.returned[key].dtype).eps)
        typical = float(np.median(size[size > 0])) if size.any() else 1.0
        least = ROUNDED * eps if self.numeric.method == "complex step" else 1 / STEEP
        return np.where(size > 0, np.maximum(size, typical * least), typical)

    def probe(self, number, keys=None):
        """The number-th Probe of these keys together; the weights of one do not depend on the others."""
        weights = {}
        for key in keys or self.wanted:
            rng = np.random.default_rng([self.seed, 4, number, self.wanted.index(key)])
            u = rng.uniform(1, 3, self.ours[key].shape)
            weights[key] = np.where(u < 2, u, 1 - u) / self.sizes[key]  # of either sign, 1 to 2 in size
        return self.along(weights)

    def along(self, weights):
        return Probe(weights, along(self.ours, weights), *self.theirs(weights, self.arrays, self.g))

    def theirs(self, weights, arrays, g):
        return self.numeric.along({key[1]: v for key, v in weights.items()}, arrays, g)

    def shake(self, probe):
        """(Moves, {key: what rounding explains of each entry of ours, outputs too}), by shaken runs of ours alone.

        probe: one of all keys.
        """
        base = self.ours | self.outputs
        largest = {key: np.zeros(array.shape) for key, array in base.items()}
        moves = Moves({key: [] for key in self.wanted}, [])
        for run in range(SHAKES):
            directions = Directions([self.seed, run])
            arrays, upstream = self.given
            arrays = {name: shaken(moved(array, directions), directions) for name, array in arrays.items()}
            upstream = [shaken(moved(array, directions), directions) for array in upstream]
            with np.errstate(all="ignore"), followed(keeps_shaking(directions)):
                results = self.hand.run(arrays, upstream)
                raise_to(largest, results, base)
                for key, v in probe.weights.items():
                    moves.ours[key].append(along(results, {key: v}) - along(self.ours, {key: v}))
        each = factor(SHAKES, sum(array.size for array in base.values()))
        return moves, {key: each * np.maximum(largest[key], self.unit(key, base[key])) for key in largest}

    def shake_theirs(self, probe):
        """How far the forward's word on a probe moves in each of its shaken runs."""
        return [self.move_of_theirs(probe, Directions([self.seed, 5, run])) for run in range(THEIRS)]

    def unit(self, key, array):
        """About a unit in the last place of each entry, in what the subject computes in."""
        return np.maximum(unit((self.returned | self.outputs)[key], array), self.hand.eps * np.abs(array))

    def move_of_theirs(self, probe, directions):
        """How far the forward's word on a probe moves; what the subject's own precision does, ours shows."""
        arrays = {name: shaken(moved(array, directions), directions) for name, array in self.arrays.items()}
        g = [moved(one, directions) for one in self.g]
        with np.errstate(all="ignore"), followed(keeps_shaking(directions)):
            return self.theirs(probe.weights, arrays, g)[0] - probe.theirs

    def blame(self, key, budget):
        """The entry of a wrong gradient that is most to blame: (index, ours, theirs, whether it alone is wrong)."""
        weights = self.probe(0, [key]).weights[key]
        flat, low, high = weights.reshape(-1), 0, weights.size
        whole = missing = self.difference(key, weights)
        while high - low > 1:
            middle = (low + high) // 2
            half = np.zeros_like(flat)
            half[low:middle] = flat[low:middle]
            first = self.difference(key, half.reshape(weights.shape))
            if abs(first) >= abs(missing - first):
                high, missing = middle, first
            else:
                low, missing = middle, missing - first
        index = tuple(int(i) for i in np.unravel_index(low, weights.shape))
        theirs = self.numeric.entry(key[1], index, self.arrays, self.g)[0]
        ours = float(self.ours[key][index])
        alone = abs(whole - (ours - theirs) * weights[index]) <= budget
        return index, ours, theirs, alone

    def difference(self, key, weights):
        probe = self.along({key: weights})
        return probe.ours - probe.theirs


def along(results, weights):
    """Σ results · weights over all keys."""
    return sum(float(np.vdot(np.asarray(results[key], float), v)) for key, v in weights.items())


def judge_directions(judge):
    """(rows, {key: budget of each entry of ours}): a Row per gradient of a Directional, wrong ones with their entry.

    Where our own moves do not explain what the probes are off by, the forward is shaken too. One probe of each finds
    the wrong ones; the others are then judged together, and one by one where that fails.
    """
    together = [judge.probe(number) for number in range(PROBES)]
    moves, budgets = judge.shake(together[0])
    seen = verdict_on(together, moves)
    if seen.wrong:
        moves.theirs.extend(judge.shake_theirs(together[0]))
        seen = verdict_on(together, moves)
    if not seen.wrong:
        return [passed(key, judge, seen) for key in judge.wanted], budgets
    verdicts = {key: verdict_on([judge.probe(0, [key])], moves) for key in judge.wanted}
    if rest := [key for key in judge.wanted if not verdicts[key].wrong]:
        seen = verdict_on([judge.probe(number, rest) for number in range(PROBES)], moves)
        verdicts |= dict.fromkeys(rest, seen)
        if seen.wrong:
            each = {key: [judge.probe(number, [key]) for number in range(PROBES)] for key in rest}
            verdicts |= {key: verdict_on(probes, moves) for key, probes in each.items()}
    return [(failed if verdicts[key].wrong else passed)(key, judge, verdicts[key]) for key in judge.wanted], budgets


@dataclass(frozen=True)
class Seen:
    """The largest disagreement of some probes, and what rounding explains of them."""

    error: float
    budget: float

    @property
    def wrong(self):
        return not self.error <= self.budget


def verdict_on(probes, moves):
    return Seen(largest_error(probes), moves.explain(probes[0]) + probes[0].error)


def largest_error(probes):
    """The largest disagreement, beyond what theirs says of its own error where that is larger than the first's."""
    return max(abs(probe.ours - probe.theirs) - max(0.0, probe.error - probes[0].error) for probe in probes)


def passed(key, judge, seen):
    """A right gradient: what a probe is off by, in sizes of an entry, is what any entry could still hide."""
    ours, size, budget = judge.ours[key], judge.sizes[key], seen.budget
    verdict, note = "pass", f"{PROBES} random directions"
    if not ours.any():
        verdict, note = "void", "nothing was proved: all is 0"
    elif not budget < 1:
        verdict, note = "void", "nothing was proved: rounding explains errors as large as an entry"
    blurred = int(np.sum((np.abs(ours) < budget * size) & (ours != 0)))
    return Row(
        key[1],
        key[0],
        ours.shape,
        verdict,
        error=seen.error,
        budget=budget,
        note=note,
        hides=budget,
        blurred=blurred,
        size=ours.size,
    )


def failed(key, judge, seen):
    """A wrong gradient, with the entry that is most to blame."""
    index, ours, theirs, alone = judge.blame(key, seen.budget)
    note = ALONE if alone else "other entries are wrong as well"
    shape, size = judge.ours[key].shape, judge.ours[key].size
    worst = Worst(index, ours, theirs)
    return Row(key[1], key[0], shape, "fail", error=seen.error, budget=seen.budget, worst=worst, note=note, size=size)
