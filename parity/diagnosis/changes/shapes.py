"""Entries in the wrong places or the wrong number: sums that were left out, shapes, orders of axes and of parts."""

import math
from itertools import chain, combinations, permutations

import numpy as np

from parity.diagnosis.changes.change import Change, Edit, Named
from parity.diagnosis.changes.rewrites import LONGEST, one

JOINING = ("concatenate", "stack", "hstack", "vstack", "column_stack", "dstack")


def shapings(survey, place):
    """The Changes of a place that sum over axes that were left, take the shape of another array, or reorder."""
    result = place.result
    if not isinstance(result, np.ndarray) or result.dtype.kind != "f":
        return
    if place.name == "getitem" and isinstance(place.operands[1], int | np.integer):
        yield one(place, "A.sum(axis=0)", "rows", 1.0, axis=0)
    for shape in misshapen(survey, result.shape):
        yield from (one(place, template, "sum", 1.2, axis=axis) for template, axis in sums(result.shape, shape))
        if math.prod(shape) == result.size:
            yield from reshapings(place, shape)
    if place.name == "transpose" and 2 < result.ndim <= LONGEST:
        yield from (one(place, f"A.transpose{order}", "order", 1.2) for order in permutations(range(result.ndim)))
    elif result.ndim == 3:
        yield from (one(place, f"E.transpose{order}", "order", 1.5) for order in list(permutations(range(3)))[1:])
    if place.name == "reshape" and result.ndim > 2 and np.ndim(place.operands[0]) > 2:
        for turned in ("np.moveaxis(E, 1, -1)", "np.moveaxis(E, -1, 1)"):  # channels last, or back
            yield Change("order", 1.6, (Edit(place.site, turned, 0),))
    if place.name in JOINING and isinstance(place.operands[0], list | tuple) and len(place.operands[0]) <= LONGEST:
        for order in list(permutations(range(len(place.operands[0]))))[1:]:
            template = f"[{', '.join(f'E{i}' for i in order)}]"
            yield Change("order", 1.0 + 0.01 * moved(order), (Edit(place.site, template, 0),))


def reshapings(place, shape):
    """The Changes that give the result the shape of an array in reach, or a shape that has a name."""
    for text, turns in place.reachable.items():
        for template, found in (("E.reshape(V)", lambda v: v), ("E.reshape(V.shape)", np.shape)):
            if all(isinstance(found(v), tuple) and found(v) == shape for v in turns):
                yield Change("shape", 1.5, (Edit(place.site, template, None, {"V": Named(text)}),))
                return


def moved(order):
    return sum(i != number for i, number in enumerate(order))


def misshapen(survey, shape):
    """The right shapes of those wrong results that have this shape instead."""
    given = [key for key in sorted(survey.wrong) if key in survey.results]
    right = [np.shape(survey.trial.truth[key]) for key in given if np.shape(survey.results[key]) == shape]
    return [wanted for wanted in dict.fromkeys(right) if wanted != shape]


def sums(shape, wanted):
    """Pairs (template, axes) of the sums that turn one shape into another."""
    if len(shape) > LONGEST:
        return
    for axes in chain.from_iterable(combinations(range(len(shape)), n) for n in range(1, len(shape) + 1)):
        rest = tuple(length for i, length in enumerate(shape) if i not in axes)
        kept = tuple(1 if i in axes else length for i, length in enumerate(shape))
        axis = axes[0] if len(axes) == 1 else axes
        if rest == wanted:
            yield f"E.sum(axis={axis})", axis
        elif kept == wanted:
            yield f"E.sum(axis={axis}, keepdims=True)", axis
