"""Shaken arithmetic: every arithmetic result is moved by −1, 0 or +1 unit in the last place, at random.

Running a computation again under it shows, entry by entry, what rounding explains (discrete stochastic arithmetic,
CESTAC; J. Vignes, 1993). A move never crosses the edges 0 and ±1 of domains: a probability of 1 stays one, and the
square root of 0 exists. Half a unit would be rounded away.
"""

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map


class ShakenArray(np.ndarray):
    """An array whose every arithmetic result is moved; made by `shaken`, it hands its generator on to all results."""

    generator: np.random.Generator

    def __array_finalize__(self, source):
        self.generator = getattr(source, "generator", None)

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        generator = find_generator((*inputs, *(out or ())))
        places = {} if out is None else {"out": tuple(plain(place) for place in out)}
        results = getattr(ufunc, method)(*map(plain, inputs), **places, **tree_map(plain, options))
        if out is not None:
            for place in places["out"]:
                if place is not None:
                    place[...] = moved(place, generator)
            return out[0] if len(out) == 1 else out
        if method == "at":
            return None
        return tree_map(lambda result: shaken(result, generator), results)

    def __array_function__(self, function, types, args, kwargs):
        generator = find_generator((args, kwargs))
        args, kwargs = tree_map(plain, (args, kwargs))
        if (out := kwargs.get("out")) is not None:
            function(*args, **kwargs)
            out[...] = moved(out, generator)
            return with_generator(out, generator)
        arrays = [leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, np.ndarray)]

        def wrap(result):
            if not isinstance(result, np.ndarray | np.generic):
                return result
            if any(np.may_share_memory(result, array) for array in arrays):  # a view: data moved, nothing computed
                return with_generator(result, generator)
            return shaken(result, generator)

        return tree_map(wrap, function(*args, **kwargs))

    def dot(self, other, out=None):
        return np.dot(self, other, out=out)


def shaken(array, generator):
    """A float array moved at random, as a ShakenArray; integers, booleans and everything else as they are."""
    if not isinstance(array, np.ndarray | np.generic) or array.dtype.kind not in "fc":
        return array
    return with_generator(moved(np.asarray(array), generator), generator)


def moved(array, generator):
    """Each entry of a plain float array moved by −1, 0 or +1 unit in the last place; real and imaginary part alike."""
    if array.dtype.kind == "c":
        parts = moved(array.real, generator) + 0j
        parts.imag = moved(array.imag, generator)
        return parts
    if array.dtype.kind != "f":
        return array
    direction = generator.integers(-1, 2, array.shape, np.int8)
    edge = (array == 0) | (np.abs(array) == 1)
    direction = np.where(edge, np.where(array == 0, 1, -1) * np.abs(direction), direction)
    with np.errstate(all="ignore"):
        return np.where(np.isfinite(array), array + direction.astype(array.dtype) * np.spacing(array), array)


def with_generator(array, generator):
    view = np.asarray(array).view(ShakenArray)
    view.generator = generator
    return view


def plain(value):
    """A ShakenArray as the ndarray below it, sharing memory; anything else as it is."""
    return value.view(np.ndarray) if isinstance(value, ShakenArray) else value


def leaves(tree):
    """The leaves of nested tuples, lists and dicts."""
    found: list = []
    tree_map(found.append, tree)
    return found


def find_generator(tree):
    return next(leaf.generator for leaf in leaves(tree) if isinstance(leaf, ShakenArray))


class ShakenTorch(TorchDispatchMode):
    """Inside this context every arithmetic result of torch is moved likewise, autograd's backward pass included.

    Views and in-place results share memory with an operand and are left alone.
    """

    def __init__(self, seed):
        super().__init__()
        self.seed, self.generators = seed, {}

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        results = operator(*args, **(kwargs or {}))
        if any(returned.alias_info is not None for returned in operator._schema.returns):
            return results
        return tree_map(self.move, results)

    def move(self, tensor):
        if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
            return tensor
        direction = torch.randint(-1, 2, tensor.shape, generator=self.generator(tensor.device), device=tensor.device)
        direction = torch.where(tensor == 0, direction.abs(), direction)
        direction = torch.where(tensor.abs() == 1, -tensor.sign() * direction.abs(), direction)
        size = tensor.abs()
        spacing = torch.nextafter(size, torch.full_like(size, torch.inf)) - size
        return torch.where(tensor.isfinite(), tensor + direction * spacing, tensor)

    def generator(self, device):
        if device not in self.generators:
            self.generators[device] = torch.Generator(device).manual_seed(self.seed)
        return self.generators[device]
