"""Another value in a value's place: one that the same line can reach by name, or an array of the run."""

import numpy as np

from parity.diagnosis.changes.change import Change, Edit, Given, Named
from parity.diagnosis.changes.rewrites import COMPARISONS
from parity.diagnosis.repairs.place import bytes_of

FILLED = ("ones", "ones_like", "full", "full_like", "zeros_like", "zeros")
NUMERIC = ("add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "where", *COMPARISONS)
KEPT = ("read", *FILLED)  # what has no operand worth changing: the value itself is exchanged

COMBINED = ((3.5, "E + V", "add"), (3.6, "E - V", "add"), (3.2, "E * V", "times"), (3.4, "E / V", "over"))


def exchanges(survey, place):
    """The Changes of a place that put another value of the same shape for an operand, or for what is passed on."""
    if place.name in KEPT:
        for text, turns in others(place, [event.result for event in place.events]):
            yield Change("exchange", 2.5, (Edit(place.site, "V", None, {"V": Named(text)}),), {"value": turns[0]})
        return
    for k, operand in enumerate(place.operands):
        if place.name in NUMERIC and type(operand) in (int, float):
            yield from number_exchanges(place, k, operand)
        if not exchangeable(operand):
            continue
        for text, turns in others(place, [event.operands[k] for event in place.events]):
            note = {"value": turns[0]}
            yield Change("exchange", 2.5, (Edit(place.site, "V", k, {"V": Named(text)}),), note)
            yield from together(survey, place, k, text, turns)
        for name, array in survey.trial.arrays.items():
            if (
                array.shape == operand.shape
                and not np.array_equal(array, operand)
                and name in survey.trial.hand.parameters
            ):
                edit = Edit(place.site, "V", k, {"V": Given(name)})
                yield Change("original", 2.7, (edit,), {"value": array, "given": name})


def number_exchanges(place, k, operand):
    """The Changes that put a number which has a name for one that is written out."""
    seen = [operand]
    for text, (value, *_) in place.reachable.items():
        if np.ndim(value) == 0 and value not in seen:
            seen.append(value)
            yield Change("exchange", 2.4, (Edit(place.site, "V", k, {"V": Named(text)}),), {"value": value})


def exchangeable(operand):
    return isinstance(operand, np.ndarray) and operand.dtype.kind in "fb" and operand.size > 0


def others(place, turns):
    """Pairs (expression, its values) in reach that have the shape of some values and are not always equal to them."""
    same = tuple(map(bytes_of, turns[: len(place.scopes)]))
    for text, values in place.distinct:
        if np.shape(values[0]) == np.shape(turns[0]) and tuple(map(bytes_of, values)) != same:
            yield text, values


def together(survey, place, k, text, turns):
    """The same exchange wherever a statement uses that value, where it does so more than once."""
    places = survey.statement(place)
    edits = tuple(
        Edit(other.site, "V", i, {"V": Named(text)})
        for other in places
        for i, operand in enumerate(other.operands)
        if np.array_equal(operand, place.operands[k]) and exchangeable(operand) and text in other.named
    )
    if len(edits) > 1 and edits[0].site is place.site and edits[0].operand == k:
        yield Change("exchange", 2.6, edits, {"value": turns[0]})


def additions(survey, place):
    """The Changes of a place that add a value that can be named there, or take it away, or multiply by it."""
    result = np.asarray(place.result) if place.result is not None else np.zeros(0)
    kept = place.event.phase == "forward" and not survey.trial.hand.joint  # for backward: a value, and no gradient
    if result.dtype.kind != "f" or place.name in FILLED or kept:
        return
    yield from one_hots(place, result, None)
    for text, turns in place.distinct:
        values, note = {"V": Named(text)}, {"value": turns[0]}
        for rank, template, kind in COMBINED if fits(turns[0], result) else ():
            yield Change(kind, rank, (Edit(place.site, template, None, values),), note)
    for k, operand in enumerate(place.operands if place.name in ("multiply", "divide") else ()):
        yield from one_hots(place, operand, k)


def one_hots(place, value, k):
    """The Changes that take away the one-hot rows of class labels that can be named there."""
    if np.ndim(value) != 2:
        return
    like = [text for text, turns in place.named.items() if np.shape(turns[0]) == np.shape(value)]
    for text, (labels, *_) in place.named.items() if like else ():
        if (
            np.asarray(labels).dtype.kind in "iu"
            and np.shape(labels) == value.shape[:1]
            and labels.max() < value.shape[1]
        ):
            edit = Edit(place.site, "E - np.eye(W.shape[1])[V]", k, {"V": Named(text), "W": Named(like[0])})
            yield Change("one-hot", 2.8, (edit,), {"value": labels})


def fits(value, array):
    """Whether a value that is not the same everywhere can be broadcast to an array."""
    if np.size(value) == 0 or np.ndim(value) > np.ndim(array):
        return False
    try:
        return np.broadcast_shapes(np.shape(value), np.shape(array)) == np.shape(array)
    except ValueError:
        return False
