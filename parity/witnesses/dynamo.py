"""A NumPy forward as a graph of torch operations: torch._dynamo reads its bytecode and takes NumPy's calls for torch's.

The graph is caught once for given shapes and then runs as it is: under autograd, under shaken arithmetic, any number of
times. Nothing else is left behind: the function that is compiled has code of its own, so neither the caches nor the
counters of the user's compiled functions change.
"""

import copy
import types
import warnings
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
import torch._dynamo as dynamo
from torch._dynamo import trace_rules
from torch._dynamo.utils import counters
from torch._dynamo.variables.functions import UserFunctionVariable
from torch._dynamo.variables.misc import NumpyDTypeVariable, NumpyVariable
from torch._dynamo.variables.tensor import NumpyNdarrayVariable

from scratch import checks

# guards that have passed already when the subject ran by itself, and that branch on values, which no trace can follow
GUARDS = {guard for name, guard in vars(checks).items() if name.startswith("check_")} - {checks.check_dtype_name}
SETTINGS = {"ignore_logging_functions": GUARDS | {print}, "trace_numpy": True, "suppress_errors": False}
SETTINGS |= {"numpy_default_float": "float64", "numpy_default_int": "int64", "numpy_default_complex": "complex128"}


class Graph:
    """({name: tensor}) -> tuple of outputs: `hand.outputs` for inputs and weights of the shapes that it was caught for.

    A whole number (a label without axes) is a constant of the graph.
    Raises what torch._dynamo raises where it cannot follow, RuntimeError where torch.compile is switched off.
    """

    def __init__(self, hand, tensors):
        examples = {name: tensor.item() if is_whole(tensor) else tensor.detach() for name, tensor in tensors.items()}
        caught: dict = {}
        with undisturbed_dynamo(), stand_ins():
            outputs = compiled(caught)(copy.deepcopy(hand), examples)
        if not caught:
            raise RuntimeError("torch.compile is switched off")
        names = {id(example): name for name, example in examples.items()}
        self.module, self.sources = caught["module"], [names.get(id(value), value) for value in caught["inputs"]]
        self.places = [[value is output for value in caught["outputs"]].index(True) for output in outputs]

    def __call__(self, tensors):
        inputs = [tensors[source] if isinstance(source, str) else source.clone() for source in self.sources]
        results = self.module(*inputs)
        return tuple(results[place] for place in self.places)


def is_whole(array):
    """Whether an array or tensor is a whole number without axes: a label that chooses a branch."""
    return array.ndim == 0 and "float" not in str(array.dtype)


def compiled(caught) -> Callable:
    """(hand, {name: tensor}) -> list of outputs, for one call, which leaves its graph in `caught`."""

    def backend(module, examples):
        def run(*inputs):
            caught.update(module=module, inputs=inputs, outputs=module(*inputs))
            return caught["outputs"]

        return run

    def outputs(hand, tensors):
        arrays = {name: t.numpy() if isinstance(t, torch.Tensor) else t for name, t in tensors.items()}
        forward_on, copy = type(hand).forward_on.__wrapped__, type(hand).copy  # its exceptions are told as they are
        net = getattr(copy, "__wrapped__", copy)(hand, arrays)
        return [torch.as_tensor(output).clone() for output in forward_on(hand, net, arrays)[0]]  # no input, so a clone

    alone = types.FunctionType(outputs.__code__.replace(), globals(), "outputs")
    return torch.compile(alone, fullgraph=True, backend=backend, dynamic=False)


@contextmanager
def undisturbed_dynamo():
    """Its settings for one trace; its counters as they were, and no warnings."""
    before = copy.deepcopy(dict(counters))
    settings = {name: value for name, value in SETTINGS.items() if hasattr(dynamo.config, name)}
    try:
        with warnings.catch_warnings(), dynamo.config.patch(settings):
            warnings.simplefilter("ignore")
            yield
    finally:
        counters.clear()
        counters.update(before)


@contextmanager
def stand_ins():
    """Inside, a trace takes each key of STAND_INS for its value and knows the dtype of an array."""
    known = trace_rules.is_numpy, NumpyVariable.call_function, NumpyNdarrayVariable.var_getattr

    def is_numpy(value):
        return (callable(value) and any(value is key for key in STAND_INS)) or known[0](value)

    def call_function(self, tx, args, kwargs):
        if any(self.value is key for key in STAND_INS):
            return UserFunctionVariable(STAND_INS[self.value]).call_function(tx, args, kwargs)
        return known[1](self, tx, args, kwargs)

    def var_getattr(self, tx, name):
        if name != "dtype":
            return known[2](self, tx, name)
        dtype = self.as_proxy().node.meta["example_value"].dtype
        return NumpyDTypeVariable(np.dtype(str(dtype).removeprefix("torch.")))

    places = (trace_rules, "is_numpy"), (NumpyVariable, "call_function"), (NumpyNdarrayVariable, "var_getattr")
    try:
        for (owner, name), function in zip(places, (is_numpy, call_function, var_getattr), strict=True):
            setattr(owner, name, function)
        yield
    finally:
        for (owner, name), function in zip(places, known, strict=True):
            setattr(owner, name, function)


def itself(value):
    """copy.deepcopy of what is a copy: a reader copies the user's object before each run, here it is given one."""
    return value


def no_context(**_):
    """np.errstate: torch has no such warnings."""
    return nullcontext()


def pad(array, pad_width, mode="constant", constant_values=0):
    """np.pad by a constant."""
    if mode != "constant":
        raise NotImplementedError(f"np.pad with mode {mode!r}")
    if isinstance(pad_width, int):
        pad_width = (pad_width, pad_width)
    widths = pad_width if isinstance(pad_width[0], tuple | list) else [pad_width] * array.ndim
    shape = [before + size + after for (before, after), size in zip(widths, array.shape, strict=True)]
    padded = np.full(shape, constant_values, dtype=array.dtype)
    padded[tuple(slice(before, before + size) for (before, _), size in zip(widths, array.shape, strict=True))] = array
    return padded


def sliding_window_view(array, window_shape, axis=None):
    """np.lib.stride_tricks.sliding_window_view, as a copy."""
    sizes = window_shape if isinstance(window_shape, tuple | list) else (window_shape,)
    axes = range(len(sizes)) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    for size, one in zip(sizes, [one % array.ndim for one in axes], strict=True):
        index = np.arange(array.shape[one] - size + 1)[:, None] + np.arange(size)
        array = np.moveaxis(np.take(array, index, axis=one), one + 1, -1)
    return array


STAND_INS: dict[Callable, Any] = {copy.deepcopy: itself, np.errstate: no_context, np.pad: pad}
STAND_INS[np.lib.stride_tricks.sliding_window_view] = sliding_window_view
