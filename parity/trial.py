"""One set of data on which a subject was judged: what came out, what is right, and what rounding explains."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

SLACK = (
    16.0  # a repaired formula rounds otherwise than the one whose budget was measured; a wrong one is 9,000 moves off
)


@dataclass(frozen=True)
class Trial:
    """hand judged on {name: array} and [upstream gradient per output].

    ours, truth, budget: {key: array}; truth has a key for every row that is judged. fresh(k): the k-th Trial of the
    same subject on other random data (other batch sizes where it takes them), None where there is none. examination:
    the parity.examine.Examination that made it, which makes trials on any other arrays. lone: the keys of gradients in
    which, of too many entries to know the truth of each, one alone is wrong; of other wrong ones truth is NaN then.
    """

    hand: Any
    arrays: dict
    upstream: list
    ours: dict
    truth: dict
    budget: dict
    fresh: Callable[[int], Any]
    examination: Any = None
    lone: frozenset = frozenset()

    @property
    def complete(self):
        """Whether the truth of every entry is known."""
        return not any(np.isnan(right).all() and right.size for right in self.truth.values())

    def wrong(self, results=None):
        """The keys whose results (ours, unless others are given) rounding does not explain."""
        results = self.ours if results is None else results
        return frozenset(key for key, right in self.truth.items() if not self.agrees(key, results.get(key), right))

    def agrees(self, key, found, right):
        if found is None or np.shape(found) != np.shape(right) or np.asarray(found).dtype.kind not in "fiub":
            return False
        with np.errstate(all="ignore"):
            error = np.abs(np.asarray(found, float) - right)
        unknown = np.isposinf(self.budget[key]) & np.isfinite(found)
        return bool((unknown | (error <= SLACK * self.budget[key])).all())
