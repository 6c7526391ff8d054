"""Arrays that hand their tape on to everything computed from them, and tell it of every operation."""

from typing import Any

import numpy as np
from numpy import array as new_array  # NumPy's own, also where np.array is followed
from numpy import asarray

from parity.nests import leaves, mapped
from parity.tape.operations import METHODS, canonical


class TapedArray(np.ndarray):
    """An array whose operations are noted on its tape; origin: the index of the event that made it, or a name."""

    tape: Any = None
    origin: Any = None

    def __array_finalize__(self, source):
        if type(source) is TapedArray:
            self.tape, self.origin = source.tape, source.origin

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        for one in (*inputs, *(out or ()), options.get("where")):
            if type(one) is TapedArray:
                tape = one.tape
                break
        place = None if out is None or len(out) > 1 else out[0]
        if isinstance(place, TapedArray) and place.ndim == 0:
            place = None  # a number: `s += 1` binds s anew, as it does without a tape
        if method == "at":
            place = inputs[0]

        def compute(operands, options):
            return getattr(ufunc, method)(*operands, **options)

        return tape.do(canonical(ufunc, method), inputs, options, compute, place)

    def __array_function__(self, function, types, args, kwargs):
        tape = next(leaf.tape for leaf in leaves((args, kwargs)) if isinstance(leaf, TapedArray))
        place = kwargs.pop("out", None)

        def compute(operands, options):
            return function(*operands, **options)

        return tape.do(function.__name__, args, kwargs, compute, place)

    def __getitem__(self, key):
        if isinstance(key, str):
            return super().__getitem__(key)
        return self.tape.do("getitem", (self, key), {}, lambda operands, _: operands[0][operands[1]])

    def __setitem__(self, key, value):
        def compute(operands, _):
            operands[0][operands[1]] = operands[2]

        self.tape.do("setitem", (self, key, value), {}, compute, self)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    @property
    def T(self):
        return self.tape.do("transpose", (self,), {}, lambda operands, _: operands[0].T)


def method(name):
    """The method of that name, noted as one operation."""

    def noted(self, *args, **options):
        def compute(operands, options):
            return getattr(operands[0], name)(*operands[1:], **options)

        place = options.pop("out", None)
        return self.tape.do(METHODS[name], (self, *args), options, compute, place)

    noted.__name__ = name
    return noted


for _name in METHODS:
    setattr(TapedArray, _name, method(_name))


def taped(array, tape, origin):
    """An array, or a float number, as a TapedArray; everything else, integers among it, as it is."""
    if not isinstance(array, np.ndarray) and not (isinstance(array, np.generic) and array.dtype.kind in "fc"):
        return array
    view = asarray(array).view(TapedArray)
    view.tape, view.origin = tape, origin
    return view


def bare(operands):
    """The operands of an operation, plain."""
    return tuple(
        [
            one.view(np.ndarray) if type(one) is TapedArray else mapped(plain, one) if type(one) in NESTS else one
            for one in operands
        ]
    )


def plain(value):
    """A TapedArray as the ndarray below it, sharing memory; anything else as it is."""
    return value.view(np.ndarray) if isinstance(value, TapedArray) else value


def copied(value):
    """A plain array as it is now, whatever is written to it later."""
    return new_array(value) if isinstance(value, np.ndarray) else value


NESTS = (tuple, list, dict)


def origin_of(operand):
    """Where an operand comes from; for a list or tuple of arrays, where each does."""
    if isinstance(operand, list | tuple):
        origins = tuple([origin_of(item) for item in operand])
        return origins if any(origin is not None for origin in origins) else None
    return operand.origin if isinstance(operand, TapedArray) else None
