"""What is right, by central differences or by autograd of a twin, for the subjects that plain_reading reads."""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import torch

from parity.inputs import draw
from parity_tests.plain_reading import copied, read, start_torch

SURELY_WRONG = 1e-4  # relative: every planted mistake is larger by far than what central differences can miss ...
SURELY_RIGHT = 1e-6  # ... and this is far above their own error, about 1e-9 here


@dataclass
class Trial:
    """A subject with its arrays and a random upstream gradient: everything that two calls need to be equal."""

    inputs: dict
    weights: dict
    start: Any
    upstream: list

    @property
    def arrays(self):
        return self.inputs | self.weights

    def outputs(self):
        return {"output": self.start(self.arrays)[0][0]}

    def gradients(self):
        return self.start(self.arrays)[1]([g.copy() for g in self.upstream])

    @cached_property
    def truth(self):
        """{row: gradient by central differences} of the rows that backward gives, and of every weight."""
        return {row: self.differences(row) for row in self.weights | self.gradients()}

    def differences(self, row, steps=(1e-6, -1e-6)):
        """Σ upstream · output at x + steps[0] less that at x + steps[1], over the distance, for every entry x."""
        array = self.arrays[row].astype(float)
        values = np.empty((2, *array.shape))
        for index in np.ndindex(array.shape):
            for i, step in enumerate(steps):
                moved = array.copy()
                moved[index] += step
                outputs = self.start(self.arrays | {row: moved})[0]
                values[i, *index] = sum(np.sum(g * y) for g, y in zip(self.upstream, outputs, strict=True))
        return (values[0] - values[1]) / (steps[0] - steps[1])


@cache
def trial(mutant, source=None, seed=0, dtype="float64", rows=None):
    """The Trial of a mutant, or of an edited source of it. rows: how many of the batch, all unless told."""
    rng = np.random.default_rng(seed)
    given = [
        draw(rng, value, "float64") if isinstance(value, tuple) else np.array(value) for value in mutant.given(rng)
    ]
    batch = len(given[0])
    given = [value[:rows] if rows and len(value) == batch else value for value in given]
    inputs, weights, start = read(mutant.build(source), given)
    inputs, weights = cast(inputs, dtype), cast(weights, dtype)
    outputs = start(inputs | weights)[0]
    return Trial(inputs, weights, start, [draw(rng, np.shape(y), dtype) for y in outputs])


def cast(arrays, dtype):
    return {name: array.astype(dtype) if array.dtype.kind == "f" else array for name, array in arrays.items()}


def error(ours, truth):
    """The largest difference relative to the largest entry; inf for what is absent, misshapen or not finite."""
    if ours is None or np.shape(ours) != np.shape(truth) or not np.isfinite(ours).all():
        return np.inf
    return float(np.max(np.abs(ours - truth)) / np.max(np.abs(truth))) if np.any(truth) else np.inf


def wrong_rows(ours, truth):
    """The rows of truth that ours has wrong; refuses (AssertionError) those that are neither right nor wrong."""
    errors = {row: error(ours.get(row), value) for row, value in truth.items()}
    unclear = {row: found for row, found in errors.items() if SURELY_RIGHT < found <= SURELY_WRONG}
    assert not unclear, unclear
    return {row for row, found in errors.items() if found > SURELY_WRONG}


def twin_says(twin, done):
    """({"output": array}, {row: gradient}) by autograd of the twin, on the arrays of a Trial."""
    crossed = cross(twin.double(), done.weights) if isinstance(twin, torch.nn.Module) else {}
    arrays = {name: done.weights[row].T if turned else done.weights[row] for name, (row, turned) in crossed.items()}
    outputs, back = start_torch(twin, list(done.inputs), copied(done.inputs | arrays))
    found = back(done.upstream)
    gradients = {row: found[name].T if turned else found[name] for name, (row, turned) in crossed.items()}
    return {"output": outputs[0]}, gradients | {name: d for name, d in found.items() if name in done.inputs}


def cross(twin, weights):
    """{name in the twin: (row, whether transposed)}: by name, else by the only shape that fits."""
    crossed = {}
    for name, tensor in twin.named_parameters():
        shape = tuple(tensor.shape)
        fits = [(row, w.shape != shape) for row, w in weights.items() if shape in (w.shape, w.T.shape)]
        (crossed[name],) = [(name, False)] if name in weights else fits
    return crossed
