"""What exists twice: expressions that build both sides. No torch is imported before a twin is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

import scratch
from scratch.naming import walk


@dataclass(frozen=True)
class Case:
    """What exists twice: expressions that build both sides, and their inputs.

    inputs: arrays and shapes (drawn at random), or a function of a Generator that gives them. against: whether the
    twin can judge it; one that draws random numbers of its own cannot, and numerical derivatives do.
    """

    name: str
    ours: str
    theirs: str
    inputs: tuple | Callable
    against: bool = True

    def hand(self):
        """A fresh one in NumPy."""
        return eval(
            self.ours, {"scratch": scratch, "np": np, "partial": partial, "redrawn": redrawn, "repeating": repeating}
        )

    def twin(self):
        """A fresh one in torch."""
        import torch
        from torch import nn
        from torch.nn import functional as F

        import torch_ref

        return eval(self.theirs, {"torch": torch, "nn": nn, "F": F, "torch_ref": torch_ref, "partial": partial})

    def given(self, rng):
        """The inputs as parity.check takes them: arrays and shapes."""
        return self.inputs(rng) if callable(self.inputs) else self.inputs

    def drawn(self, rng):
        """The inputs as arrays."""
        return [rng.normal(size=x) if isinstance(x, tuple) else x for x in self.given(rng)]


class Again:
    """A Generator that begins anew with every call."""

    def integers(self, *arguments):
        return np.random.default_rng(1).integers(*arguments)


def repeating(net):
    """The net with dropout that draws the same with every call: a function of its input, as derivatives need it."""
    for _, part in walk(net):
        part.rng = Again()
    return net


def redrawn(net):
    """The net with random weights and statistics: ones and zeros, as some start, hide factors that are forgotten."""
    rng = np.random.default_rng(1)
    for array in scratch.named_parameters(net).values():
        array[...] = rng.normal(0, 0.7, array.shape)
    for array in scratch.named_buffers(net).values():
        array[...] = rng.uniform(0.5, 2, array.shape) if array.dtype.kind == "f" else array
    return net


def reductions(name, ours, theirs, inputs, module="F", **options):
    """A loss with each of its reductions; options: further ones, alike on both sides. module: where the twin is."""
    for reduction in ("mean", "sum", "none"):
        text = ", ".join(f"{key}={value}" for key, value in (options | {"reduction": repr(reduction)}).items())
        twin = f"partial({module}.{theirs}, {text})"
        yield Case(f"{name}-{reduction}", f"partial(scratch.losses.{ours}, {text})", twin, inputs)


def alike(name, layer, *inputs, weights=True):
    """A layer that both sides build from the same words; ours draws its weights from a seed."""
    return Case(name, f"scratch.{layer[:-1]}, rng=1)" if weights else f"scratch.{layer}", f"nn.{layer}", inputs)


X = ((5, 4),)
