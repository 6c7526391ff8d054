"""Autograd's word on a computation: its vector-Jacobian product in float64, on any device."""

from collections.abc import Callable
from typing import Any

import torch

from parity.bridge import to_numpy
from parity.subjects.base import as_tuple, name_outputs
from parity.subjects.torch_graph import recording


class Autograd:
    """A witness: runs `call` on the same named arrays as the hand-derived subject and differentiates it.

    name: how reports call it; input_names, weight_names (parameters and buffers), parameter_names: the subject's.
    call: ({name: tensor}, tensors) -> the outputs, connected to both.
    """

    name: str
    call: Callable[[dict, tuple], Any]

    def __init__(self, hand, device):
        self.device = device
        self.input_names = hand.input_names
        self.weight_names = (*hand.parameters, *hand.buffers)
        self.parameter_names = tuple(hand.parameters)

    def refusal(self, sentence) -> Exception:
        """The exception that says why this witness cannot speak."""
        raise NotImplementedError

    def failure(self, error):
        """The refusal for what `call` raised."""
        return self.refusal(f"{self.title} does not take these inputs: {error}")

    @property
    def title(self):
        """How its refusals call it."""
        return self.name

    def run(self, arrays, upstream):
        """{key: float64 array}, keys as in the hand's run; an input that is not float has no gradient.

        Where the outputs are not as large as the hand's, they alone are returned: no gradient can be compared.
        Raises `refusal` where the inputs are not taken, or what comes out is no float tensor or another number of them.
        """
        with recording():
            leaves = {name: self.tensor(array) for name, array in arrays.items()}
            wanted = {("input", name): leaves[name] for name in self.input_names if leaves[name].is_floating_point()}
            wanted |= {("parameter", name): leaves[name] for name in self.parameter_names}
            for leaf in wanted.values():
                leaf.requires_grad_()
            outputs = self.outputs({name: leaf.clone() for name, leaf in leaves.items()})
            if len(outputs) != len(upstream):
                raise self.refusal(f"{self.title} gives {len(outputs)} outputs, the subject {len(upstream)}")
            results = {("output", name): to_numpy(output) for name, output in name_outputs(outputs).items()}
            if any(g.size != output.numel() for g, output in zip(upstream, outputs, strict=True)):
                return results
            return results | self.gradients(wanted, outputs, upstream)

    def outputs(self, tensors):
        """The outputs on {name: tensor}, float tensors all."""
        weights = {name: tensors[name] for name in self.weight_names}
        try:
            outputs = as_tuple(self.call(weights, tuple(tensors[name] for name in self.input_names)))
        except Exception as error:
            raise self.failure(error) from error
        if not all(isinstance(output, torch.Tensor) and output.is_floating_point() for output in outputs):
            kinds = ", ".join(str(getattr(output, "dtype", type(output).__name__)) for output in outputs)
            raise self.refusal(f"{self.title} must return float tensors, got {kinds}")
        return outputs

    def gradients(self, wanted, outputs, upstream):
        """{key: gradient} by the leaves in wanted; 0 where an output does not depend on one."""
        upstream = [
            self.tensor(g).reshape(output.shape).to(output) for g, output in zip(upstream, outputs, strict=True)
        ]
        try:
            grads = torch.autograd.grad(outputs, tuple(wanted.values()), upstream, allow_unused=True)
        except RuntimeError as error:
            raise self.refusal(f"autograd cannot differentiate {self.title}: {error}") from error
        pairs = zip(wanted.items(), grads, strict=True)
        return {key: to_numpy(torch.zeros_like(leaf) if grad is None else grad) for (key, leaf), grad in pairs}

    def tensor(self, array):
        """A fresh tensor, float64 wherever the array is floating; never shares memory with it."""
        tensor = torch.tensor(array, device=self.device)
        return tensor.double() if tensor.is_floating_point() else tensor
