"""Trials of the same subject on other data, on which a claim must hold as well."""

import time

import numpy as np

from parity.fresh import mixed, of_shares, redrawn
from parity.inputs import draw, frozen


class Exhausted(Exception):
    """The time is up."""


class Others:
    """evidence(trial) of the same subject on other data, each made once, when first asked for.

    None where the subject, or its reference, does not take such data. Raises Exhausted after the deadline.
    """

    def __init__(self, trial, deadline, evidence):
        self.trial, self.exam, self.deadline, self.evidence = trial, trial.examination, deadline, evidence
        self.made: dict = {}

    def fresh(self, k):
        """Other numbers, and another batch size where the subject takes one."""
        return self.once(("fresh", k), lambda rng: self.trial.fresh(k))

    def alike(self, k):
        """Other numbers in the same shapes; of the inputs that were given, their own entries in other places."""
        return self.once((2, k), lambda rng: self.on(self.redrawn(rng) | self.resampled(rng), rng))

    def stretched(self, axis):
        """Every input that is as long as the first one along an axis made longer there."""
        return self.once((3, axis), lambda rng: self.on(self.longer(axis, rng), rng))

    def batch_of(self, length, k):
        """Other numbers with that many rows."""
        return self.once((4, length, k), lambda rng: self.on(self.redrawn(rng, length), rng))

    def once(self, what, make):
        if time.monotonic() > self.deadline:
            raise Exhausted
        if what not in self.made:
            rng = np.random.default_rng([self.exam.seed, *(n for n in what if type(n) is int)])
            try:
                trial = make(rng)
            except Exception:  # whatever it raises: it does not take such data
                trial = None
            self.made[what] = None if trial is None else self.evidence(trial)
        return self.made[what]

    def on(self, arrays, rng):
        """The Trial on these arrays with other upstream gradients; ones where the subject takes none."""
        dtype, hand = self.trial.upstream[0].dtype, self.trial.hand
        shapes = [np.shape(output) for output in hand.outputs(arrays)]
        drawn = [draw(rng, shape, dtype) if hand.takes_upstream else np.ones(shape, dtype) for shape in shapes]
        return self.exam.trial(arrays, [frozen(g) for g in drawn])

    def redrawn(self, rng, batch=None):
        return redrawn(self.trial.hand, self.trial.arrays, self.exam.drawn, rng, batch)

    def resampled(self, rng):
        given = [name for name in self.trial.hand.input_names if name not in self.exam.drawn]
        return {name: resampled(self.trial.arrays[name], rng) for name in given}

    def longer(self, axis, rng):
        arrays = dict(self.trial.arrays)
        inputs = {name: arrays[name] for name in self.trial.hand.input_names if arrays[name].ndim > axis}
        length = next(iter(inputs.values())).shape[axis]
        for name, array in inputs.items():
            if of_shares(array):
                raise ValueError("longer rows would be no shares")
            if array.shape[axis] == length:
                shape = (*array.shape[:axis], length + 3, *array.shape[axis + 1 :])
                arrays[name] = frozen(mixed(array, shape, rng))
        return arrays


def resampled(array, rng):
    """An array's own entries in other places, floats a little nearer to 0, whole rows where they are shares."""
    if array.ndim == 0 or array.size == 0:
        return array.copy()
    if of_shares(array):
        return frozen(array[rng.permutation(len(array))])
    found = rng.permutation(array.ravel()).reshape(array.shape)
    if array.dtype.kind == "f":
        found = np.asarray(found * rng.uniform(0.9, 1.0, array.shape), array.dtype)
    return frozen(found)
