"""Torch subjects: a callable with a hand-written backward, read as arrays in, arrays out, tensors inside."""

import copy
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch

from parity.bridge import to_numpy
from parity.followed import users_frame
from parity.report import Finding
from parity.rounding.shaken import ShakenArray, plain
from parity.rounding.shaken_torch import ShakenTorch
from parity.subjects.base import Hand
from parity.subjects.raised import ContractBroken, blames_subject
from parity.subjects.returned import as_tuple, described
from parity.subjects.torch_graph import function_of, hand_written, recording, watched
from parity.subjects.torch_kinds import callable_name, input_names


class HandTorch(Hand):
    """An autograd.Function's `apply`, a custom op, an nn.Module, or a function of tensors that returns tensors.

    dtype: the torch dtype inside, where that is not the arrays' own: NumPy has no bfloat16, so bfloat16 values travel
    as float32 arrays. float64 and complex arrays stay what they are, a replay in full. device: where the tensors are.
    findings: what torch passes over in silence, seen in the runs so far; functions: the names of the hand-written
    derivatives met so far, none where autograd would only be compared with itself.
    A module runs on deep copies. Shaken arrays shake the tensors that are made of them.
    """

    read_as = "a torch callable"
    around = nullcontext  # what a hand-written backward runs in

    def __init__(self, subject, inputs, dtype=None, device="cpu"):
        self.subject, self.dtype, self.device = subject, dtype, device
        self.name, self.input_names = callable_name(subject), input_names(subject, len(inputs))
        self.parameters, self.buffers = {}, {}
        self.findings: tuple[Finding, ...] = ()
        self.functions: frozenset[str] = frozenset()
        if isinstance(subject, torch.nn.Module):
            self.subject = copied(subject, self.name)
            for name, weight in subject.named_parameters():
                (self.parameters if weight.requires_grad else self.buffers)[name] = to_numpy(weight)
            self.buffers |= {name: to_numpy(buffer) for name, buffer in subject.named_buffers()}

    @property
    def eps(self):
        return 0.0 if self.dtype is None else float(torch.finfo(self.dtype).eps)

    def double(self):
        """The same subject computing in float64 whatever it is given, with no findings yet."""
        other = copy.copy(self)
        other.dtype, other.findings = torch.float64, ()
        return other

    @property
    def proves(self):
        return bool(self.functions)

    def seen(self, array):
        tensor = self.tensor(array)
        return to_numpy(tensor.double() if tensor.is_floating_point() else tensor)

    def copy(self, arrays):
        return copy.deepcopy(self.subject) if isinstance(self.subject, torch.nn.Module) else None

    def all_parts(self, net):
        return list(net.modules()) if isinstance(net, torch.nn.Module) else []

    def call(self, net, weights, inputs):
        """(a copy of the module or None, {name: tensor}, tensors) -> what the subject returns."""
        return self.subject(*inputs) if net is None else torch.func.functional_call(net, weights, inputs)

    @blames_subject
    @recording()
    def forward_on(self, net, arrays):
        directions = next((array.directions for array in arrays.values() if isinstance(array, ShakenArray)), None)
        with self.shaking(directions, arrays.values()):
            leaves = self.leaves(arrays)
            given = {name: leaf.clone() for name, leaf in leaves.items()}  # a Function may change these in place
            weights = {name: given[name] for name in (*self.parameters, *self.buffers)}
            outputs = as_tuple(self.call(net, weights, tuple(self.inputs(given))))
        if not all(isinstance(output, torch.Tensor) for output in outputs):
            raise ContractBroken(f"{self.name} must return tensors, got {described(outputs)}")
        self.functions |= {function_of(node) for node in hand_written(outputs)}
        leaves = {key: leaves[key[1]] for key in self.keys()}
        kept = {key: given[key[1]] for key in leaves if not any(given[key[1]] is output for output in outputs)}
        kept = self.unchanged(leaves, kept, "forward")
        return tuple(map(to_numpy, outputs)), (leaves, kept, outputs, directions)

    @blames_subject
    @recording()
    def backward(self, state, upstream):
        leaves, kept, outputs, directions = state
        wanted = {key: leaf for key, leaf in leaves.items() if leaf.requires_grad}
        keys = {id(leaf): key for key, leaf in wanted.items()}
        with (
            watched(hand_written(outputs), keys, self.notice, self.around) as misshapen,
            self.shaking(directions, upstream),
        ):
            pairs = [(y, self.tensor(g).to(y.dtype)) for y, g in zip(outputs, upstream, strict=True) if y.requires_grad]
            if not pairs:
                self.notice("never-written", None, "forward", "leaves autograd's graph: its output has no gradient")
                return {}
            returned, g = zip(*pairs, strict=True)
            given = tuple(one.clone() for one in g)
            found = torch.autograd.grad(returned, tuple(wanted.values()), given, retain_graph=True, allow_unused=True)
        self.unchanged(leaves, kept, "backward")
        if any(map(changed, g, given)):
            self.notice("input-mutated", ("input", "upstream"), "backward", "changes its upstream gradient in place")
        gradients = dict(zip(wanted, found, strict=True)) | misshapen
        return {key: to_numpy(gradient) for key, gradient in gradients.items() if gradient is not None}

    def kept(self, state):
        """The tensors that the subject was given in the forward which left this state, for backward to find again."""
        return list(state[1].values())

    def shaking(self, directions, arrays):
        """Shaken arithmetic, where there are directions, that notices steps of fewer digits than the arrays have."""
        if directions is None:
            return nullcontext()
        dtypes = (self.tensor(np.empty(0, array.dtype)).dtype for array in arrays if array.dtype.kind == "f")
        working = next(dtypes, torch.float64)

        def notice_cast(dtype):
            if torch.finfo(dtype).eps > torch.finfo(working).eps:
                frame = users_frame()
                where = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
                self.notice("low-precision", None, where, f"computes in {dtype}, the rest is in {working}")

        return ShakenTorch(directions, notice_cast)

    def keys(self):
        """(kind, name) of every input and parameter."""
        return [("input", name) for name in self.input_names] + [("parameter", name) for name in self.parameters]

    def leaves(self, arrays):
        """{name: fresh tensor}, float inputs and parameters with gradients.

        All floats are complex where one is: torch's products take no real factor beside a complex one.
        """
        tensors = {name: self.tensor(array) for name, array in arrays.items()}
        if any(tensor.is_complex() for tensor in tensors.values()):
            return {n: t.to(torch.complex128) if t.is_floating_point() else t for n, t in tensors.items()}
        for _, name in self.keys():
            tensors[name].requires_grad_(tensors[name].is_floating_point())
        return tensors

    def tensor(self, array):
        """A fresh tensor on the device, of the values that the subject computes with."""
        return in_dtype(torch.tensor(plain(array), device=self.device), self.dtype)

    def unchanged(self, leaves, given, where):
        """Those of the tensors given to the subject that are as they were; a finding for each that is not."""
        for key in [key for key in given if changed(leaves[key], given[key])]:
            late_weight = where == "backward" and key[0] == "parameter"
            self.notice("updated-weights" if late_weight else "input-mutated", key, where, f"changes {key[1]} in place")
        return {key: tensor for key, tensor in given.items() if not changed(leaves[key], tensor)}

    def notice(self, code, key, where, sentence):
        finding = Finding(code, key[1] if key else "", where, f"{self.name}: {where} {sentence}")
        if finding not in self.findings:
            self.findings += (finding,)


def in_dtype(tensor, dtype):
    """The tensor as a subject of that dtype computes with it; float64, complex and whole numbers stay."""
    casts = dtype is not None and tensor.is_floating_point() and tensor.dtype != torch.float64
    return tensor.to(dtype) if casts else tensor


def changed(before, now):
    """Whether a copy was written to: by torch, which counts, or past torch, which shows in the values alone."""
    return now._version > 0 or not torch.equal(before, now)


def copied(module, name):
    """A deep copy of the user's module. TypeError for what has a backward that autograd never calls, or no copy."""
    if callable(getattr(module, "backward", None)):
        raise TypeError(
            f"parity.check: {name} is an nn.Module with a method backward, which autograd never calls; put it into a "
            "torch.autograd.Function and pass the module that applies it"
        )
    try:
        return copy.deepcopy(module)
    except Exception as error:
        raise TypeError(f"parity.check: {name} cannot be copied: {error}") from error
