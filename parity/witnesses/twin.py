"""The twin: an nn.Module, or a function of tensors, whose derivatives autograd takes, in float64 on any device."""

import copy

import numpy as np
import torch

from parity.bridge import to_numpy
from parity.rounding.budget import SHAKES
from parity.rounding.shaken_torch import ShakenTorch
from parity.subjects.base import as_tuple, function_name, name_outputs, positional
from parity.witnesses.crossing import crossings, described_crossings
from scratch.naming import differences

SAME_FORWARD = 1e-4  # relative: tells one way for weights to cross from another, nothing more


class Twin:
    """Runs the vector-Jacobian product of the twin on the same named arrays as the hand-derived subject.

    crossed: {our name: how that array reaches the twin's weight}; what it does not name is an input of the twin.
    """

    shakes = SHAKES

    def __init__(self, against, hand, device):
        self.hand, self.device = hand, device
        if isinstance(against, torch.nn.Module):
            self.name = f"torch.nn.{type(against).__name__}" if is_torchs_own(against) else type(against).__name__
            self.module = copy.deepcopy(against).to(device, torch.float64)
            self.call = self.call_module
            self.shapes = {n: tuple(t.shape) for n, t in against.named_parameters()}
            self.buffer_shapes = {n: tuple(t.shape) for n, t in against.named_buffers()}
            taken = positional(against.forward)
        elif callable(against) and not isinstance(against, type):
            self.name, self.call = function_name(against), lambda weights, inputs: against(*inputs, **weights)
            taken = positional(against)
            last = {name.rpartition(".")[2]: np.shape(array) for name, array in hand.parameters.items()}
            self.shapes = {p.name: last[p.name] for p in taken if p.name in last}
            taken, self.buffer_shapes = [p for p in taken if p.name not in last], {}
        elif isinstance(against, type):
            raise TypeError(f"parity.check: against is the class {against.__name__}; pass an instance of it")
        else:
            raise TypeError(f"parity.check: expected against as an nn.Module or a function, got {against!r}")
        beyond = hand.input_names[len(taken) :] if taken and self.shapes and not hand.parameters else []
        self.input_names = [name for name in hand.input_names if name not in beyond]
        self.ways = self.find_ways(beyond)
        self.crossed = self.ways[0]

    def find_ways(self, beyond):
        """Every way for the weights to cross. Raises ValueError where there is none, listing what differs."""
        hand = self.hand
        ours = {name: np.shape(array) for name, array in (hand.parameters | hand.buffers).items()}
        ours |= {name: hand.input_shapes[name] for name in beyond}
        required = set(hand.parameters) | set(beyond)
        buffers = {n: s for n, s in self.buffer_shapes.items() if n in hand.buffers}
        ways = [way for way in crossings(ours, self.shapes | buffers) if required <= set(way)]
        if ways:
            return ways
        arrays = hand.parameters | {n: b for n, b in hand.buffers.items() if n in self.buffer_shapes}
        wrong = differences(self.shapes | buffers, arrays) or "no fitting shapes"
        hint = "" if hand.parameters else "; name the arrays that it learns in its attribute `params`"
        raise ValueError(f"parity.check: weights of {hand.name} do not fit {self.name}: {wrong}{hint}")

    @property
    def notes(self):
        """How weights crossed, where that is not by the same name and shape."""
        return described_crossings(self.crossed)

    def settle(self, arrays, outputs):
        """Take the first way for weights to cross with which the outputs agree with the subject's."""
        if len(self.ways) == 1:
            return
        for way in self.ways:
            self.crossed = way
            if all(alike(a, b) for a, b in zip(self.outputs_on(arrays).values(), outputs, strict=False)):
                return
        self.crossed = self.ways[0]

    def run(self, arrays, upstream):
        """{key: float64 array}, keys as in the hand's run; an input that is not float has no gradient.

        Where the outputs are not as large as the hand's, they alone are returned: no gradient can be compared.
        Raises ValueError where the twin does not take these inputs or gives another number of outputs.
        """
        tensors = {name: self.tensor(array) for name, array in arrays.items()}
        weights = [name for name in self.crossed if name not in self.hand.input_names]
        found = {("input", n): tensors[n] for n in self.hand.input_names if tensors[n].is_floating_point()}
        wanted = found | {("parameter", name): tensors[name] for name in weights if name not in self.kept_buffers()}
        for tensor in wanted.values():
            tensor.requires_grad_()
        outputs = self.outputs(tensors)
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

    def kept_buffers(self):
        """Our arrays that fill a buffer of the twin: no gradient is asked of them."""
        return {name for name, crossing in self.crossed.items() if crossing.name in self.buffer_shapes}

    def outputs_on(self, arrays):
        """{key: float64 array} of the outputs alone."""
        with torch.no_grad():
            outputs = self.outputs({name: self.tensor(array) for name, array in arrays.items()})
        return {("output", name): to_numpy(output) for name, output in name_outputs(outputs).items()}

    def outputs(self, tensors):
        """The twin's outputs as a tuple of float tensors. Raises ValueError where it takes or gives something else."""
        inputs = tuple(tensors[name] for name in self.input_names)
        try:
            weights = {crossing.name: crossing(tensors[name]) for name, crossing in self.crossed.items()}
            outputs = as_tuple(self.call(weights, inputs))
        except Exception as error:
            raise ValueError(f"parity.check: the twin {self.name} does not take these inputs: {error}") from error
        if not all(isinstance(output, torch.Tensor) and output.is_floating_point() for output in outputs):
            kinds = ", ".join(str(getattr(output, "dtype", type(output).__name__)) for output in outputs)
            raise ValueError(f"parity.check: the twin {self.name} must return float tensors, got {kinds}")
        return outputs

    def shaken_run(self, arrays, upstream, directions):
        """run under shaken arithmetic, on arrays and upstream that are moved already."""
        with ShakenTorch(directions):
            return self.run(arrays, upstream)

    def widened(self, budget, arrays, upstream, ours, truth, seed):
        """Nothing to add: autograd's arithmetic was shaken with ours."""
        return budget

    def call_module(self, weights, inputs):
        """The module as a function of ({name: weight}, inputs); its own weights and buffers are never touched."""
        buffers = {name: buffer.clone() for name, buffer in self.module.named_buffers()}
        return torch.func.functional_call(self.module, buffers | weights, inputs)

    def tensor(self, array):
        """A fresh tensor, float64 wherever the array is floating; never shares memory with it."""
        tensor = torch.tensor(array, device=self.device)
        return tensor.double() if tensor.is_floating_point() else tensor


def alike(ours, theirs):
    """Whether two arrays agree but for rounding."""
    theirs = np.asarray(theirs, float)
    if ours.shape != theirs.shape:
        return False
    return bool(np.all(np.abs(ours - theirs) <= SAME_FORWARD * (np.abs(theirs) + np.abs(ours)) + 1e-30))


def is_torchs_own(module):
    return type(module).__module__.startswith("torch.nn.")
