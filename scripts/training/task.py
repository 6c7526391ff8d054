"""What a network is to do with the data: its size, its loss, and what its outputs say."""

import math
from dataclasses import dataclass

import numpy as np

import scratch
from scripts.cli import Refusal

OF_TWO = {"bce_with_logits": (0.0, 1.0), "hinge": (-1.0, 1.0), "perceptron": (-1.0, 1.0)}  # labels of a single score
OF_NUMBERS = ("mse", "l1", "huber")


@dataclass(frozen=True)
class Task:
    """model and sizes: a name in scratch.models and torch_ref.models, or "neuron", and its arguments; loss: a name in
    scratch.losses; kind, classes: of the data; inputs: the shape of one row of x as the model takes it.
    """

    model: str
    sizes: dict
    loss: str
    kind: str
    classes: tuple
    inputs: tuple

    def x(self, rows):
        """Rows of x as the model takes them."""
        return rows.reshape(len(rows), *self.inputs)

    def target(self, target, dtype):
        """Targets as the loss takes them: labels, or one number for each row."""
        if self.loss in OF_TWO:
            low, high = OF_TWO[self.loss]
            return np.where(target == 1, high, low).astype(dtype)[:, None]
        return target

    def predicted(self, output):
        """Outputs as classes, or as the numbers that a regression gives."""
        if self.kind == "regression":
            return output
        return (output[..., 0] > 0).astype(np.int64) if self.loss in OF_TWO else output.argmax(axis=-1)

    def probabilities(self, output):
        """The probability of every class (N, K); None where a loss gives none."""
        if self.loss == "cross_entropy":
            return scratch.Softmax(dim=-1)(output)
        if self.loss == "bce_with_logits":
            p = scratch.Sigmoid()(output)
            return np.concatenate([1 - p, p], axis=1)
        return None

    @property
    def metric(self):
        return "R2" if self.kind == "regression" else "accuracy"

    def score(self, predicted, target):
        """The metric of predictions: the share that is right, or R²."""
        return r_squared(predicted, target) if self.kind == "regression" else float(np.mean(predicted == target))


def r_squared(predicted, target):
    """1 − Σ (t − y)² / Σ (t − t̄)²: the share of the target's variance that is explained; NaN where it has none."""
    spread = float(np.sum((target - target.mean()) ** 2))
    return float(1 - np.sum((target - predicted) ** 2) / spread) if spread else math.nan


def choose(options, data):
    """The Task of options and data, whatever they leave open deduced."""
    usual = {"text": "char_rnn", "digits": "cnn"}
    model = options.model or usual.get(data.kind) or usual.get(options.data, "mlp")
    texts = model in ("char_rnn", "gpt")
    if texts != (data.kind == "text"):
        of = "a text: --data text, or FILE.txt" if texts else "rows of numbers: --data iris, or FILE.csv"
        raise Refusal(f"--model {model} takes {of}")
    loss = options.loss or default_loss(model, data)
    check_loss(loss, model, data)
    outputs = 1 if loss in OF_TWO or data.kind == "regression" else len(data.classes)
    sizes, inputs = SIZES[model](options, int(np.prod(data.x.shape[1:])), outputs)
    return Task(model, sizes, loss, data.kind, data.classes, inputs)


def of_neuron(options, features, outputs):
    return {"in_features": features, "out_features": outputs}, (features,)


def of_mlp(options, features, outputs):
    return {"sizes": (features, *options.hidden, outputs), "activation": options.activation}, (features,)


def of_cnn(options, features, outputs):
    """Square pictures of one channel."""
    size, depth = math.isqrt(features), 2 ** len(options.channels)
    if size * size != features or size % depth or not options.channels:
        raise Refusal(
            f"--model cnn takes square pictures of a side that is a multiple of {depth}, {features} columns are none; "
            "take --model mlp"
        )
    return {"size": size, "channels": tuple(options.channels), "classes": outputs}, (1, size, size)


def of_char_rnn(options, features, outputs):
    sizes = {"vocabulary": outputs, "hidden": options.width, "cell": options.cell, "layers": options.layers}
    return sizes, (options.context,)


def of_gpt(options, features, outputs):
    if options.width % options.heads:
        raise Refusal(f"--width {options.width} is no multiple of --heads {options.heads}")
    own = {name: getattr(options, name) for name in ("layers", "width", "heads", "context")}
    return {"vocabulary": outputs} | own, (options.context,)


SIZES = {"neuron": of_neuron, "mlp": of_mlp, "cnn": of_cnn, "char_rnn": of_char_rnn, "gpt": of_gpt}


def default_loss(model, data):
    if data.kind == "regression":
        return "mse"
    return "bce_with_logits" if model == "neuron" else "cross_entropy"


def check_loss(loss, model, data):
    """Refuse a loss that the model's outputs or the targets do not fit."""
    if (loss in OF_NUMBERS) != (data.kind == "regression"):
        fit = OF_NUMBERS if data.kind == "regression" else ("cross_entropy", *OF_TWO)
        raise Refusal(f"--loss {loss}: {data.name} is a {data.kind}; it takes {', '.join(fit)}")
    if loss in OF_TWO and (len(data.classes) != 2 or data.kind == "text"):
        why, instead = (
            ("one neuron", "--model mlp") if model == "neuron" else (f"--loss {loss}", "--loss cross_entropy")
        )
        raise Refusal(f"{why} tells two classes apart, {data.name} has {len(data.classes)}; take {instead}")
    if model == "neuron" and loss == "cross_entropy":
        raise Refusal("--model neuron gives one score; take --loss bce_with_logits, hinge or perceptron")
