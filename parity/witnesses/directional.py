"""Judging gradients with too many entries to try one by one: random directional probes, and bisection to the wrong one.

With v = s / |H|, s random signs, every entry of a right gradient H adds ±1 to Σ H v, however small it is, and the
derivative of J along v must be that sum: an entry that is off by a share of its size is off by that share here. One
forward call judges all entries at once; where a probe fails, halving the entries finds the one that is most to blame.
"""

from dataclasses import dataclass

import numpy as np

from parity.followed import followed
from parity.rounding.budget import factor, keeps_shaking, raise_to, unit
from parity.rounding.shaken import Directions, moved, shaken
from parity.rows import Row, Worst
from parity.witnesses.numeric import Numeric

PROBES = 3  # one alone sees any single wrong entry; errors of several entries may cancel in one, hardly in three
SHAKES = 2  # of the first probe; with so few the budget is several hundred moves, and still far below any mistake
REACH = 1e6  # entries smaller than the typical one by more than this weigh less than 1


@dataclass(frozen=True)
class Probe:
    """Random weights {key: array}, what our gradient gives along them, what the forward gives, and its own error."""

    weights: dict
    ours: float
    theirs: float
    error: float


class Directional:
    """Judges the gradients ours ({key: array}) of a hand on one set of data, keys given by `wanted`."""

    def __init__(self, hand, wanted, arrays, upstream, ours, seed):
        self.numeric = Numeric(hand, wanted)
        self.numeric.choose(arrays, upstream, each=False)
        self.hand, self.wanted, self.seed = hand, [key for key in wanted if key in ours], seed
        self.given, self.ours = (arrays, upstream), {key: np.asarray(ours[key], float) for key in self.wanted}
        self.arrays, self.g = self.numeric.seen(arrays, upstream)
        self.sizes = {key: self.size_of(array) for key, array in self.ours.items()}

    def size_of(self, array):
        """What each weight is divided by: |entry|, at least the typical one over REACH; zeros count as typical."""
        size = np.abs(array)
        typical = float(np.median(size[size > 0])) if size.any() else 1.0
        reach = REACH if self.numeric.method == "complex step" else 10.0
        return np.where(size > 0, np.maximum(size, typical / reach), typical)

    def probe(self, number, keys=None):
        """The number-th Probe of these keys together."""
        rng = np.random.default_rng([self.seed, 4, number])
        weights = {key: rng.integers(0, 2, self.ours[key].shape) * 2.0 - 1.0 for key in keys or self.wanted}
        for key, signs in weights.items():
            signs /= self.sizes[key]
        return self.along(weights)

    def along(self, weights):
        directions = {key[1]: v for key, v in weights.items()}
        theirs, error = self.numeric.along(directions, self.arrays, self.g)
        return Probe(weights, sum(float(np.vdot(self.ours[key], v)) for key, v in weights.items()), theirs, error)

    def budget(self, probe):
        """(what rounding explains of a probe, {key: what it explains of each entry of ours}), by shaken runs."""
        moves, largest = [], {key: np.zeros(array.shape) for key, array in self.ours.items()}
        for run in range(SHAKES):
            directions = Directions([self.seed, run])
            arrays, upstream = self.given
            arrays = {name: shaken(moved(array, directions), directions) for name, array in arrays.items()}
            g = [shaken(moved(array, directions), directions) for array in upstream]
            with np.errstate(all="ignore"), followed(keeps_shaking(directions)):
                results = self.hand.run(arrays, g)
                raise_to(largest, results, self.ours)
                ours = sum(float(np.vdot(np.asarray(results[key], float), v)) for key, v in probe.weights.items())
                arrays, g = self.numeric.seen(arrays, g)
                double = {name: shaken(np.asarray(array), directions) for name, array in arrays.items()}
                theirs = self.numeric.along({k[1]: v for k, v in probe.weights.items()}, double, list(map(plain64, g)))
            moves.append(abs(ours - probe.ours) + abs(theirs[0] - probe.theirs))
        entries = sum(array.size for array in self.ours.values())
        each = factor(SHAKES, entries)
        budgets = {
            key: each * np.maximum(array, unit(ours, ours))
            for (key, array), ours in zip(largest.items(), self.ours.values(), strict=True)
        }
        return factor(SHAKES, PROBES) * max(moves) + probe.error, budgets

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


def plain64(array):
    return np.asarray(array, float)


def judge_directions(judge):
    """(rows, {key: budget of each entry of ours}): a Row per gradient of a Directional, wrong ones with their entry."""
    probes = [judge.probe(number) for number in range(PROBES)]
    budget, budgets = judge.budget(probes[0])
    error = max(abs(probe.ours - probe.theirs) for probe in probes)
    if error <= budget:
        return [passed(key, judge.ours[key], error, budget) for key in judge.wanted], budgets
    rows = []
    for key in judge.wanted:
        probes = [judge.probe(number, [key]) for number in range(PROBES)]
        error = max(abs(probe.ours - probe.theirs) for probe in probes)
        ours = judge.ours[key]
        rows.append(passed(key, ours, error, budget) if error <= budget else failed(key, judge, error, budget))
    return rows, budgets


def passed(key, ours, error, budget):
    """A right gradient: what a probe is off by, in sizes of an entry, is what any entry could still hide."""
    verdict, note = "pass", f"{PROBES} random directions"
    if not ours.any():
        verdict, note = "void", "nothing was proved: all is 0"
    return Row(key[1], key[0], ours.shape, verdict, error=error, budget=budget, note=note, hides=budget, size=ours.size)


def failed(key, judge, error, budget):
    """A wrong gradient, with the entry that is most to blame."""
    index, ours, theirs, alone = judge.blame(key, budget)
    note = "this entry alone is wrong" if alone else "other entries are wrong as well"
    shape, size = judge.ours[key].shape, judge.ours[key].size
    worst = Worst(index, ours, theirs)
    return Row(key[1], key[0], shape, "fail", error=error, budget=budget, worst=worst, note=note, size=size)
