"""Shaken arithmetic for torch: the rules of parity.rounding.shaken, on every operator that a computation dispatches."""

import functools
from contextlib import ExitStack

import torch
from torch._decomp import decomposition_table
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

from parity.nests import mapped
from parity.rounding.shaken import LARGE, moved

# of the same width as the floats: one more is the next float away from 0
WHOLE_NUMBERS = {torch.float64: torch.int64, torch.float32: torch.int32, torch.bfloat16: torch.int16}
WHOLE_NUMBERS[torch.float16] = torch.int16


class ShakenTorch(TorchDispatchMode):
    """Inside this context every arithmetic result of torch is moved likewise, autograd's backward pass included.

    Views share memory with an operand and are left alone; an operator in place becomes its twin out of place and a copy
    back; fused kernels are taken apart, sums and products of matrices are done in another order. Attention is that of
    the plain formula: torch's own decomposition of its fused kernel leaves no log-sum-exp for the kernel's backward.

    The backward pass: on the CPU autograd runs it on the calling thread, where this mode is active. For a CUDA device
    it has a thread of its own, to which modes travel with the rest of the calling thread's state; but then two threads
    would draw from `directions` in an order that no seed fixes, so inside this context it stays on the calling one.
    """

    def __init__(self, directions, notice_cast=None):
        """notice_cast(dtype) is called for each cast that rounds to that dtype."""
        super().__init__()
        self.directions, self.notice_cast = directions, notice_cast
        self.settings: list = []  # those of each time that this context was entered

    def __enter__(self):
        settings = ExitStack()
        settings.enter_context(torch.autograd.set_multithreading_enabled(False))
        if not self.settings:
            settings.enter_context(sdpa_kernel(SDPBackend.MATH))
        self.settings.append(settings)
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        self.settings.pop().close()

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        kwargs, name = kwargs or {}, operator._schema.name.split("::")[1]
        if name in TORCH_IN_PLACE:
            with self:
                result = getattr(torch.ops.aten, name.removesuffix("_"))(*args, **kwargs).to(args[0].dtype)
            return args[0].copy_(result)
        if name in TORCH_CASTS:
            return self.cast(args[0], operator(*args, **kwargs))
        if any(returned.alias_info is not None for returned in operator._schema.returns):
            return operator(*args, **kwargs)
        if name not in TORCH_EXACT and (steps := arithmetic_of(operator)) is not None:
            with self:
                return steps(*args, **kwargs)
        results = self.in_another_order(operator, name, args, kwargs)
        if name in TORCH_EXACT:
            return results
        if isinstance(results, torch.Tensor):
            return self.move(results, args if name in TORCH_UNDERFLOWING else None)
        return mapped(self.move, results)

    def cast(self, before, after):
        """The result of a cast, moved where it rounded."""
        if not loses_digits(before, after):
            return after
        if self.notice_cast is not None:
            self.notice_cast(after.dtype)
        return self.move(after)

    def in_another_order(self, operator, name, args, kwargs):
        """The result of an operator; a sum or a product of matrices with its terms in another order, as in NumPy."""
        if name in PRODUCTS:
            a, b = args
            inner = max(b.ndim - 2, 0)
            if a.numel() + b.numel() > LARGE and a.shape[-1] > 1:
                cut = int(self.directions.generator.integers(1, a.shape[-1]))
                rest = a.shape[-1] - cut
                first = operator(a.narrow(-1, 0, cut), b.narrow(inner, 0, cut))
                return first.add_(operator(a.narrow(-1, cut, rest), b.narrow(inner, cut, rest)))
            order = self.order(a, -1)
            args = a.index_select(a.ndim - 1, order), b.index_select(inner, order)
        elif name == "sum" and args[0].ndim:
            terms, axes = args[0], (args[1:2] or [None])[0]
            for axis in axes or range(terms.ndim):
                terms = terms.index_select(axis, self.order(terms, axis))
            args = terms, *args[1:]
        return operator(*args, **kwargs)

    def order(self, tensor, axis):
        """A random order along an axis of the tensor, as an index on its device."""
        return torch.from_numpy(self.directions.generator.permutation(tensor.shape[axis])).to(tensor.device)

    def move(self, tensor, factors=None):
        return moved_tensor(tensor, self.directions, factors) if isinstance(tensor, torch.Tensor) else tensor


