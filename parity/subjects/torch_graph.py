"""Autograd's graph of a torch subject: which of its derivatives are written by hand, and what these return.

torch casts a gradient of another dtype and sums one of a larger shape without a word, and raises on any other shape;
here what a hand-written backward returns is seen before that.
"""

from contextlib import contextmanager, nullcontext

import torch
from torch.autograd.function import BackwardCFunction


@contextmanager
def recording():
    """Autograd records, whatever mode the caller is in."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


def hand_written(outputs):
    """The nodes of the outputs' graph whose derivative is Python: an autograd.Function, or a custom op's backward."""
    waiting, seen = [output.grad_fn for output in outputs], {}
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen[node] = isinstance(node, BackwardCFunction)
            waiting += [below for below, _ in node.next_functions]
    return [node for node, by_hand in seen.items() if by_hand]


def function_of(node):
    """The name of what a node differentiates: the class of a Function, `mylib::op` of a custom op is `mylib_op`."""
    name = node._forward_cls.__name__
    return name.removeprefix("GeneratedBackwardFor_").removesuffix("_default")


@contextmanager
def watched(nodes, keys, notice, around=nullcontext):
    """Inside, what every hand-written backward returns is looked at; yields {key: gradient of a wrong shape}.

    keys: {id of a leaf tensor: key}. notice(code, key, where, sentence) is called for what torch changes in silence.
    around() is entered around each, where torch's own modes are off.
    A gradient of a leaf in a shape that torch would refuse is kept in what is yielded; zeros go on in its place.
    """
    misshapen: dict = {}
    for node in nodes:
        node.apply = watcher(node, keys, notice, misshapen, around)
    try:
        yield misshapen
    finally:
        for node in nodes:
            del node.apply


def watcher(node, keys, notice, misshapen, around):
    """The node's own `apply`, with a look at the gradients that its function returns."""

    def apply(*upstream):
        with around():
            returned = type(node).apply(node, *upstream)
        gradients = list(returned) if isinstance(returned, tuple) else [returned]
        edges = [edge for edge in node.next_functions if edge[0] is not None]
        wanted = [i for i, needed in enumerate(node.needs_input_grad) if needed]
        for i, (below, position) in zip(wanted, edges, strict=True):
            if i < len(gradients) and isinstance(gradients[i], torch.Tensor):
                expected, key = below._input_metadata[position], keys.get(id(leaf_of(below)))
                notice_changes(f"{function_of(node)}.backward", gradients[i], expected, key, notice)
                if key is not None and not sums_to(gradients[i].shape, expected.shape):
                    misshapen[key] = gradients[i]
                    gradients[i] = torch.zeros(expected.shape, dtype=expected.dtype, device=expected.device)
        return tuple(gradients)

    return apply


def leaf_of(node):
    """The leaf tensor to which a node hands its gradient, through a copy at most; None for other nodes."""
    if type(node).__name__ == "CloneBackward0":
        node = node.next_functions[0][0]
    return getattr(node, "variable", None)


def notice_changes(where, gradient, expected, key, notice):
    """Say that a gradient has another dtype than its input, or a shape that torch sums to that of its input."""
    target = f"for {key[1] if key else 'an intermediate value'}, a tensor of"
    if gradient.dtype != expected.dtype:
        sentence = f"returns {gradient.dtype} {target} {expected.dtype}; torch casts it in silence"
        notice("dtype-changed", key, where, sentence)
    found, shape = tuple(gradient.shape), tuple(expected.shape)
    if found != shape and sums_to(found, shape):
        notice("broadcast-not-reduced", key, where, f"returns shape {found} {target} shape {shape}; torch sums it")


def sums_to(shape, target):
    """Whether torch sums a gradient of that shape to target: where target could have been broadcast to it."""
    try:
        return torch.broadcast_shapes(shape, target) == torch.Size(shape)
    except RuntimeError:
        return False
