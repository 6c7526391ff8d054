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
    names = [n for n in arrays if arrays[n].dtype.kind == "f" and n not in hand.buffers]
    kinds = {name: "parameter" if name in hand.parameters else "input" for name in names}

    class Wrapped(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *tensors):
            given = arrays | {name: t.detach().numpy().copy() for name, t in zip(names, tensors, strict=True)}
            outputs, ctx.state = hand.forward(given)
            return tuple(torch.tensor(np.asarray(output, float)) for output in outputs)

        @staticmethod
        def backward(ctx, *upstream):
            found = hand.backward(ctx.state, [g.numpy() for g in upstream])
            gradients = (found.get((kinds[name], name)) for name in names)
            return tuple(None if g is None else torch.tensor(np.asarray(g, float)) for g in gradients)

    return Wrapped.apply, tuple(tensor(arrays[name]) for name in names)


def tensor(array):
    found = torch.tensor(np.asarray(array))
    return found.double().requires_grad_() if found.is_floating_point() else found
