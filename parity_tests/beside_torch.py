"""A layer and its twin side by side in float64: same weights, inputs and upstream gradients, all arrays compared."""

import numpy as np
import torch

import parity
import scratch

SUMS = 1e-11  # of an array's largest entry: some hundred terms, added up in two orders, some digits lost on the way


def beside_torch(ours, twin, *inputs, close=SUMS, terms=1.0, **options):
    """Run both, compare outputs, gradients and buffers; returns what ours gave: outputs, input gradients, grads.

    Errors are shares of the largest entry; of `terms`, the size of what is added up, where all of it cancels.
    """
    twin = parity.to_torch(ours, twin.double()).train(ours.training)
    twin.zero_grad()
    outputs, cache = ours.forward(*inputs, **options)
    given = [tensor(x) for x in inputs]
    named = {name: tensor(x) for name, x in options.items()}
    theirs = [output for output in as_tuple(twin(*given, **named)) if output is not None]
    rng = np.random.default_rng(0)
    upstream = tuple(rng.normal(size=output.shape) for output in as_tuple(outputs))
    dinputs, grads = ours.backward(upstream if isinstance(outputs, tuple) else upstream[0], cache)
    torch.autograd.backward(theirs, [torch.from_numpy(g) for g in upstream])
    for y, t in zip(as_tuple(outputs), theirs, strict=True):
        assert_close(y, t, close, terms)
    for dx, t in zip(as_tuple(dinputs), given, strict=False):
        assert_close(dx, getattr(t, "grad", None), close, terms)
    assert grads.keys() == dict(twin.named_parameters()).keys()
    for name, parameter in twin.named_parameters():
        assert_close(grads[name], parameter.grad, close, terms)
    for name, buffer in twin.named_buffers():
        assert_close(scratch.named_buffers(ours)[name], buffer, close, terms)
    return outputs, dinputs, grads


def as_tuple(values):
    return values if isinstance(values, tuple) else (values,)


def tensor(array):
    """A copy as a tensor, a leaf of the graph where it is float; what is no array as it is."""
    if not isinstance(array, np.ndarray):
        return array
    return torch.from_numpy(np.array(array)).requires_grad_(array.dtype.kind == "f")


def assert_close(ours, theirs, close, terms):
    """Same shape and dtype, and no entry further off than that share of the size; None beside None."""
    if ours is None or theirs is None:
        assert ours is None
        assert theirs is None
        return
    theirs = theirs.detach().numpy()
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    error, size = np.abs(ours - theirs), np.abs(theirs).max(initial=terms)
    assert (error <= close * size).all(), f"{error.max()} of {size}"
