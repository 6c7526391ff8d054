"""The kinds of torch callable that can be read, what they are called and what their inputs are called."""

import types
import warnings
from functools import partial

import numpy as np
import torch
from torch._library.custom_ops import CustomOpDef
from torch._ops import OpOverload, OpOverloadPacket

from parity.inputs import prepare
from parity.subjects.arguments import Arguments
from parity.subjects.base import function_name, one_line, positional_names
from parity.subjects.returned import as_tuple
from parity.subjects.torch_graph import hand_written, recording
from parity.undisturbed import undisturbed

OPERATORS = CustomOpDef | OpOverload | OpOverloadPacket


def function_class(subject):
    """The autograd.Function whose bound `apply` this is; None for everything else."""
    owner = getattr(subject, "__self__", None) if isinstance(subject, types.MethodType) else None
    return owner if isinstance(owner, type) and issubclass(owner, torch.autograd.Function) else None


def instead_of(kind):
    """What to pass where a class was passed."""
    return f"{kind.__name__}.apply" if issubclass(kind, torch.autograd.Function) else "an instance of it"


def operator_of(subject):
    """The OpOverload behind a custom op, an overload or a packet of overloads (its default, else its first)."""
    if isinstance(subject, CustomOpDef):
        return subject._opoverload
    if isinstance(subject, OpOverloadPacket):
        overloads = subject.overloads()
        return getattr(subject, "default" if "default" in overloads else overloads[0])
    return subject


def separates_context(function):
    """Whether an autograd.Function has a forward without ctx, and setup_context beside it."""
    return function.setup_context is not torch.autograd.Function.setup_context


def callable_name(subject):
    """`Gelu` for Gelu.apply, `mylib::gelu` for a custom op, else a function's name or a module's repr."""
    if function := function_class(subject):
        return function.__name__
    if isinstance(subject, OPERATORS):
        return operator_of(subject)._schema.name
    return one_line(subject) if isinstance(subject, torch.nn.Module) else function_name(subject)


def input_names(subject, count):
    """The names of the positional arguments that a torch callable takes."""
    if isinstance(subject, OPERATORS):
        names = [argument.name for argument in operator_of(subject)._schema.arguments]
        return [names[i] if i < len(names) else f"x{i}" for i in range(count)]
    if function := function_class(subject):
        forward = function.forward if separates_context(function) else partial(function.forward, None)
        return positional_names(forward, count)
    return positional_names(subject.forward if isinstance(subject, torch.nn.Module) else subject, count)


def is_torch(subject):
    """Whether a subject is a torch callable by its kind: a Function's `apply`, a custom op, an nn.Module."""
    return bool(function_class(subject)) or isinstance(subject, OPERATORS | torch.nn.Module)


def takes_tensors(function, inputs):
    """Whether a function is a torch callable: on tensors it gives tensors, with a derivative by hand in their graph.

    Without one it is a torch callable still where it raises on arrays; else it is a loss in NumPy.
    """
    with undisturbed(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            rng = np.random.default_rng(0)
            arguments = Arguments({f"x{i}": value for i, value in enumerate(inputs)})
            arrays = {name: prepare(name, value, np.dtype(float), rng) for name, value in arguments.given.items()}
        except (TypeError, ValueError):  # refused by name later on
            return False
        call = lambda given: function(*arguments.in_order(given))  # noqa: E731
        outputs = tensors_of(call, arrays, torch.float64) or tensors_of(call, arrays, torch.float32)
        return bool(hand_written(outputs)) or bool(outputs and raises(call, arrays))


@recording()
def tensors_of(call, arrays, dtype):
    """The outputs of call({name: tensor that requires its gradient}); none where it raises or gives something else."""
    tensors = {name: torch.tensor(array) for name, array in arrays.items()}
    floats = {name: t.to(dtype).requires_grad_() for name, t in tensors.items() if t.is_floating_point()}
    try:
        returned = as_tuple(call(tensors | floats))
    except Exception:
        return ()
    return returned if all(isinstance(output, torch.Tensor) for output in returned) else ()


def raises(call, arrays):
    try:
        call(arrays)
    except Exception:
        return True
    return False
