"""Derivatives of the subject's own forward with some paths cut: a value that an operation takes counts as a constant.

H is the gradient with a path cut: then that path is what backward lacks. The complex step does it: an operand without
its imaginary part is the same number, and passes no derivative on. What drops the imaginary part by itself (var, std,
abs, norm) is computed otherwise here; a forward that loses it elsewhere shows in the derivative without cuts.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.followed import followed
from parity.subjects.raised import SubjectRaised
from parity.tape.recording import Tape, plain, taped
from parity.trial import SLACK
from parity.witnesses.numeric import doubled
from parity.witnesses.steps import STEP, StepLost, complex_step, created_complex


@dataclass(frozen=True)
class Edge:
    """An operand of the operations of a site; turns: of a loop, all, "all but the first" or "all but the last"."""

    site: Any
    slot: int
    turns: str = "all"

    def cuts(self, turn, count):
        spared = {"all but the first": 0, "all but the last": count - 1}
        return spared.get(self.turns) != turn


class CutForward:
    """The subject's outputs, as parity.witnesses ask for them, with edges cut; counts: {site: turns} of forward."""

    def __init__(self, hand, edges, safe, counts):
        self.hand, self.counts = hand, counts
        self.changes = {site: functools.partial(self.compute, (), compute) for site, compute in safe.items()}
        for site in {edge.site for edge in edges}:
            here = tuple(edge for edge in edges if edge.site is site)
            self.changes[site] = functools.partial(self.compute, here, safe.get(site))

    def compute(self, edges, otherwise, call):
        """The operation with the operands of cut edges real."""
        operands = list(call.operands)
        for edge in edges:
            if edge.cuts(call.occurrence, self.counts[edge.site]):
                operands[edge.slot] = np.real(operands[edge.slot])
        if otherwise is not None:
            return otherwise(*operands, **call.options)
        return call.compute(tuple(operands), call.options)

    def outputs(self, arrays):
        tape = Tape(self.changes, ("forward",))
        inputs = {name: taped(np.array(array), tape, name) for name, array in arrays.items()}

        def create(function, args, options):
            def compute(operands, options):
                return created_complex(function, operands, options)

            return tape.do(function.__name__, args, options, compute)

        with followed(create):
            return [plain(output) for output in self.hand.forward(inputs)[0]]


def variance(x, axis=None, ddof=0, keepdims=False, **_):
    d = x - np.mean(x, axis, keepdims=True)
    total = np.sum(d * d, axis, keepdims=keepdims)
    return total / (x.size / np.size(total) - ddof)


def absolute(x, **_):
    return np.where(np.real(x) < 0, -x, x)


def norm(x, ord=None, axis=None, keepdims=False):
    if ord not in (None, 2, "fro"):
        raise StepLost
    return np.sqrt(np.sum(x * x, axis, keepdims=keepdims))


SAFE = {
    "var": variance,
    "std": lambda x, *args, **options: np.sqrt(variance(x, *args, **options)),
    "absolute": absolute,
    "fabs": absolute,
    "norm": norm,
    "sign": lambda x, **_: np.sign(np.real(x)),
    "logaddexp": lambda a, b, **_: np.log(np.exp(a) + np.exp(b)),
}


class Cutter:
    """Gradients of one trial's forward with edges cut."""

    def __init__(self, e):
        self.e = e
        self.safe = {event.site: SAFE[event.name] for event in e.forward if event.name in SAFE}
        self.counts = {site: count + 1 for (site, phase), count in e.tape.counts.items() if phase == "forward"}
        self.arrays = doubled(e.arrays)
        self.upstream = [np.asarray(g, float) for g in e.upstream]

    def forward(self, edges):
        return CutForward(self.e.hand, edges, self.safe, self.counts)

    def along(self, edges, directions):
        """The derivative of Σ g · outputs along {name: direction}; NaN where the forward takes no complex numbers."""
        self.e.in_time()
        try:
            return complex_step(self.forward(edges), directions, self.arrays, self.upstream)
        except StepLost:  # no path is left
            return 0.0
        except SubjectRaised:
            return np.nan

    def by_value(self, value, v):
        """The derivative of Σ g · outputs by the result of an operation of the forward, along v."""
        forward = self.forward(())
        forward.changes[value.site] = lambda call: call.result() + 1j * STEP * v
        try:
            return complex_step(forward, {}, self.arrays, self.upstream)
        except (StepLost, SubjectRaised):
            return np.nan

    def gradient(self, edges, key):
        """∂J/∂x for the x that key names, entry by entry."""
        found, shape = np.zeros(np.shape(self.arrays[key[1]])), np.shape(self.arrays[key[1]])
        for index in np.ndindex(shape):
            direction = np.zeros(shape)
            direction[index] = 1.0
            found[index] = self.along(edges, {key[1]: direction})
        return found

    def fits(self, edges, key, gradient):
        """Whether with edges cut the derivative in a random direction is that which a gradient gives."""
        if gradient is None or gradient.shape != np.shape(self.arrays[key[1]]):
            return False
        v = np.random.default_rng(0).normal(size=gradient.shape)
        allowed = SLACK * np.sum(self.e.trial.budget[key] * np.abs(v))
        return bool(abs(self.along(edges, {key[1]: v}) - np.sum(gradient * v)) <= allowed)
