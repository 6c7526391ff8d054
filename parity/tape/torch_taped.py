"""The tape of a torch subject: what the Python lines of its hand-written forward and backward ask torch to do.

Each call of torch's inside an autograd.Function becomes an operation of the tape under NumPy's name, on arrays; what is
known to NumPy is done by NumPy, so that a change means there what it means anywhere. The results go on as tensors.
"""

import copy
import sys
from contextlib import nullcontext

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from parity.followed import users_frame
from parity.nests import mapped
from parity.subjects.returned import keyed_outputs
from parity.tape.taped import plain, taped

NAMES = {"mul": "multiply", "add": "add", "sub": "subtract", "div": "divide", "pow": "power", "neg": "negative"}
NAMES |= {"matmul": "matmul", "mm": "matmul", "exp": "exp", "log": "log", "sqrt": "sqrt", "tanh": "tanh", "abs": "abs"}
NAMES |= {"gt": "greater", "lt": "less", "ge": "greater_equal", "le": "less_equal", "eq": "equal", "t": "transpose"}
NAMES |= {
    "sum": "sum",
    "mean": "mean",
    "maximum": "maximum",
    "minimum": "minimum",
    "where": "where",
    "square": "square",
}
NAMES |= {"true_divide": "divide", "multiply": "multiply", "divide": "divide", "subtract": "subtract", "rsqrt": "rsqrt"}
NAMES |= {"__pow__": "power", "__rpow__": "power", "rsub": "subtract", "__rsub__": "subtract", "reshape": "reshape"}
NAMES |= {"__rtruediv__": "divide", "__rdiv__": "divide", "sigmoid": "sigmoid", "softmax": "softmax", "erf": "erf"}
NAMES |= {"__getitem__": "getitem", "clamp": "clip", "zeros_like": "zeros_like", "cos": "cos", "sin": "sin"}
TRANSPOSE = vars(torch._C.TensorBase)["T"].__get__  # what x.T calls
REVERSED = {"rsub", "__rsub__", "__rpow__", "__rtruediv__", "__rdiv__"}
REDUCTIONS = {"sum", "mean"}
BY_NUMPY = {"multiply", "add", "subtract", "divide", "power", "negative", "matmul", "exp", "log", "sqrt", "tanh"}
BY_NUMPY |= {"greater", "less", "greater_equal", "less_equal", "equal", "sum", "mean", "maximum", "minimum", "square"}


class TorchTaped(TorchFunctionMode):
    """Inside, the user's lines that compute without autograd, as those of a Function do, are noted on the tape."""

    def __init__(self, tape):
        super().__init__()
        self.tape = tape
        self.origins: dict = {}
        self.kept: list = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs, name = kwargs or {}, getattr(function, "__name__", "")
        if name == "__get__":
            name = "t" if function == TRANSPOSE else ""
        quiet = name not in NAMES or "out" in kwargs or self.tape.paused or torch.is_grad_enabled()
        if quiet or users_frame(self.tape.base) is None:
            return function(*args, **kwargs)
        return self.noted(name, function, args, kwargs)

    def noted(self, torch_name, function, args, kwargs):
        """The operation done through the tape."""
        name, operands = NAMES[torch_name], args[::-1] if torch_name in REVERSED else args
        options = {OPTIONS.get(key, key): value for key, value in kwargs.items()}
        if name in REDUCTIONS and len(operands) > 1:
            operands, rest = operands[:1], operands[1:]
            options |= dict(zip(("axis", "keepdims"), rest, strict=False))

        def compute(operands, options):
            if name in BY_NUMPY:
                return getattr(np, name)(*operands, **axes_as_tuples(options))
            back = {key: options[new] for key, new in ((k, OPTIONS.get(k, k)) for k in kwargs) if new in options}
            given = mapped(tensor_of, operands[::-1] if torch_name in REVERSED else operands)
            return mapped(array_of, function(*given, **back))

        result = self.tape.do(name, mapped(self.array, operands), options, compute)
        return mapped(self.tensor, result)

    def array(self, value):
        """A tensor as a taped array that knows where it comes from; anything else as it is."""
        if not isinstance(value, torch.Tensor):
            return value
        found = taped(array_of(value), self.tape, self.origins.get(place_of(value), self.named(value)))
        found.stands_for = value
        return found

    def named(self, tensor):
        """The name of the array of the run that a tensor holds; None where it holds none."""
        array = array_of(tensor)
        return next((name for name, a in self.tape.arrays.items() if np.array_equal(a, array)), None)

    def tensor(self, value):
        """A taped result as the tensor that the user's code goes on with."""
        if not isinstance(value, np.ndarray | np.generic):
            return value
        found = tensor_of(plain(value))
        self.origins[place_of(found)] = getattr(value, "origin", None)
        self.kept.append(found)  # so that no later tensor takes its place in memory
        return found


OPTIONS = {"dim": "axis", "keepdim": "keepdims"}


def axes_as_tuples(options):
    """NumPy takes axes as a tuple where torch takes a list."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}


def array_of(value):
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value


def tensor_of(value):
    """An array as a fresh tensor; anything else as it is."""
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fbi":
        return torch.from_numpy(np.array(plain(np.asarray(value))))
    return value


def place_of(tensor):
    """What tells a tensor from others that are alive: its memory and how it is laid out there."""
    return tensor.data_ptr(), tuple(tensor.shape), tensor.stride()


def run_torch_on(tape, hand, arrays, upstream):
    """Run a torch subject on this tape; returns the tape. Raises SubjectRaised."""
    tape.base = sys._getframe()
    tape.arrays = arrays | {("upstream", i): g for i, g in enumerate(upstream)}
    noting = TorchTaped(tape) if hand.dtype in (None, torch.float32, torch.float64) else nullcontext()  # no NumPy type
    hand = copy.copy(hand)
    hand.around = lambda: noting
    with noting:
        outputs, state = hand.forward(arrays)
    tape.phase = "backward"
    gradients = hand.backward(state, list(upstream))
    tape.results = keyed_outputs(outputs) | gradients
    return tape
