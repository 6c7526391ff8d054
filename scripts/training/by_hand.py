"""The hand-derived side of a training: scratch alone, in NumPy."""

import math

import numpy as np

import scratch
from scratch.layers.base import gradients_of
from scratch.losses.reduction import over_positions
from scripts.training.options import optimizer_of
from scripts.training.ranks import Ranks


def build(task, seed, dtype):
    """The hand-derived network of a task; its weights are those that both sides start from."""
    sizes = dict(task.sizes)
    if task.model == "neuron":
        return scratch.Linear(**sizes, rng=seed, dtype=dtype)
    if "activation" in sizes:
        sizes["activation"] = getattr(scratch, sizes["activation"])
    return getattr(scratch.models, task.model)(**sizes, rng=seed, dtype=dtype)


class ByHand:
    """A network, its loss and its optimizer: what the loop asks of a side."""

    device, ranks, sharded = "cpu", Ranks(), False

    def __init__(self, task, options):
        name, settings = optimizer_of(options)
        self.dtype = options.dtype
        self.net = build(task, options.seed, options.dtype)
        self.loss, self.clip = over_positions(getattr(scratch.losses, task.loss)), options.clip
        self.optimizer = getattr(scratch.optim, name)(scratch.named_parameters(self.net), **settings)

    def step(self, x, target, lr, measured):
        """One step; (the loss before it, the norm of its gradient, None where nobody asked).

        Raises FloatingPointError, the weights as they were, where outputs, the loss or a gradient to be clipped are not
        finite: of arrays that fit, a loss and clip_grad_norm refuse nothing else.
        """
        self.net.train()
        y, cache = self.net.forward(x)
        try:
            J, dy = self.loss(y, target)
            gradients, length = gradients_of(self.net, dy, cache), None
            if self.clip:
                gradients, length = scratch.optim.clip_grad_norm(gradients, self.clip)
        except ValueError as error:
            raise FloatingPointError(str(error)) from None
        if measured and length is None:
            length = norm(gradients.values())
        if not math.isfinite(J):
            raise FloatingPointError(f"the loss is {J}")
        self.optimizer.lr = lr
        self.optimizer.step(gradients)
        return float(J), None if length is None else float(length)

    def outputs(self, x):
        """What the network gives, in evaluation mode."""
        return self.net.eval()(x)

    def losses(self, output, target):
        """The mean loss of outputs."""
        return float(self.loss(output, target)[0])

    def weights(self):
        """{name: array}, copied."""
        return scratch.state_dict(self.net)

    def load_weights(self, arrays):
        scratch.load_state_dict(self.net, arrays)

    def optimizer_state(self):
        """{"parameter/name": array} of what the optimizer remembers."""
        state = self.optimizer.state_dict()["state"]
        return {
            f"{name}/{key}": np.asarray(value)
            for name, own in state.items()
            for key, value in own.items()
            if value is not None
        }

    def remembered(self):
        """{"parameter/name": (shape, dtype)} of what the optimizer remembers once it has taken a step; a dtype of None
        is that of any number.
        """
        return remembered_by(self.optimizer, self.optimizer.params)

    def load_optimizer_state(self, arrays):
        fresh = {name: self.optimizer.fresh(array) for name, array in self.optimizer.params.items()}
        state = {
            name: {key: restored(arrays.get(f"{name}/{key}"), value) for key, value in own.items()}
            for name, own in fresh.items()
        }
        options = self.optimizer.state_dict()["options"]
        self.optimizer.load_state_dict({"options": options, "state": state if arrays else {}})

    def parts(self, x):
        """(name of a layer, what it gives) from the input on: where numbers that are none come from."""
        if not isinstance(self.net, scratch.Sequential):
            yield "the network", self.net.eval()(x)
            return
        for position, layer in enumerate(self.net.eval().layers):
            x = layer(x)
            yield f"layer {position} ({type(layer).__name__})", x

    def agree(self, value):
        """The value: there is no other rank."""
        return value


def remembered_by(optimizer, arrays):
    """As ByHand.remembered; both sides remember the same under the same names."""
    return {
        f"{name}/{key}": ((), None) if key == "step" else (array.shape, array.dtype)
        for name, array in arrays.items()
        for key in optimizer.fresh(array)
    }


def restored(array, fresh):
    """What an optimizer remembers of a parameter, as it was before it was stored as an array."""
    if array is None:
        return fresh
    return array.item() if isinstance(fresh, int) else array


def norm(arrays):
    """The length of several arrays as one vector."""
    return np.sqrt(sum(np.vdot(array, array).astype(float) for array in arrays))
