"""Weights across the bridge, by torch's names, always copied: neither side can write into the other."""

import numpy as np
import torch

import scratch
from scratch.naming import differences


def to_torch(net, module):
    """Copy the weights of a hand-derived net into an nn.Module, strictly; returns the module.

    Values are cast to the module's own dtype and device. Raises ValueError listing every name or shape that differs,
    and then the module is untouched.
    """
    state = {name: torch.from_numpy(array) for name, array in scratch.state_dict(net).items()}
    shapes = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    wrong = differences(shapes, state)
    if wrong:
        raise ValueError(f"to_torch: {wrong}")
    module.load_state_dict(state)
    return module


def to_scratch(module, net):
    """Copy the weights of an nn.Module into a hand-derived net, strictly; returns the net.

    Raises ValueError listing every name or shape that differs, and then the net is untouched.
    """
    scratch.load_state_dict(net, {name: to_numpy(tensor) for name, tensor in module.state_dict().items()})
    return net


def to_numpy(tensor):
    """A tensor from any device as a fresh NumPy array; bfloat16, which NumPy lacks, as float32 (lossless)."""
    tensor = tensor.detach().resolve_conj().resolve_neg()
    if tensor.layout != torch.strided or tensor.device.type == "meta":
        raise TypeError(f"expected a dense tensor with data, got {tensor.layout} on {tensor.device}")
    tensor = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
    return np.array(tensor.cpu().numpy())


def usable_devices():
    """The devices that torch can compute on here, the CPU first."""
    names = ["cpu"] + [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    return names + (["mps"] if torch.backends.mps.is_available() else [])


def check_device(device):
    """torch's device for a name such as "cuda" or "cuda:1". Raises ValueError listing the usable ones."""
    usable = usable_devices()
    name = str(device)
    if name in usable or (name == "cuda" and "cuda:0" in usable):
        return torch.device(name)
    raise ValueError(f"device {name} is not available here; usable: {', '.join(usable)}")
