"""Derivatives of what the forward pass computed, put where one is missing or where another factor stands."""

import numpy as np

from parity.diagnosis.changes.change import Change, Edit
from parity.diagnosis.changes.derivatives import factors_at
from parity.diagnosis.editing.writing import filled

PRODUCTS = ("multiply", "divide")


def derivatives(survey, place):
    """The Changes that multiply the result of a place by a derivative, or divide by one."""
    if is_float(place.result):
        for factor in factors_at(survey, place):
            if fits(factor.array, place.result):
                values = {"V": factor.value}
                yield by(factor, "derivative", 2.0, Edit(place.site, times("E", factor), None, values))
                if not factor.pair.function.flat:
                    yield by(factor, "derivative out", 2.2, Edit(place.site, over("E", factor), None, values))


def replacements(survey, place):
    """The Changes of a place that put a derivative in a factor's place, or in that of all factors but one."""
    if not is_float(place.result):
        return
    for factor in factors_at(survey, place):
        if not fits(factor.array, place.result):
            continue
        values = {"V": factor.value}
        if place.name == "multiply":
            for k in (0, 1):
                yield by(factor, "derivative for", 3.0, Edit(place.site, factor.expression, k, values))
        if place.name == "divide":
            yield by(factor, "derivative for", 3.1, Edit(place.site, times("A", factor), None, values))
        if np.shape(factor.array) == np.shape(place.result):
            yield by(factor, "derivative instead", 2.9, Edit(place.site, factor.expression, None, values))
        for path, leaf in chains(survey, place):
            if len(path) > 1 and fits(factor.array, leaf):
                *drops, last = [Edit(site, "AB"[k]) for site, k in path]
                yield by(
                    factor, "derivative for", 3.2, *drops, Edit(last.site, times(last.template, factor), None, values)
                )


def kept_factors(survey, place):
    """The Changes that keep one factor of a product of three or more."""
    for path, _ in chains(survey, place):
        if len(path) > 1:
            yield Change("drop", 1.5, tuple(Edit(site, "AB"[k]) for site, k in path))


def by(factor, kind, rank, *edits):
    return Change(kind, rank, edits, {"pair": factor.pair, "factor": factor})


def chains(survey, place):
    """Pairs ([(site, operand)] from the innermost product to this place's, the factor there) within one statement."""
    if place.name not in PRODUCTS:
        return
    for k in (0, 1) if place.name == "multiply" else (0,):
        origin = place.event.origins[k]
        inner = survey.tape.events[origin] if isinstance(origin, int) else None
        below = survey.place_of(inner.site) if inner is not None and inner.site.line == place.site.line else None
        if below is not None and below.name in PRODUCTS:
            yield from (([*path, (place.site, k)], leaf) for path, leaf in chains(survey, below))
        yield [(place.site, k)], place.operands[k]


def times(what, factor):
    """A template that multiplies by the derivative."""
    return filled(f"{what} * D", {what: what, "D": factor.expression})


def over(what, factor):
    """A template that divides by the derivative."""
    return filled(f"{what} / D", {what: what, "D": factor.expression})


def is_float(value):
    return isinstance(value, np.ndarray | np.floating) and value.dtype.kind == "f"


def fits(factor, array):
    """Whether a factor can be broadcast to an array."""
    try:
        return np.broadcast_shapes(np.shape(factor), np.shape(array)) == np.shape(array)
    except ValueError:
        return False
