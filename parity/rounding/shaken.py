"""Shaken arithmetic: every arithmetic result is moved by −1, 0 or +1 unit in the last place, at random.

Running a computation again under it shows, entry by entry, what rounding explains (discrete stochastic arithmetic,
CESTAC; J. Vignes, 1993). Half a unit would be rounded away. A move never leaves ±1, the edges of domains, outwards: a
probability of 1 stays one. A 0 is moved only where it stands for a number too small to be held (a product or a power
of numbers other than 0); the 0 of a mask, of ReLU or of padding is exact, and moving it would open what is closed.
"""

import functools
import math

import numpy as np
from numpy import asarray  # NumPy's own, also where np.asarray is followed
from numpy._core.umath import clip  # type: ignore[attr-defined]  # the ufunc below np.clip and array.clip

from parity.analytic import Analytic, apart, continued_function
from parity.nests import leaves, mapped

STOCK = 1 << 12  # directions that are drawn at a time
LARGE = 1 << 14  # from so many entries on, moving costs more than the computation unless it is one product


class Directions:
    """Random −1, 0 and 1, dealt from a shuffled stock: most arrays are small, and drawing for each costs more.

    always: without the 0. Of many entries some would happen never to be moved in a few runs.
    """

    def __init__(self, seed, always=False):
        self.generator, self.always = np.random.default_rng(seed), always
        self.stock, self.dealt = self.draw(STOCK), 0

    def draw(self, count):
        if self.always:
            return 2.0 * self.generator.integers(0, 2, count, np.int8) - 1.0
        return self.generator.integers(-1, 2, count, np.int8).astype(float)

    def take(self, shape):
        """An array of that shape, to be read only."""
        count = math.prod(shape)
        if count > self.stock.size:
            return self.draw(count).reshape(shape)
        if self.dealt + count > self.stock.size:
            self.stock, self.dealt = self.draw(self.stock.size), 0
        self.dealt += count
        return self.stock[self.dealt - count : self.dealt].reshape(shape)


class ShakenArray(Analytic):
    """An array whose every arithmetic result is moved; made by `shaken`, it hands its generator on to all results.

    directions: None where a class of NumPy's, a masked array say, made a view that nothing is known of: plain then.
    """

    directions: Directions | None = None

    def __array_finalize__(self, source):
        self.directions = getattr(source, "directions", None)

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        if out is None and not options and (function := apart(ufunc, method, inputs)):
            return function(*inputs)
        directions = directions_of((*inputs, *(out or ())))
        options = {name: plain(option) for name, option in options.items()}
        if out is not None:
            options["out"] = tuple(plain(place) for place in out)
        operands = [plain(operand) for operand in inputs]
        if directions is None:
            return getattr(ufunc, method)(*operands, **options)
        results = in_another_order(ufunc, method, operands, options, directions.generator)
        if out is not None:
            for place in options["out"]:
                if ufunc not in EXACT and place is not None:
                    place[...] = moved(place, directions)
            return out[0] if len(out) == 1 else out
        if isinstance(results, tuple):
            return tuple(shaken(result, directions, own=True) for result in results)
        if ufunc in EXACT:
            return with_directions(results, directions) if isinstance(results, np.ndarray | np.floating) else results
        factors = operands if method == "__call__" and ufunc in UNDERFLOWING else None
        return shaken(results, directions, factors, own=True)

    def __array_function__(self, function, types, args, kwargs):
        if stand_in := continued_function(function, args):
            return stand_in(*args, **kwargs)
        if function in MADE_OF_UFUNCS:
            return super().__array_function__(function, types, args, kwargs)
        directions = directions_of(leaves((args, kwargs)))
        args, kwargs = mapped(plain, args), mapped(plain, kwargs)
        if directions is None:
            return function(*args, **kwargs)
        if function is np.dot and all(np.ndim(operand) in (1, 2) for operand in args[:2]) and not kwargs:
            product = in_another_order(np.matmul, "__call__", args, {}, directions.generator)
            return shaken(product, directions, own=True)
        if (out := kwargs.get("out")) is not None:
            function(*args, **kwargs)
            out[...] = moved(out, directions)
            return with_directions(out, directions)
        arrays = [leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, np.ndarray)]

        def wrap(result):
            if not isinstance(result, np.ndarray | np.generic):
                return result
            if function in MOVERS or any(np.may_share_memory(result, array) for array in arrays):  # nothing computed
                return with_directions(result, directions)
            return shaken(result, directions)

        return mapped(wrap, function(*args, **kwargs))

    def dot(self, other, out=None):
        return np.dot(self, other) if out is None else np.dot(self, other, out=out)


UNDERFLOWING = {np.multiply, np.divide, np.exp, np.exp2, np.power, np.square, np.reciprocal}
MADE_OF_UFUNCS = {np.sum, np.mean, np.var, np.std, np.max, np.min, np.amax, np.amin, np.clip}  # step by step, then
EXACT = {np.maximum, np.minimum, np.fmax, np.fmin, np.absolute, np.fabs, np.negative, np.positive, np.sign}
EXACT |= {
    clip,
    np.conjugate,
    np.copysign,
    np.floor,
    np.ceil,
    np.rint,
    np.trunc,
}  # nothing is rounded, so nothing is moved
MOVERS = {np.where, np.take, np.take_along_axis, np.concatenate, np.stack, np.vstack, np.hstack, np.column_stack}
MOVERS |= {np.sort, np.repeat, np.tile, np.roll, np.flip, np.pad, np.copy, np.append, np.tril, np.triu, np.diag}
MOVERS |= {np.partition, np.nanmax, np.nanmin, np.zeros_like, np.ones_like, np.empty_like, np.full_like}


