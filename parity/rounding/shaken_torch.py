"""Shaken arithmetic for torch: the rules of parity.rounding.shaken, on every operator that a computation dispatches."""

import functools

import torch
from torch._decomp import decomposition_table
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from parity.rounding.shaken import moved


class ShakenTorch(TorchDispatchMode):
    """Inside this context every arithmetic result of torch is moved likewise, autograd's backward pass included.

    Views and in-place results share memory with an operand and are left alone; fused kernels are taken apart, sums
    and products of matrices are done in another order.
    """

    def __init__(self, directions):
        super().__init__()
        self.directions = directions

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if any(returned.alias_info is not None for returned in operator._schema.returns):
            return operator(*args, **kwargs)
        if operator._schema.name.split("::")[1] not in TORCH_EXACT and (steps := arithmetic_of(operator)) is not None:
            with self:
                return steps(*args, **kwargs)
        results = operator(*self.reordered(operator, args), **kwargs)
        name = operator._schema.name.split("::")[1]
        if name in TORCH_EXACT:
            return results
        if isinstance(results, torch.Tensor):
            return self.move(results, args if name in TORCH_UNDERFLOWING else None)
        return tree_map(self.move, results)

    def reordered(self, operator, args):
        """The arguments of a sum or a product of matrices with their terms in another order, see `reordered` above."""
        name = operator._schema.name.split("::")[1]
        if name in ("mm", "bmm", "mv", "dot"):
            a, b = args[:2]
            order = self.order(a, -1)
            return a.index_select(a.ndim - 1, order), b.index_select(max(b.ndim - 2, 0), order), *args[2:]
        if name == "sum" and args[0].ndim:
            terms, axes = args[0], (args[1:2] or [None])[0]
            for axis in axes or range(terms.ndim):
                terms = terms.index_select(axis, self.order(terms, axis))
            return terms, *args[1:]
        return args

    def order(self, tensor, axis):
        """A random order along an axis of the tensor, as an index on its device."""
        return torch.from_numpy(self.directions.generator.permutation(tensor.shape[axis])).to(tensor.device)

    def move(self, tensor, factors=None):
        if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
            return tensor
        if factors is not None:
            factors = [f.detach().cpu().numpy() if isinstance(f, torch.Tensor) else f for f in factors]
        return torch.from_numpy(moved(tensor.detach().cpu().numpy(), self.directions, factors)).to(tensor.device)


TORCH_UNDERFLOWING = {"mul", "div", "exp", "exp2", "pow", "reciprocal"}
TORCH_EXACT = {"relu", "maximum", "minimum", "max", "min", "amax", "amin", "abs", "neg", "sign", "clamp", "where"}
TORCH_EXACT |= {"threshold_backward", "gather", "index_select", "index", "cat", "stack", "clone", "_to_copy", "sort"}
TORCH_EXACT |= {"clamp_min", "clamp_max", "hardtanh", "hardtanh_backward"}
TORCH_EXACT |= {"zeros_like", "ones_like", "full_like", "floor", "ceil", "round", "scalar_tensor", "full", "embedding"}


@functools.cache
def arithmetic_of(operator):
    """What a fused operator computes, as torch's own decomposition into simpler ones; None where it is simple.

    A fused kernel rounds inside, where no move of its result reaches: in log-softmax's backward 1 − p cancels.
    Operators that are primitive by name (add, exp, sum, …) are simple.
    """
    name = operator._schema.name.removeprefix("aten::")
    return None if hasattr(torch.ops.prims, name) else decomposition_table.get(operator)
