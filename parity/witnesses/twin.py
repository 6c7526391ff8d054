"""The twin: an nn.Module, or a function of tensors, whose derivatives autograd takes, in float64 on any device."""

import copy
from itertools import chain

import torch

from parity.bridge import to_numpy
from parity.rounding.shaken_torch import ShakenTorch
from parity.subjects.base import as_tuple, function_name, name_outputs
from scratch.naming import differences


class Twin:
    """Runs the vector-Jacobian product of the twin on the same named arrays as the hand-derived subject."""

    def __init__(self, against, hand, device):
        self.device = device
        self.input_names = hand.input_names
        self.weight_names = (*hand.parameters, *hand.buffers)
        self.parameter_names = tuple(hand.parameters)
        if isinstance(against, torch.nn.Module):
            self.name = f"torch.nn.{type(against).__name__}" if is_torchs_own(against) else type(against).__name__
            self.call = self.functional(copy.deepcopy(against).to(device, torch.float64))
            shapes = {n: tuple(t.shape) for n, t in chain(against.named_parameters(), against.named_buffers())}
            wrong = differences(shapes, hand.parameters | hand.buffers)
        elif callable(against) and not isinstance(against, type):
            self.name = function_name(against)
            self.call = lambda weights, inputs: against(*inputs)
            wrong = f"unexpected {', '.join(self.weight_names)}" if self.weight_names else ""
        elif isinstance(against, type):
            raise TypeError(f"parity.check: against is the class {against.__name__}; pass an instance of it")
        else:
            raise TypeError(f"parity.check: expected against as an nn.Module or a function, got {against!r}")
        if wrong:
            hint = "" if self.weight_names else "; name the arrays that it learns in its attribute `params`"
            raise ValueError(f"parity.check: weights of {hand.name} do not fit {self.name}: {wrong}{hint}")

    def run(self, arrays, upstream):
        """{key: float64 array}, keys as in the hand's run; an input that is not float has no gradient.

        Where the outputs are not as large as the hand's, they alone are returned: no gradient can be compared.
        Raises ValueError where the twin does not take these inputs or gives another number of outputs.
        """
        tensors = {name: self.tensor(array) for name, array in arrays.items()}
        inputs = {name: tensors[name] for name in self.input_names}
        weights = {name: tensors[name] for name in self.weight_names}
        found = {("input", n): t for n, t in inputs.items() if t.is_floating_point()}
        wanted = found | {("parameter", name): tensors[name] for name in self.parameter_names}
        for tensor in wanted.values():
            tensor.requires_grad_()
        try:
            outputs = as_tuple(self.call(weights, tuple(inputs.values())))
        except Exception as error:
            raise ValueError(f"parity.check: the twin {self.name} does not take these inputs: {error}") from error
        if not all(isinstance(output, torch.Tensor) and output.is_floating_point() for output in outputs):
            kinds = ", ".join(str(getattr(output, "dtype", type(output).__name__)) for output in outputs)
            raise ValueError(f"parity.check: the twin {self.name} must return float tensors, got {kinds}")
        if len(outputs) != len(upstream):
            raise ValueError(
                f"parity.check: the twin {self.name} gives {len(outputs)} outputs, the subject {len(upstream)}"
            )
        results = {("output", name): to_numpy(output) for name, output in name_outputs(outputs).items()}
        if any(g.size != output.numel() for g, output in zip(upstream, outputs, strict=True)):
            return results
        upstream = [self.tensor(g).reshape(output.shape) for g, output in zip(upstream, outputs, strict=True)]
        try:
            grads = torch.autograd.grad(outputs, tuple(wanted.values()), upstream, allow_unused=True)
        except RuntimeError as error:
            raise ValueError(f"parity.check: autograd cannot differentiate the twin {self.name}: {error}") from error
        for (key, tensor), grad in zip(wanted.items(), grads, strict=True):
            results[key] = to_numpy(torch.zeros_like(tensor) if grad is None else grad)
        return results

    def shaken_run(self, arrays, upstream, directions):
        """run under shaken arithmetic, on arrays and upstream that are moved already."""
        with ShakenTorch(directions):
            return self.run(arrays, upstream)

    @staticmethod
    def functional(module):
        """The module as a function of ({name: weight}, inputs); its own weights are never touched."""
        return lambda weights, inputs: torch.func.functional_call(module, weights, inputs)

    def tensor(self, array):
        """A fresh tensor, float64 wherever the array is floating; never shares memory with it."""
        tensor = torch.tensor(array, device=self.device)
        return tensor.double() if tensor.is_floating_point() else tensor


def is_torchs_own(module):
    return type(module).__module__.startswith("torch.nn.")
