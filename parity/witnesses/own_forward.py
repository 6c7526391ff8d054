"""Torch code without its hand-written derivatives: autograd differentiates the forward's own operations instead."""

from contextlib import contextmanager
from functools import partial, wraps

import torch
from torch._library.custom_ops import OPDEFS
from torch._ops import OpOverload, OpOverloadPacket
from torch.overrides import TorchFunctionMode

from parity.subjects.returned import as_tuple
from parity.subjects.torch_graph import function_of, hand_written
from parity.subjects.torch_kinds import operator_of, separates_context

REPLACED = ("forward", "setup_context", "backward", "vjp")
BUILT_IN = ("aten", "prims", "prim")


class NotTraceable(Exception):
    """Autograd cannot differentiate the subject's own forward; the message says why."""


@contextmanager
def own_forwards():
    """Inside, autograd goes through the forward of every Function and custom op that is not torch's own.

    The forward runs as it is, with a stand-in for ctx; NotTraceable is raised in here where it leaves autograd's graph.
    """
    functions = {function: function.forward for function in user_functions(torch.autograd.Function)}
    before = {function: {name: vars(function).get(name) for name in REPLACED} for function in functions}
    try:
        for function, forward in functions.items():
            for name, value in differentiated(function, forward).items():
                setattr(function, name, staticmethod(value))
        with OwnOperators():
            yield
    finally:
        for function, own in before.items():
            for name, value in own.items():
                if value is not None:
                    setattr(function, name, value)
                elif name in vars(function):
                    delattr(function, name)


def user_functions(base):
    """Every subclass that has a forward, torch's own left out."""
    for function in base.__subclasses__():
        yield from user_functions(function)
        if not is_torchs_own(function) and function.forward is not torch.autograd.Function.forward:
            yield function


def is_torchs_own(function):
    """torch makes a Function for each custom op, among others."""
    return function.__module__.split(".")[0] == "torch"


def check_opened(outputs):
    """NotTraceable where a derivative that was not replaced is in the graph: of a custom op called past Python, say."""
    for node in hand_written(outputs):
        if is_torchs_own(node._forward_cls):
            raise NotTraceable(f"{function_of(node)} keeps its own derivative")


def differentiated(function, forward):
    """{name: what replaces it} for a Function: its forward is recorded, its backward goes back through the record."""
    records = []

    def run(forward, arguments):
        leaves = [leaf(argument) for argument in arguments]
        with torch.enable_grad():
            returned = forward(*(x.clone() if needs_gradient(x) else x for x in leaves))
        check_connected(function.__name__, leaves, returned)
        record = leaves, as_tuple(returned)
        outputs = tuple(y.detach() if isinstance(y, torch.Tensor) else y for y in record[1])
        return outputs if isinstance(returned, tuple) else outputs[0], record

    @wraps(forward)
    def without_context(*arguments):
        outputs, record = run(forward, arguments)
        records.append(record)
        return outputs

    def setup_context(ctx, inputs, output):
        ctx.record = records.pop()

    def with_context(ctx, *arguments):
        outputs, ctx.record = run(partial(forward, Context(ctx.needs_input_grad)), arguments)
        return outputs

    def backward(ctx, *upstream):
        leaves, outputs = ctx.record
        return back_through(leaves, outputs, upstream)

    shared = {"backward": backward, "vjp": torch.autograd.Function.vjp}
    if separates_context(function):
        return {"forward": without_context, "setup_context": setup_context} | shared
    return {"forward": with_context} | shared


class Context:
    """A stand-in for ctx: keeps what it is given and marks nothing."""

    def __init__(self, needs_input_grad):
        self.needs_input_grad, self.saved_tensors = needs_input_grad, ()

    def save_for_backward(self, *tensors):
        self.saved_tensors = tensors

    def mark(self, *_):
        pass

    save_for_forward = mark_dirty = mark_non_differentiable = set_materialize_grads = mark


def leaf(argument):
    """A leaf of a graph of its own where the argument is part of one."""
    return argument.detach().requires_grad_() if needs_gradient(argument) else argument


def needs_gradient(value):
    return isinstance(value, torch.Tensor) and value.requires_grad


def check_connected(name, inputs, returned):
    """Refuse a forward that takes tensors with gradients and returns none."""
    if any(map(needs_gradient, inputs)) and not any(map(needs_gradient, as_tuple(returned))):
        raise NotTraceable(f"the forward of {name} leaves autograd's graph")


def back_through(leaves, outputs, upstream):
    """A gradient per argument of the forward, None where there is none."""
    pairs = [(y, g) for y, g in zip(outputs, upstream, strict=True) if needs_gradient(y) and g is not None]
    returned, given = zip(*pairs, strict=True)
    wanted = [x for x in leaves if needs_gradient(x)]
    found = iter(torch.autograd.grad(returned, wanted, given, retain_graph=True, allow_unused=True))
    return tuple(next(found) if needs_gradient(x) else None for x in leaves)


class OwnOperators(TorchFunctionMode):
    """A call of a custom op is a call of the Python function that defines it."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if not isinstance(function, OpOverload | OpOverloadPacket):
            return function(*args, **kwargs)
        name = operator_of(function)._schema.name
        if name.split("::")[0] in BUILT_IN:
            return function(*args, **kwargs)
        if name not in OPDEFS:
            raise NotTraceable(f"{name} has no Python forward that autograd could differentiate")
        with self:
            returned = OPDEFS[name]._init_fn(*args, **kwargs)
        check_connected(name, args, returned)
        return returned
