"""The two sides of a training in lockstep: the same four steps, forward, loss, backward, update."""

import copy

import numpy as np
import torch
from torch.nn import functional as F

import scratch
import torch_ref
from parity.bridge import to_numpy
from parity.rounding.shaken import Directions
from parity.rounding.shaken_torch import ShakenTorch
from parity.subjects.base import one_line
from scratch.layers.base import gradients_of
from scratch.losses.reduction import over_positions


class Hand:
    """The hand-derived side."""

    def __init__(self, net, loss, optimizer, schedule):
        self.net, self.loss, self.name = net, loss, repr(net)
        self.optimizer = optimizer(scratch.named_parameters(net))
        self.schedule = schedule and schedule(self.optimizer)

    @property
    def optimizer_name(self):
        return type(self.optimizer).__name__

    def weights(self):
        """{name: array}: copies of all weights and buffers."""
        return scratch.state_dict(self.net)

    def output(self, batch):
        """What a copy of the net gives."""
        return copy.deepcopy(self.net).forward(batch[0])[0]

    def is_random(self, batch):
        one, other = copy.deepcopy(self.net), copy.deepcopy(self.net)
        other.forward(batch[0])  # a generator that the net holds has moved on
        return not np.array_equal(one.forward(batch[0])[0], other.forward(batch[0])[0], equal_nan=True)

    def gradients(self, batch, net=None):
        """(J, {name: gradient}) of a batch."""
        net = self.net if net is None else net
        x, target = batch
        y, cache = net.forward(x)
        J, dy = over_positions(self.loss)(y, target)
        return J, gradients_of(net, dy, cache)

    def step(self, batch, changed=lambda gradients: gradients):
        """{kind: {name: array}} of what one step computed: forward, gradient, update rule."""
        J, gradients = self.gradients(batch)
        gradients = changed(gradients)
        self.optimizer.step(gradients)
        if self.schedule:
            self.schedule.step()
        return {"forward": {"loss": np.asarray(J)}, "gradient": gradients, "update rule": self.updated()}

    def updated(self):
        """Copies of all weights and of the optimizer's state, and the step size."""
        state = {
            f"{key} of {name}": np.array(value)
            for name, own in self.optimizer.state.items()
            for key, value in own.items()
        }
        return self.weights() | state | {"step size": np.asarray(float(self.optimizer.lr))}


class Torch:
    """The torch side."""

    def __init__(self, module, device, loss, optimizer, schedule):
        self.module, self.loss, self.device, self.name = module, loss, device, type(module).__name__
        self.optimizer = optimizer(module.parameters())
        self.schedule = schedule and schedule(self.optimizer)

    def weights(self):
        return {name: to_numpy(tensor) for name, tensor in self.module.state_dict().items()}

    def tensors(self, batch):
        return tuple(torch.tensor(np.ascontiguousarray(array), device=self.device) for array in batch)

    def output(self, batch):
        """What a copy of the module gives."""
        return copy.deepcopy(self.module)(self.tensors(batch)[0])

    def is_random(self, batch):
        return not torch.allclose(self.output(batch), self.output(batch), equal_nan=True)

    def gradients(self, batch, module=None):
        """(J, {name: gradient}) of a batch."""
        module = self.module if module is None else module
        x, target = self.tensors(batch)
        y = module(x)
        if y.ndim > 2 and target.ndim == y.ndim - 1:
            y, target = y.reshape(-1, y.shape[-1]), target.reshape(-1)
        J = self.loss(y, target)
        module.zero_grad()
        J.backward()
        names = module.named_parameters()
        return to_numpy(J), {n: to_numpy(p.grad) if p.grad is not None else np.zeros(p.shape) for n, p in names}

    def shaken_gradients(self, batch, seed):
        """The same in shaken arithmetic, of a copy of the module."""
        module = copy.deepcopy(self.module)
        with ShakenTorch(Directions(seed)):
            return self.gradients(batch, module)

    def step(self, batch):
        """The same as Hand.step."""
        J, gradients = self.gradients(batch)
        self.optimizer.step()
        if self.schedule:
            self.schedule.step()
        return {"forward": {"loss": J}, "gradient": gradients, "update rule": self.updated()}

    def updated(self):
        state = {
            f"{key} of {name}": to_numpy(torch.as_tensor(value))
            for name, parameter in self.module.named_parameters()
            for key, value in self.optimizer.state.get(parameter, {}).items()
            if value is not None
        }
        return self.weights() | state | {"step size": np.asarray(float(self.optimizer.param_groups[0]["lr"]))}


def losses(loss, target):
    """(ours, theirs) of a name, of a pair, or of None by the kind of the target."""
    if isinstance(loss, tuple):
        return loss
    name = loss or ("cross_entropy" if np.asarray(target).dtype.kind in "iu" else "mse")
    known = [known for known in scratch.losses.__all__ if known.islower()]
    if name not in known:
        raise ValueError(f"lockstep: expected loss as one of {', '.join(known)}, or a pair, got {loss!r}")
    theirs = {"mse": "mse_loss", "bce": "binary_cross_entropy", "l1": "l1_loss", "huber": "huber_loss"}
    theirs |= {"bce_with_logits": "binary_cross_entropy_with_logits", "nll": "nll_loss"}
    named = theirs.get(name, name)
    return getattr(scratch.losses, name), getattr(F, named, None) or getattr(torch_ref.losses, named)


def factories(choice, kind="optimizer"):
    """(ours, theirs): functions that make an optimizer of parameters, or a schedule of an optimizer; None for none."""
    if choice is None:
        return None, None
    if isinstance(choice, scratch.optim.Optimizer):
        choice = type(choice).__name__, {option: getattr(choice, option) for option in choice.options}
    name, options = choice if isinstance(choice, tuple) else (choice, {})
    if callable(name) and callable(options):
        return choice
    if not isinstance(name, str):
        form = f'a name, a name with its options ("{"Adam" if kind == "optimizer" else "StepLR"}", {{...}})'
        raise TypeError(f"lockstep: expected {kind} as {form} or a pair of functions, got {one_line(choice)}")
    theirs = torch.optim if kind == "optimizer" else torch.optim.lr_scheduler
    missing = [side.__name__ for side in (scratch.optim, theirs) if not hasattr(side, name)]
    if missing:
        raise ValueError(f"lockstep: {' and '.join(missing)} has no {kind} {name!r}; give a pair of functions instead")
    return tuple(lambda of, side=side: getattr(side, name)(of, **options) for side in (scratch.optim, theirs))
