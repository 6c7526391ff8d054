"""The torch side of a training: the same network in torch.nn, on any device, on one machine or many."""

import math
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import distributed
from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

import parity
import scratch
import torch_ref
from parity.training.sides import losses
from scripts.training import by_hand
from scripts.training.options import optimizer_of


def build(task, dtype):
    """The twin of by_hand.build."""
    sizes = dict(task.sizes)
    if task.model == "neuron":
        return torch.nn.Linear(**sizes, dtype=getattr(torch, dtype))
    if "activation" in sizes:
        sizes["activation"] = getattr(torch.nn, sizes["activation"])
    return getattr(torch_ref.models, task.model)(**sizes, dtype=dtype)


class InTorch:
    """A module, its loss and its optimizer: what the loop asks of a side. It starts from the hand-derived weights.

    Of several ranks each takes its rows of every batch. With n of N rows, a rank's loss is weighed by n/N · world:
    the mean over ranks that DDP and FSDP take of gradients is then the gradient of the mean over the batch, even
    where the rows do not divide.
    """

    def __init__(self, task, options, device, ranks):
        name, settings = optimizer_of(options)
        self.device, self.clip, self.ranks = torch.device(device), options.clip, ranks
        self.dtype = "float32" if options.dtype == "bfloat16" else options.dtype
        self.mixed = options.dtype == "bfloat16"
        self.module = build(task, self.dtype)
        parity.to_torch(by_hand.build(task, options.seed, self.dtype), self.module)
        self.module.to(self.device)
        self.sharded = options.fsdp
        if options.fsdp:
            shard(self.module, self.device, ranks)
        self.run: Any = torch.compile(self.module) if options.compile else self.module
        if ranks.many and not options.fsdp:
            self.run = DistributedDataParallel(self.run)
        self.loss = losses(task.loss, None)[1]
        self.optimizer = getattr(torch.optim, name)(self.module.parameters(), **settings)
        self.like = partial(getattr(scratch.optim, name), **settings)

    def tensor(self, array):
        return torch.tensor(np.ascontiguousarray(array), device=self.device)

    def autocast(self):
        return torch.autocast(self.device.type, torch.bfloat16) if self.mixed else nullcontext()

    def mean_loss(self, y, target):
        """The loss, of the leading axes of scores of classes as one."""
        if y.ndim > 2:
            y, target = y.reshape(-1, y.shape[-1]), target.reshape(-1)
        return self.loss(y, target)

    def step(self, x, target, lr, measured):
        """As ByHand.step."""
        first, last = self.ranks.share(len(x))
        own = slice(first, max(last, first + 1)) if first < len(x) else slice(0, 1)  # no row: one that weighs nothing
        self.run.train()
        with self.autocast():
            y = self.run(self.tensor(x[own]))
        J = self.mean_loss(y.to(getattr(torch, self.dtype)), self.tensor(target[own]))
        if self.ranks.many:
            J = J * ((last - first) / len(x) * self.ranks.world)
        loss, length = self.summed(J.detach()) / self.ranks.world, None
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss}")
        self.optimizer.zero_grad()
        J.backward()
        if self.clip:
            length = number(torch.nn.utils.clip_grad_norm_(self.module.parameters(), self.clip))
            if not math.isfinite(length):
                raise FloatingPointError(f"the length of the gradient is {length}")
        elif measured:
            grads = [p.grad for p in self.module.parameters() if p.grad is not None]
            length = number(torch.nn.utils.get_total_norm(grads))
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        return loss, length

    def summed(self, value, how="SUM"):
        """The sum of a number over all ranks."""
        if not self.ranks.many:
            return float(value)
        tensor = torch.as_tensor(value, dtype=torch.float64).clone().reshape(1).to(self.device)
        distributed.all_reduce(tensor, getattr(distributed.ReduceOp, how))
        return float(tensor)

    def agree(self, value):
        """The largest value that any rank has, so that all do the same."""
        return int(self.summed(value, "MAX"))

    @torch.no_grad()
    def outputs(self, x):
        self.module.eval()
        with self.autocast():
            y = self.module(self.tensor(x))
        return parity.to_numpy(y.to(getattr(torch, self.dtype)))

    def losses(self, output, target):
        return float(self.mean_loss(torch.tensor(output), torch.tensor(np.ascontiguousarray(target))))

    def weights(self):
        """{name: array}, copied; of all ranks together."""
        return {name: parity.to_numpy(whole(tensor)) for name, tensor in self.module.state_dict().items()}

    def load_weights(self, arrays):
        tensors: dict[str, Any] = {name: torch.tensor(array) for name, array in arrays.items()}
        if self.sharded:
            options = StateDictOptions(full_state_dict=True)
            set_model_state_dict(self.module, tensors, options=options)
        else:
            self.module.load_state_dict(tensors)

    def names(self):
        return [name for name, _ in self.module.named_parameters()]

    def optimizer_state(self):
        """As ByHand.optimizer_state."""
        state = self.optimizer.state_dict()["state"]
        return {
            f"{name}/{key}": parity.to_numpy(whole(torch.as_tensor(value)))
            for i, name in enumerate(self.names())
            for key, value in state.get(i, {}).items()
            if value is not None
        }

    def remembered(self):
        """As ByHand.remembered."""
        weights = {name: array for name, array in self.weights().items() if name in self.names()}
        return by_hand.remembered_by(self.like(weights), weights)

    def load_optimizer_state(self, arrays):
        state: dict[int, dict] = {}
        parameters = list(self.module.parameters())
        places = {name: i for i, name in enumerate(self.names())}
        for path, array in arrays.items():
            name, _, key = path.rpartition("/")
            tensor, like = torch.tensor(array), parameters[places[name]]
            if self.sharded and tensor.shape == like.shape and tensor.ndim:
                tensor = distribute_tensor(tensor.to(self.device), like.device_mesh, like.placements)
            state.setdefault(places[name], {})[key] = tensor
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})

    @torch.no_grad()
    def parts(self, x):
        """As ByHand.parts, by hooks."""
        found: list = []
        hooks = [
            part.register_forward_hook(lambda part, _, y, name=name: found.append((name, part, y)))
            for name, part in self.module.named_modules()
            if not list(part.children())
        ]
        self.module.eval()(self.tensor(x))
        for hook in hooks:
            hook.remove()
        for name, part, y in found:
            yield f"layer {name or 0} ({type(part).__name__})", parity.to_numpy(y[0] if isinstance(y, tuple) else y)


@torch.no_grad()
def scores_of(module, x, device):
    """What a module gives for an array, in evaluation mode, as an array."""
    return parity.to_numpy(module.eval()(torch.tensor(x, device=device)))


def shard(module, device, ranks):
    """Spread the weights of every part with some of its own, and of the whole, over the ranks (FSDP2)."""
    mesh = init_device_mesh(device.type, (ranks.world,))
    for part in module.children():
        if any(True for _ in part.parameters()):
            fully_shard(part, mesh=mesh)
    fully_shard(module, mesh=mesh)


def whole(tensor):
    """A tensor that may lie spread over the ranks, as one."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def number(tensor):
    return float(whole(tensor))
