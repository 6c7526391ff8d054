"""A term of a sum that lacks a factor or a part of itself, and what a loop carries back without its factor."""

import numpy as np

from parity.diagnosis.changes.change import Change, Edit, Named
from parity.diagnosis.changes.factors import fits, is_float
from parity.tape.operations import as_number

SUMS = ("add", "subtract")
TOTALS = ("V.sum(axis=-1, keepdims=True)", "V")


def factors_of_terms(survey, place):
    """The Changes of a sum that multiply one of its terms by a value of the same shape that can be named there."""
    for k, term in enumerate(place.operands if place.name in SUMS else ()):
        if is_float(term) and term.ndim and in_backward(survey, place):
            for text, turns in place.distinct:
                if is_float(turns[0]) and turns[0].shape == term.shape and not np.array_equal(turns[0], term):
                    edit = Edit(place.site, "E * V", k, {"V": Named(text)})
                    yield Change("times", 3.3, (edit,), {"value": turns[0]})


def upstream_of_terms(survey, place):
    """The Changes of a sum that multiply a term which no upstream gradient is in by one, or by its sum in each row."""
    for k, term in enumerate(place.operands if place.name in SUMS else ()):
        if not (is_float(term) and term.ndim and in_backward(survey, place)) or upstream_in(survey, place, k):
            continue
        for text, turns in place.distinct:
            if any(np.array_equal(turns[0], g) for g in survey.trial.upstream):
                for total in TOTALS if fits(turns[0], term) else ():
                    yield Change("upstream", 3.1, (Edit(place.site, f"E * {total}", k, {"V": Named(text)}),))


def carried_factors(survey, place):
    """The Changes that multiply what one turn of a loop hands on to the next by a value that can be named there."""
    if not (place.loops and is_float(place.result) and in_backward(survey, place)) or not is_carried(survey, place):
        return
    for text, turns in place.distinct:
        if is_float(turns[0]) and turns[0].shape == place.result.shape and not np.array_equal(turns[0], place.result):
            yield Change("times", 3.2, (Edit(place.site, "E * V", None, {"V": Named(text)}),), {"value": turns[0]})


def parts_added(survey, place):
    """The Changes that add the first or the last columns of a wider value that can be named there."""
    result = place.result
    if not is_float(result) or np.ndim(result) < 2 or place.loops or not in_backward(survey, place):
        return
    like = next((text for text, turns in place.distinct if np.shape(turns[0]) == result.shape), None)
    for text, turns in place.distinct if like is not None else ():
        shape = np.shape(turns[0])
        if is_float(turns[0]) and shape[:-1] == result.shape[:-1] and shape[-1] > result.shape[-1]:
            values = {"V": Named(text), "W": Named(f"{like}.shape[-1]")}
            for part in ("V[..., :W]", "V[..., -W:]"):
                edit = Edit(place.site, f"E + {part}", None, values)
                yield Change("part", 3.7, (edit,))


def counts_of_rows(survey, place):
    """The Changes of a sum that put how many entries of each row are positive for a number that is the same for all.

    So it is where one value of a row went into all of its entries, and a mask let some of them through.
    """
    for k, term in enumerate(place.operands if place.name in SUMS and in_backward(survey, place) else ()):
        if as_number(term) is None or np.ndim(place.result) != 1:
            continue
        for text, (value, *_) in place.distinct:
            if np.ndim(value) == 2 and len(value) == len(place.result) and np.any(value == 0) and np.any(value > 0):
                edit = Edit(place.site, "(V > 0).sum(axis=1)", k, {"V": Named(text)})
                yield Change("count of rows", 3.4, (edit,))


def in_backward(survey, place):
    return place.event.phase == "backward" or survey.trial.hand.joint


def is_carried(survey, place):
    """Whether an operation of the next turn takes what this place gives in the first."""
    first, second = place.events[:2]
    later = (event for event in survey.tape.events[first.index + 1 : second.index] if event.occurrence)
    return any(np.array_equal(operand, first.result) for event in later for operand in event.operands)


def upstream_in(survey, place, k):
    """Whether an operand depends on an upstream gradient."""
    open_, seen = [place.event.origins[k]], set()
    while open_:
        one = open_.pop()
        if isinstance(one, list | tuple) and not (len(one) == 2 and one[0] == "upstream"):
            open_ += one
        elif isinstance(one, tuple):
            return True
        elif type(one) is int and one not in seen:
            seen.add(one)
            open_ += survey.tape.events[one].origins
    return False
