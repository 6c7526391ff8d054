"""The torch side of a training: the same network in torch.nn, on any device, on one machine or many."""

import math
from contextlib import nullcontext

import numpy as np
import torch

import parity
import torch_ref
from parity.training.sides import losses
from scripts.training import by_hand


def build(task, dtype):
    """The twin of by_hand.build."""
    sizes = dict(task.sizes)
    if task.model == "neuron":
        return torch.nn.Linear(**sizes, dtype=getattr(torch, dtype))
    if "activation" in sizes:
        sizes["activation"] = getattr(torch.nn, sizes["activation"])
    return getattr(torch_ref.models, task.model)(**sizes, dtype=dtype)


class InTorch:
    """A module, its loss and its optimizer: what the loop asks of a side. It starts from the hand-derived weights."""

    def __init__(self, task, options, optimizer, device):
        name, settings = optimizer
        self.device, self.clip = torch.device(device), options.clip
        self.dtype = "float32" if options.dtype == "bfloat16" else options.dtype
        self.mixed = options.dtype == "bfloat16"
        self.module = build(task, self.dtype)
        parity.to_torch(by_hand.build(task, options.seed, self.dtype), self.module)
        self.module.to(self.device)
        self.run = torch.compile(self.module) if options.compile else self.module
        self.loss = losses(task.loss, None)[1]
        self.optimizer = getattr(torch.optim, name)(self.module.parameters(), **settings)

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
        self.run.train()
        with self.autocast():
            y = self.run(self.tensor(x))
        J = self.mean_loss(y.to(getattr(torch, self.dtype)), self.tensor(target))
        loss, length = float(J.detach()), None
        if not math.isfinite(loss):
            raise ValueError(f"the loss is {loss}")
        self.optimizer.zero_grad()
        J.backward()
        if self.clip:
            length = float(torch.nn.utils.clip_grad_norm_(self.module.parameters(), self.clip))
        elif measured:
            grads = [p.grad for p in self.module.parameters() if p.grad is not None]
            length = float(torch.nn.utils.get_total_norm(grads))
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        return loss, length

    @torch.no_grad()
    def outputs(self, x):
        self.run.eval()
        with self.autocast():
            y = self.run(self.tensor(x))
        return parity.to_numpy(y.to(getattr(torch, self.dtype)))

    def losses(self, output, target):
        return float(self.mean_loss(torch.tensor(output), torch.tensor(np.ascontiguousarray(target))))

    def weights(self):
        return {name: parity.to_numpy(tensor) for name, tensor in self.module.state_dict().items()}

    def load_weights(self, arrays):
        self.module.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})

    def names(self):
        return [name for name, _ in self.module.named_parameters()]

    def optimizer_state(self):
        state = self.optimizer.state_dict()["state"]
        return {
            f"{name}/{key}": parity.to_numpy(torch.as_tensor(value))
            for i, name in enumerate(self.names())
            for key, value in state.get(i, {}).items()
            if value is not None
        }

    def load_optimizer_state(self, arrays):
        state: dict[int, dict] = {}
        places = {name: i for i, name in enumerate(self.names())}
        for path, array in arrays.items():
            name, _, key = path.rpartition("/")
            state.setdefault(places[name], {})[key] = torch.tensor(array)
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

    def close(self):
        """Nothing is held."""
