"""The twin: an nn.Module, or a function of tensors, whose derivatives autograd takes, in float64 on any device."""

import copy

import numpy as np
import torch

from parity.subjects.base import positional
from parity.subjects.returned import opened
from parity.subjects.torch_kinds import callable_name, instead_of
from parity.witnesses.autograd import Autograd
from parity.witnesses.crossing import crossings, described_crossings
from scratch.naming import differences

SAME_FORWARD = 1e-14  # relative: no other way for weights to cross can agree better
AS_GOOD = 30.0  # two roundings of the same outputs differ by that factor at most, a wrong weight by far more
TINY = 1e-300


class Twin(Autograd):
    """Runs the vector-Jacobian product of the twin on the same named arrays as the hand-derived subject.

    crossed: {our name: how that array reaches the twin's weight}; what it does not name is an input of the twin.
    """

    def __init__(self, against, hand, device):
        super().__init__(hand, device)
        if isinstance(against, torch.nn.Module):
            self.name = f"torch.nn.{type(against).__name__}" if is_torchs_own(against) else type(against).__name__
            self.module = copy.deepcopy(against).to(device, torch.float64)
            self.call = self.call_with_pair if takes_pair(against) else self.call_module
            parameters = dict(against.named_parameters())
            kept = {n: p for n, p in parameters.items() if not p.requires_grad and n in hand.buffers}
            self.shapes = {n: tuple(p.shape) for n, p in parameters.items() if n not in kept}
            self.buffer_shapes = {n: tuple(t.shape) for n, t in (kept | dict(against.named_buffers())).items()}
            taken = positional(against.forward)
        elif callable(against) and not isinstance(against, type):
            self.name, self.call = callable_name(against), lambda weights, inputs: against(*inputs, **weights)
            taken = positional(against)
            last = {name.rpartition(".")[2]: np.shape(array) for name, array in hand.parameters.items()}
            self.shapes = {p.name: last[p.name] for p in taken if p.name in last}
            taken, self.buffer_shapes = [p for p in taken if p.name not in last], {}
        elif isinstance(against, type):
            raise TypeError(f"parity.check: against is the class {against.__name__}; pass {instead_of(against)}")
        else:
            raise TypeError(f"parity.check: expected against as an nn.Module or a function, got {against!r}")
        beyond = hand.input_names[len(taken) :] if taken and self.shapes and not hand.parameters else []
        self.input_names = [name for name in hand.input_names if name not in beyond]
        self.takes_all = not beyond and len(taken) >= len(hand.argument_names or ())
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
        """Take the first way for weights to cross with which the outputs agree as well as any, but for rounding.

        Where a bias is swamped by what it is added to, another's agrees as well by chance.
        """
        distances = []
        for way in self.ways if len(self.ways) > 1 else ():
            self.crossed = way
            found = self.outputs_on(arrays).values()
            distances.append(max(distance(a, b) for a, b in zip(found, outputs, strict=False)))
            if distances[-1] <= SAME_FORWARD:
                break
        near = [distance <= AS_GOOD * min(distances) for distance in distances]
        self.crossed = self.ways[near.index(True) if near else 0]

    def learnt(self):
        weights = [name for name in self.crossed if name not in self.hand.input_names]
        return [name for name in weights if name not in self.kept_buffers()]

    def kept_buffers(self):
        """Our arrays that fill a buffer of the twin: no gradient is asked of them."""
        return {name for name, crossing in self.crossed.items() if crossing.name in self.buffer_shapes}

    def compute(self, tensors):
        weights = {crossing.name: crossing(tensors[name]) for name, crossing in self.crossed.items()}
        if self.takes_all:
            return opened(self.call(weights, tuple(self.hand.inputs(tensors))))
        return opened(self.call(weights, tuple(tensors[name] for name in self.input_names)))

    def refusal(self, sentence):
        return ValueError(f"parity.check: {sentence}")

    @property
    def title(self):
        return f"the twin {self.name}"

    def call_module(self, weights, inputs):
        """The module as a function of ({name: weight}, inputs); its own weights and buffers are never touched."""
        buffers = {name: buffer.clone() for name, buffer in self.module.named_buffers()}
        return torch.func.functional_call(self.module, buffers | weights, inputs)

    def call_with_pair(self, weights, inputs):
        """call_module for what takes h0 and c0 as one argument, a pair, where the subject takes two."""
        x, *states = inputs
        return self.call_module(weights, (x, tuple(states)) if len(states) == 2 else inputs)


def takes_pair(module):
    return isinstance(module, torch.nn.LSTM | torch.nn.LSTMCell)


def distance(ours, theirs):
    """The largest relative difference of two arrays; infinite where they have other shapes or are not finite."""
    theirs = np.asarray(theirs, float)
    if ours.shape != theirs.shape:
        return np.inf
    with np.errstate(all="ignore"):
        found = np.max(np.abs(ours - theirs) / (np.abs(theirs) + np.abs(ours) + TINY), initial=0.0)
    return float(np.nan_to_num(found, nan=np.inf))


def is_torchs_own(module):
    return type(module).__module__.startswith("torch.nn.")
