"""The one table: what exists twice. A new layer, loss or model is one line here, and every test of parity runs on it.

This file imports no torch, so that the hand-derived side is also tried where there is none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

import scratch


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
        return eval(self.ours, {"scratch": scratch, "np": np, "partial": partial})

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


def labels(rng, n=7, k=4):
    return (n, k), rng.integers(0, k, n)


def probabilities(rng):
    return rng.uniform(0.02, 0.98, (6, 3)), rng.integers(0, 2, (6, 3)).astype(float)


def logits(rng):
    return rng.normal(0, 4, (6, 3)), rng.uniform(0, 1, (6, 3))


def worked_example(rng):
    return (scratch.data.worked_example()[0],)


def reductions(name, ours, theirs, inputs, **options):
    """A loss with each of its reductions; options: further ones, alike on both sides."""
    for reduction in ("mean", "sum", "none"):
        text = ", ".join(f"{key}={value}" for key, value in (options | {"reduction": repr(reduction)}).items())
        yield Case(
            f"{name}-{reduction}", f"partial(scratch.losses.{ours}, {text})", f"partial(F.{theirs}, {text})", inputs
        )


X = ((5, 4),)
LAYERS = [
    Case("linear", "scratch.Linear(4, 3, rng=1)", "nn.Linear(4, 3)", X),
    Case("linear-one-row", "scratch.Linear(4, 3, rng=1)", "nn.Linear(4, 3)", ((1, 4),)),
    Case("linear-vector", "scratch.Linear(4, 3, rng=1)", "nn.Linear(4, 3)", ((4,),)),
    Case("linear-3d", "scratch.Linear(4, 3, rng=1)", "nn.Linear(4, 3)", ((2, 5, 4),)),
    Case("linear-square", "scratch.Linear(4, 4, rng=1)", "nn.Linear(4, 4)", ((6, 4),)),
    Case("linear-no-bias", "scratch.Linear(4, 3, bias=False, rng=1)", "nn.Linear(4, 3, bias=False)", X),
    Case("sigmoid", "scratch.Sigmoid()", "nn.Sigmoid()", X),
    Case("tanh", "scratch.Tanh()", "nn.Tanh()", X),
    Case("relu", "scratch.ReLU()", "nn.ReLU()", X),
]

NEURONS = [
    Case("neuron", "scratch.Neuron(3, rng=1)", "torch_ref.Neuron(3)", ((6, 3),)),
    Case("neuron-tanh", "scratch.Neuron(3, scratch.Tanh(), rng=1)", "torch_ref.Neuron(3, nn.Tanh())", ((6, 3),)),
    Case(
        "neuron-relu-no-bias",
        "scratch.Neuron(3, scratch.ReLU(), bias=False, rng=1)",
        "torch_ref.Neuron(3, nn.ReLU(), bias=False)",
        ((6, 3),),
    ),
    Case("logistic-neuron", "scratch.LogisticNeuron(2, rng=1)", "torch_ref.LogisticNeuron(2)", ((1, 2),)),
]

MODELS = [
    Case("linear-sigmoid", "scratch.models.linear_sigmoid(4, 3, rng=1)", "torch_ref.models.linear_sigmoid(4, 3)", X),
    Case("lecture-net", "scratch.models.lecture_net()", "torch_ref.models.lecture_net()", ((5, 2),)),
    Case("worked-example", "scratch.models.lecture_net()", "torch_ref.models.lecture_net()", worked_example),
    Case("mlp", "scratch.models.mlp((4, 6, 3), rng=1)", "torch_ref.models.mlp((4, 6, 3))", X),
    Case(
        "mlp-deep-relu",
        "scratch.models.mlp((4, 9, 8, 7, 2), scratch.ReLU, rng=1)",
        "torch_ref.models.mlp((4, 9, 8, 7, 2), nn.ReLU)",
        ((11, 4),),
    ),
    Case(
        "mlp-no-bias-one-row",
        "scratch.models.mlp((3, 5, 2), scratch.Sigmoid, bias=False, rng=1)",
        "torch_ref.models.mlp((3, 5, 2), nn.Sigmoid, bias=False)",
        ((1, 3),),
    ),
]

LOSSES = [
    *reductions("mse", "mse", "mse_loss", ((6, 3), (6, 3))),
    *reductions("bce", "bce", "binary_cross_entropy", probabilities),
    *reductions("bce-with-logits", "bce_with_logits", "binary_cross_entropy_with_logits", logits),
    *reductions("cross-entropy", "cross_entropy", "cross_entropy", labels),
]

CASES = [*LAYERS, *NEURONS, *MODELS, *LOSSES]
