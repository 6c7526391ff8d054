"""What a change did to the value at its place, on several trials: the ratio of new to old says what was lost."""

from dataclasses import dataclass

import numpy as np

from parity.diagnosis.changes.sizes import formulas, lengths_of
from parity.tape.recording import Tape

SAME = 1e-9  # relative: a quotient of two float64 that is one factor everywhere differs from it by rounding alone


@dataclass
class Witness:
    """The value at the outermost site of a change without it and with it, in the first turn that tells anything."""

    trial: object
    before: np.ndarray
    after: np.ndarray

    @property
    def ratio(self):
        """after / before, entry by entry; None where the shapes differ or before is 0 somewhere."""
        if self.before.shape != self.after.shape or not self.before.size or not (self.before != 0).all():
            return None
        return self.after / self.before

    @property
    def factor(self):
        """The one number that before was multiplied by; None where it is none."""
        before, after = self.before, self.after
        if before.shape != after.shape or not (before != 0).any():
            return None
        factor = float(np.sum(before * after) / np.sum(before * before))
        size = np.abs(after).max() or 1.0
        return factor if factor and np.abs(after - factor * before).max() <= SAME * size * 100 else None


def witnesses(survey, change, trials, site=None):
    """A Witness of the change on each trial, at its site or another one; none where that was not reached."""
    found, site = [], site or change.site
    for trial in trials:
        tapes = [
            survey.runner.run(trial, changes, noting=False, watched=frozenset({site}))
            for changes in (survey.active, [*survey.active, change])
        ]
        if None not in tapes:
            turns = zip(*(tape.seen.get(site, []) for tape in tapes), strict=False)
            pairs = [(np.asarray(a, float), np.asarray(b, float)) for a, b in turns if a is not None and b is not None]
            telling = next((pair for pair in pairs if pair[0].any()), None)
            if telling is not None:
                found.append(Witness(trial, *telling))
    return found


def scale(found):
    """(the factor of every Witness, the Sizes that it can be); None and nothing where one has no single factor."""
    factors = [witness.factor for witness in found]
    if not factors or None in factors:
        return None, []
    return factors, formulas(factors, lengths_of([Tape(arrays=everything(witness.trial)) for witness in found]))


def everything(trial):
    """The arrays of a run, upstream gradients among them."""
    return trial.arrays | {("upstream", i): g for i, g in enumerate(trial.upstream)}
