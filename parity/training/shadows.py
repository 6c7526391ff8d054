"""Shadows of a training: the same steps, every gradient and weight moved by what rounding may have left in it."""

import copy

import numpy as np

import scratch
from parity.rounding.shaken import Directions, moved, plain, shaken
from scratch.naming import replace

COUNT = 3  # shadows
SHAKES = 2  # shaken backward passes that tell how large the rounding of a gradient is
EVERY = 32  # steps after which that is measured again, and at steps 0, 1, 2, 4, 8, 16


class Shadows:
    """Copies of the hand-derived side that take its steps beside it.

    levels: {name: the rounding of our gradient as a share of its largest entry}; floors: {name: that of the twin's, and
    under "loss" of its loss, as numbers}, both from shaken arithmetic. Where a loss nears 0, torch's 1 − p and 1 − a²
    cancel: what is left is as large as before, and no share of it.
    """

    def __init__(self, hand, twin, seed):
        self.hand, self.twin, self.rng = hand, twin, np.random.default_rng([seed, 5])
        self.copies = [copy.deepcopy(hand) for _ in range(COUNT)]
        self.levels: dict[str, float] = {}
        self.floors: dict[str, float] = {}
        self.eps = float(np.finfo(next(iter(scratch.named_parameters(hand.net).values())).dtype).eps)

    def weights(self):
        return [one.weights() for one in self.copies]

    def measure(self, batch, number):
        """Measure the levels and floors anew where it is time to, on copies: statistics that run must not run twice."""
        if number % EVERY and number & (number - 1):
            return
        _, base = self.hand.gradients(batch, copy.deepcopy(self.hand.net))
        self.levels = dict.fromkeys(base, self.eps)
        for run in range(SHAKES):
            for name, gradient in self.shaken_gradients(batch, [number, run]).items():
                size = float(np.abs(base[name]).max(initial=0.0))
                move = float(np.abs(np.asarray(plain(gradient), float) - base[name]).max(initial=0.0))
                self.levels[name] = max(self.levels[name], move / size if size else 0.0)
        J, base = self.twin.gradients(batch, copy.deepcopy(self.twin.module))
        base["loss"], self.floors = J, {}
        for run in range(SHAKES):
            J, found = self.twin.shaken_gradients(batch, [number, run])
            for name, array in (found | {"loss": J}).items():
                self.floors[name] = max(self.floors.get(name, 0.0), float(np.abs(array - base[name]).max(initial=0.0)))

    def shaken_gradients(self, batch, seed):
        directions, net = Directions(seed), copy.deepcopy(self.hand.net)
        weights = scratch.named_parameters(net)
        replace(net, {name: shaken(moved(array, directions), directions) for name, array in weights.items()})
        x, target = batch
        x = shaken(moved(x, directions), directions) if x.dtype.kind == "f" else x
        with np.errstate(all="ignore"):
            return self.hand.gradients((x, target), net)[1]

    def step(self, batch):
        """What each shadow computes in this step, as Hand.step."""
        found = []
        for one in self.copies:
            found.append(one.step(batch, self.with_rounding))
            for array in scratch.named_parameters(one.net).values():
                array *= 1 + self.eps * self.signs(array)
        return found

    def with_rounding(self, gradients):
        """The gradients moved at random by their rounding, in their own dtype; a 0 is exact and stays."""
        return {name: self.with_rounding_of(name, g) for name, g in gradients.items()}

    def with_rounding_of(self, name, gradient):
        size = self.rounding_of(name, np.abs(gradient).max(initial=0.0))
        return np.where(gradient == 0, gradient, gradient + size * self.signs(gradient)).astype(gradient.dtype)

    def rounding_of(self, name, size):
        """The rounding of a gradient whose largest entry is of that size, or of the loss."""
        return max(self.levels.get(name, self.eps) * size, self.floors.get(name, 0.0))

    def signs(self, array):
        return self.rng.uniform(-1, 1, array.shape).astype(array.dtype)

    def least(self, kind, name, size):
        """The rounding that a quantity of that size has by itself, once."""
        return self.rounding_of(name, size) if kind in ("forward", "gradient") else self.eps * size
