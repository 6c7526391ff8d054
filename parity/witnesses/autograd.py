"""Autograd's word on a computation: its vector-Jacobian product in float64, on any device."""

from abc import ABC, abstractmethod

import torch

from parity.bridge import to_numpy
from parity.rounding.budget import SHAKES
from parity.rounding.shaken_torch import ShakenTorch
from parity.subjects.returned import as_tuple, name_outputs
from parity.subjects.torch_callable import in_dtype
from parity.subjects.torch_graph import recording


class Autograd(ABC):
    """A reference that autograd differentiates: the twin, or the subject's own forward.

    run(arrays, upstream) gives {key: float64 array}, keys as in the hand's run. A subclass says what is computed
    (`compute`), by which weights a gradient is asked (`learnt`) and how it refuses (`refusal`).
    """

    shakes = SHAKES
    name: str
    grain = torch.finfo(torch.float64).eps  # the rounding of what `at` gives, as a share of it

    def __init__(self, hand, device):
        self.hand, self.device = hand, device

    @abstractmethod
    def compute(self, tensors):
        """{name: tensor} -> what is computed of the inputs and weights, connected to them. May raise anything."""

    def learnt(self):
        """The names of the subject's arrays that count as parameters."""
        return list(self.hand.parameters)

    @abstractmethod
    def refusal(self, sentence) -> Exception:
        """The exception for what this reference cannot do."""

    def failure(self, error):
        """The exception for what `compute` raised."""
        return self.refusal(f"{self.title} does not take these inputs: {error}")

    @property
    def title(self):
        """How its refusals call it."""
        return self.name

    @property
    def notes(self):
        """What is worth saying of how it was read."""
        return ""

    def settle(self, arrays, outputs):  # noqa: B027 (most have one reading alone)
        """Choose between readings by the subject's outputs, where there is more than one."""

    def shaken_run(self, arrays, upstream, directions):
        """run under shaken arithmetic, on arrays and upstream that are moved already."""
        with ShakenTorch(directions):
            return self.run(arrays, upstream)

    def widened(self, budget, arrays, upstream, ours, truth, seed):
        """Nothing to add: autograd's arithmetic was shaken with ours."""
        return budget

    @recording()
    def run(self, arrays, upstream):
        """{key: float64 array}; an input that is not float has no gradient.

        Where the outputs are not as large as the hand's, they alone are returned: no gradient can be compared.
        Raises `refusal` where the inputs are not taken, or another number of outputs, or none of floats, comes back.
        """
        leaves = {name: self.tensor(array) for name, array in arrays.items()}
        wanted = {("input", n): leaves[n] for n in self.hand.input_names if leaves[n].is_floating_point()}
        wanted |= {("parameter", name): leaves[name] for name in self.learnt()}
        for leaf in wanted.values():
            leaf.requires_grad_()
        for name in self.hand.input_names:
            leaves[name] = leaves[name].clone()  # which may be changed in place
        outputs = self.outputs(leaves)
        if len(outputs) != len(upstream):
            raise self.refusal(f"{self.title} gives {len(outputs)} outputs, the subject {len(upstream)}")
        results = {("output", name): to_numpy(output) for name, output in name_outputs(outputs).items()}
        if any(g.size != output.numel() for g, output in zip(upstream, outputs, strict=True)):
            return results
        return results | self.gradients(wanted, outputs, upstream)

    def at(self, entries, arrays, upstream):
        """{key: values} of the gradients at flat indices {key: indices}."""
        found = self.run(arrays, upstream)
        return {key: found[key].ravel()[indices] for key, indices in entries.items()}

    def outputs_on(self, arrays):
        """{key: float64 array} of the outputs alone."""
        with torch.no_grad():
            outputs = self.outputs({name: self.tensor(array) for name, array in arrays.items()})
        return {("output", name): to_numpy(output) for name, output in name_outputs(outputs).items()}

    def outputs(self, tensors):
        """The outputs as a tuple of float tensors; a None among several, of what was not asked for, is left out.

        Raises `refusal` where something else is taken or given.
        """
        try:
            given = as_tuple(self.compute(tensors))
            outputs = tuple(output for output in given if output is not None or len(given) == 1)
        except Exception as error:
            raise self.failure(error) from error
        if not all(isinstance(output, torch.Tensor) and output.is_floating_point() for output in outputs):
            kinds = ", ".join(str(getattr(output, "dtype", type(output).__name__)) for output in outputs)
            raise self.refusal(f"{self.title} must return float tensors, got {kinds}")
        return outputs

    def gradients(self, wanted, outputs, upstream):
        """{key: gradient} by the leaves in wanted; 0 where no output depends on one."""
        upstream = [self.tensor(g).reshape(y.shape).to(y.dtype) for g, y in zip(upstream, outputs, strict=True)]
        try:
            grads = torch.autograd.grad(outputs, tuple(wanted.values()), upstream, allow_unused=True)
        except RuntimeError as error:
            raise self.refusal(f"autograd cannot differentiate {self.title}: {error}") from error
        pairs = zip(wanted.items(), grads, strict=True)
        return {key: to_numpy(torch.zeros_like(leaf) if grad is None else grad) for (key, leaf), grad in pairs}

    def tensor(self, array):
        """A fresh tensor, float64 wherever the array is floating, of the value that the subject computes with."""
        tensor = in_dtype(torch.tensor(array, device=self.device), getattr(self.hand, "dtype", None))
        return tensor.double() if tensor.is_floating_point() else tensor