def in_another_order(ufunc, method, operands, options, generator):
    """The result of a ufunc's method; a sum or a product of matrices with its terms in another, random order.

    One call rounds once a term, where no move of its result reaches; in another order it rounds otherwise. A large one
    is cut in two at a random place, which copies nothing.
    """
    if is_product(ufunc, options):
        a, b = map(asarray, operands)
        if a.size + b.size > LARGE and a.shape[-1] > 1 and options.get("out") is None and min(a.ndim, b.ndim) > 1:
            cut = int(generator.integers(1, a.shape[-1]))
            found = ufunc(a[..., :cut], b[..., :cut, :], **options)
            found += ufunc(a[..., cut:], b[..., cut:, :], **options)
            return found
        return ufunc(*permuted(a, b, generator), **options)
    if ufunc is np.add and method == "reduce" and options.get("where", True) is True and np.ndim(operands[0]):
        terms, axis = asarray(operands[0]), options.get("axis", 0)
        axes = range(terms.ndim) if axis is None else np.atleast_1d(axis)
        if terms.size > LARGE and not {"out", "initial"} & options.keys() and len(axes) and terms.shape[axes[0]] > 1:
            first, second = np.split(terms, [int(generator.integers(1, terms.shape[axes[0]]))], axes[0])
            return ufunc.reduce(first, **options) + ufunc.reduce(second, **options)
        for one in axes:
            terms = np.take(terms, generator.permutation(terms.shape[one]), one)
        return ufunc.reduce(terms, **options)
    return getattr(ufunc, method)(*operands, **options)


def is_product(ufunc, options):
    return ufunc is np.matmul and not {"axes", "axis"} & options.keys()


def permuted(a, b, generator):
    """The operands of a product of matrices with the terms of its sums in a random order."""
    order = generator.permutation(a.shape[-1])
    return a[..., order], b[order] if b.ndim == 1 else b[..., order, :]


def shaken(array, directions, factors=None, own=False):
    """A float array moved at random, as a ShakenArray; integers, booleans and everything else as they are."""
    if not isinstance(array, np.ndarray | np.generic) or array.dtype.kind not in "fc":
        return array
    return with_directions(moved(asarray(array), directions, factors, own), directions)


def moved(array, directions, factors=None, own=False):
    """Each entry of a plain float array moved by −1, 0 or +1 unit in the last place; real and imaginary part alike.

    factors: where array is a product or a power of these, its zeros may be underflows and are then moved up.
    own: array is nobody else's; a large one may then be moved where it is.
    """
    if array.dtype.kind == "c":
        parts = np.ascontiguousarray(array).reshape(-1).view(array.real.dtype)
        return moved(parts, directions, own=own).view(array.dtype).reshape(array.shape)
    if array.dtype.kind != "f":
        return array
    if array.size > LARGE and (factors is None or array.all()):
        return shrunk(array, directions, own)
    direction, size = directions.take(array.shape), np.abs(array)
    if np.count_nonzero(np.sqrt(size) == size):  # 0, ±1, infinities and little else
        inwards = np.where(size == 1, -np.abs(direction), (size != 0) * direction)
        direction = inwards if factors is None else inwards + np.abs(direction) * underflows(array, factors)
    finite = np.isfinite(array)
    if np.count_nonzero(finite) == finite.size:
        spacing = np.spacing(array)
    else:
        spacing = np.where(finite, np.spacing(np.where(finite, array, 0)), 0)
    return asarray(array + direction * spacing, array.dtype)


def shrunk(array, directions, own):
    """A large array moved by 0, 1 or 2 units towards 0: one product, no edges to mind."""
    factors, flat = shrinking(array.dtype), array.reshape(-1)
    found, start = flat if own else np.empty_like(flat), int(directions.generator.integers(factors.size))
    for low in range(0, flat.size, factors.size):
        part, place = flat[low : low + factors.size], found[low : low + factors.size]
        head = min(part.size, factors.size - start)
        np.multiply(part[:head], factors[start : start + head], out=place[:head])
        np.multiply(part[head:], factors[: part.size - head], out=place[head:])
    return found.reshape(array.shape)


@functools.cache
def shrinking(dtype):
    """A stock of factors 1, 1 − ε and 1 − 2ε in random order, to be read from a random place on."""
    steps = np.random.default_rng(0).integers(0, 3, 1 << 20)
    return (1 - steps * np.finfo(dtype).eps / 2).astype(dtype)


def underflows(array, factors):
    """Where a 0 is the product or power of numbers other than 0."""
    return functools.reduce(np.logical_and, (np.not_equal(factor, 0) for factor in factors), array == 0)


def directions_of(values):
    return next((v.directions for v in values if isinstance(v, ShakenArray) and v.directions is not None), None)


def with_directions(array, directions):
    view = asarray(array).view(ShakenArray)
    view.directions = directions
    return view


def plain(value):
    """A ShakenArray as the ndarray below it, sharing memory; anything else as it is."""
    return value.view(np.ndarray) if isinstance(value, ShakenArray) else value
