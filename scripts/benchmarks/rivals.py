"""What torch's own checks make of a hand-derived backward: gradcheck, slow and fast, and assert_close.

The subject is put into an autograd.Function, in float64; torch subjects are taken as they are. A check that raises, or
says that gradients differ, has caught; assert_close compares with the truth, at its default tolerances.
"""

import numpy as np
import torch

from parity.rows import GRADIENTS
from parity.subjects import read
from parity.subjects.torch_callable import HandTorch

RIVALS = ("gradcheck", "gradcheck fast", "assert_close")


def gradcheck_objects(build, inputs, fast):
    """Whether torch.autograd.gradcheck, at its defaults, objects to the subject that build() makes."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        try:
            return not torch.autograd.gradcheck(*as_function(build, inputs), fast_mode=fast)
        except Exception:
            return True


def assert_close_objects(report):
    """Whether torch.testing.assert_close, at its defaults, objects to the gradients of a report beside the truth."""
    for row in report.rows:
        if row.kind in GRADIENTS and row.arrays is None:
            return True
        if row.kind in GRADIENTS:
            ours, theirs, _ = (torch.tensor(np.asarray(array)) for array in row.arrays)
            try:
                torch.testing.assert_close(ours, theirs)
            except AssertionError:
                return True
    return not report.rows


def as_function(build, inputs):
    """(a function of tensors that runs the subject forward and backward, its tensors)."""
    hand = read(build(), inputs)
    arrays = dict(zip(hand.input_names, inputs, strict=False)) | hand.added_inputs()
    hand = hand.discover(arrays)
    arrays |= hand.parameters | hand.buffers
    if isinstance(hand, HandTorch):
        names, call = list(hand.input_names), hand.subject
        return call, tuple(tensor(arrays[name]) for name in names)
    kinds = {name: kind for kind, name in gradients(hand, arrays)}  # a label has none, and is none's fault
    names = [name for name in arrays if name in kinds]

    class Wrapped(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *tensors):
            given = arrays | {name: t.detach().numpy().copy() for name, t in zip(names, tensors, strict=True)}
            outputs, ctx.state = hand.forward(given)
            return tuple(torch.tensor(np.array(output, float, order="C")) for output in outputs)

        @staticmethod
        def backward(ctx, *upstream):
            found = hand.backward(ctx.state, [g.numpy() for g in upstream])
            found = [found.get((kinds[name], name)) for name in names]
            if not hand.takes_upstream:  # it starts from its own loss
                found = [None if g is None else g * float(upstream[0]) for g in found]
            return tuple(None if g is None else torch.tensor(np.array(g, float, order="C")) for g in found)

    return Wrapped.apply, tuple(tensor(arrays[name]) for name in names)


def gradients(hand, arrays):
    """The keys of the gradients that the subject gives, and of those by its weights, given or not."""
    upstream = [np.ones(np.shape(output)) for output in hand.outputs(arrays)]
    given = [key for key in hand.run(arrays, upstream) if key[0] == "input" and arrays[key[1]].dtype.kind == "f"]
    return [*given, *(("parameter", name) for name in hand.parameters)]


def tensor(array):
    found = torch.tensor(np.array(array, order="C"))
    return found.double().requires_grad_() if found.is_floating_point() else found