def moved_tensor(tensor, directions, factors=None):
    """`moved` for a tensor: by one unit in the last place of its own dtype, on its own device; others as they are."""
    tensor = tensor.detach()
    if tensor.dtype not in WHOLE_NUMBERS:
        return tensor
    if tensor.device.type == "cpu" and tensor.itemsize >= 4:  # NumPy has the type, shares the memory and is quicker
        factors = factors and [(f != 0).numpy() if isinstance(f, torch.Tensor) else f for f in factors]
        return torch.from_numpy(moved(tensor.numpy(), directions, factors))
    return on_its_device(tensor, directions, factors)


def on_its_device(tensor, directions, factors=None):
    """`moved` in torch's own operators."""
    direction = torch.from_numpy(directions.take(tensor.shape)).to(tensor.device, tensor.dtype)
    spacing = (tensor.view(WHOLE_NUMBERS[tensor.dtype]) + 1).view(tensor.dtype) - tensor
    size = tensor.abs()
    inwards = torch.where(size * size == size, -direction.abs(), direction)  # at ±1, and at 0 and infinities, see below
    direction = torch.where(size == 0, direction.abs() * underflows(tensor, factors), inwards)
    return tensor + direction * torch.where(size.isinf(), 0, spacing)


def underflows(tensor, factors):
    """Where a 0 is the product or power of numbers other than 0."""
    if factors is None:
        return 0
    return functools.reduce(torch.logical_and, (torch.as_tensor(factor) != 0 for factor in factors), tensor == 0)


def loses_digits(before, after):
    """Whether a cast went to a type of fewer digits, so that it rounded."""
    floats = before.is_floating_point() and after.is_floating_point()
    return floats and torch.finfo(after.dtype).eps > torch.finfo(before.dtype).eps


PRODUCTS = {"mm", "bmm", "mv", "dot"}
TORCH_UNDERFLOWING = {"mul", "div", "exp", "exp2", "pow", "reciprocal"}
TORCH_CASTS = {"to", "_to_copy", "convert_element_type"}
TORCH_EXACT = {"relu", "maximum", "minimum", "max", "min", "amax", "amin", "abs", "neg", "sign", "clamp", "where"}
TORCH_EXACT |= {"threshold_backward", "gather", "index_select", "index", "cat", "stack", "clone", "sort"}
TORCH_EXACT |= {"clamp_min", "clamp_max", "hardtanh", "hardtanh_backward"}
TORCH_EXACT |= {"zeros_like", "ones_like", "full_like", "floor", "ceil", "round", "scalar_tensor", "full", "embedding"}
TORCH_IN_PLACE = {"add_", "sub_", "mul_", "div_", "pow_", "reciprocal_", "sqrt_", "rsqrt_", "exp_", "expm1_", "log_"}
TORCH_IN_PLACE |= {"log1p_", "sin_", "cos_", "tanh_", "sigmoid_", "erf_", "addmm_", "addmv_", "addr_", "baddbmm_"}
TORCH_IN_PLACE |= {"addcmul_", "addcdiv_", "lerp_", "cumsum_", "index_add_", "scatter_add_"}


@functools.cache
def arithmetic_of(operator):
    """What a fused operator computes, as torch's own decomposition into simpler ones; None where it is simple.

    A fused kernel rounds inside, where no move of its result reaches: in log-softmax's backward 1 − p cancels.
    Operators that are primitive by name (add, exp, sum, …) are simple.
    """
    name = operator._schema.name.removeprefix("aten::")
    return None if hasattr(torch.ops.prims, name) else decomposition_table.get(operator)
