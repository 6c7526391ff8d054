"""The one table: what exists twice. A new layer, loss or model is one line here, and every test below runs on it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from torch import nn
from torch.nn import functional as F

import scratch
import torch_ref
from scratch import losses


@dataclass(frozen=True)
class Case:
    """name; hand() and twin() build both sides; inputs(rng) gives arrays or shapes."""

    name: str
    hand: Callable[[], Any]
    twin: Callable[[], Any]
    inputs: Callable[[np.random.Generator], tuple]


def shapes(*wanted):
    return lambda rng: wanted


def labels(rng, n=7, k=4):
    return (n, k), rng.integers(0, k, n)


def probabilities(rng):
    return rng.uniform(0.02, 0.98, (6, 3)), rng.integers(0, 2, (6, 3)).astype(float)


def logits(rng):
    return rng.normal(0, 4, (6, 3)), rng.uniform(0, 1, (6, 3))


def worked_example(rng):
    return (scratch.data.worked_example()[0],)


def loss_cases(name, ours, theirs, inputs):
    for reduction in ("mean", "sum", "none"):
        hand, twin = partial(ours, reduction=reduction), partial(theirs, reduction=reduction)
        yield Case(f"{name}-{reduction}", lambda hand=hand: hand, lambda twin=twin: twin, inputs)


LAYERS = [
    Case("linear", lambda: scratch.Linear(4, 3, rng=1), lambda: nn.Linear(4, 3), shapes((5, 4))),
    Case("linear-one-row", lambda: scratch.Linear(4, 3, rng=1), lambda: nn.Linear(4, 3), shapes((1, 4))),
    Case("linear-vector", lambda: scratch.Linear(4, 3, rng=1), lambda: nn.Linear(4, 3), shapes((4,))),
    Case("linear-3d", lambda: scratch.Linear(4, 3, rng=1), lambda: nn.Linear(4, 3), shapes((2, 5, 4))),
    Case("linear-square", lambda: scratch.Linear(4, 4, rng=1), lambda: nn.Linear(4, 4), shapes((6, 4))),
    Case(
        "linear-no-bias",
        lambda: scratch.Linear(4, 3, bias=False, rng=1),
        lambda: nn.Linear(4, 3, bias=False),
        shapes((5, 4)),
    ),
    Case("sigmoid", scratch.Sigmoid, nn.Sigmoid, shapes((5, 4))),
    Case("tanh", scratch.Tanh, nn.Tanh, shapes((5, 4))),
    Case("relu", scratch.ReLU, nn.ReLU, shapes((5, 4))),
]

NEURONS = [
    Case("neuron", lambda: scratch.Neuron(3, rng=1), lambda: torch_ref.Neuron(3), shapes((6, 3))),
    Case(
        "neuron-tanh",
        lambda: scratch.Neuron(3, scratch.Tanh(), rng=1),
        lambda: torch_ref.Neuron(3, nn.Tanh()),
        shapes((6, 3)),
    ),
    Case(
        "neuron-relu-no-bias",
        lambda: scratch.Neuron(3, scratch.ReLU(), bias=False, rng=1),
        lambda: torch_ref.Neuron(3, nn.ReLU(), bias=False),
        shapes((6, 3)),
    ),
    Case(
        "logistic-neuron", lambda: scratch.LogisticNeuron(2, rng=1), lambda: torch_ref.LogisticNeuron(2), shapes((1, 2))
    ),
]

MODELS = [
    Case(
        "linear-sigmoid",
        lambda: scratch.models.linear_sigmoid(4, 3, rng=1),
        lambda: torch_ref.models.linear_sigmoid(4, 3),
        shapes((5, 4)),
    ),
    Case("lecture-net", scratch.models.lecture_net, torch_ref.models.lecture_net, shapes((5, 2))),
    Case("worked-example", scratch.models.lecture_net, torch_ref.models.lecture_net, worked_example),
    Case("mlp", lambda: scratch.models.mlp((4, 6, 3), rng=1), lambda: torch_ref.models.mlp((4, 6, 3)), shapes((5, 4))),
    Case(
        "mlp-deep-relu",
        lambda: scratch.models.mlp((4, 9, 8, 7, 2), scratch.ReLU, rng=1),
        lambda: torch_ref.models.mlp((4, 9, 8, 7, 2), nn.ReLU),
        shapes((11, 4)),
    ),
    Case(
        "mlp-no-bias-one-row",
        lambda: scratch.models.mlp((3, 5, 2), scratch.Sigmoid, bias=False, rng=1),
        lambda: torch_ref.models.mlp((3, 5, 2), nn.Sigmoid, bias=False),
        shapes((1, 3)),
    ),
]

LOSSES = [
    *loss_cases("mse", losses.mse, F.mse_loss, shapes((6, 3), (6, 3))),
    *loss_cases("bce", losses.bce, F.binary_cross_entropy, probabilities),
    *loss_cases("bce-with-logits", losses.bce_with_logits, F.binary_cross_entropy_with_logits, logits),
    *loss_cases("cross-entropy", losses.cross_entropy, F.cross_entropy, labels),
]

CASES = [*LAYERS, *NEURONS, *MODELS, *LOSSES]
