"""What torch's own checks make of a hand-derived backward: gradcheck, slow and fast, and assert_close.

The subject is put into an autograd.Function, in float64; torch subjects are taken as they are. A check that raises, or
says that gradients differ, has caught; assert_close compares with the truth, at its default tolerances.
"""

import numpy as np
import torch

from parity.subjects import read
from parity.subjects.torch_callable import HandTorch

RIVALS = ("gradcheck", "gradcheck fast", "assert_close")


def caught_by(rival, build, inputs, truth):
    """Whether a rival objects. build() makes the subject; truth: (ours, theirs), {key: gradient} each."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        try:
            if rival == "assert_close":
                return not close(*truth)
            function, tensors = as_function(build, inputs)
            return not torch.autograd.gradcheck(function, tensors, fast_mode=rival.endswith("fast"))
        except Exception:
            return True


def close(ours, theirs):
    """Whether every gradient passes assert_close at its defaults."""
    for key, right in theirs.items():
        torch.testing.assert_close(torch.tensor(np.asarray(ours[key])), torch.tensor(right))
    return True


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
