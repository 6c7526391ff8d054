"""The derivatives that can be written at a place, of what the forward pass computed."""

from dataclasses import dataclass

import numpy as np

from parity.diagnosis.changes.change import Given, Named, Recorded
from parity.diagnosis.repairs.pairs import Operand, Pair
from parity.tape.sites import Site


@dataclass(frozen=True, eq=False)
class Factor:
    """A derivative that can be written at a place: an expression in V, and what V stands for there.

    array: V in the first turn, which has the derivative's shape.
    """

    pair: Pair
    expression: str
    value: Named | Recorded | Given
    array: np.ndarray


def factors_at(survey, place):
    """The Factors at a place: in what can be named there; else in what was recorded."""
    named = [(text, turns, [np.asarray(v).tobytes() for v in turns]) for text, turns in place.distinct]
    for pair in survey.pairs.found:
        yield from named_factors(pair, named) or recorded_factors(survey.pairs, pair, place)


def named_factors(pair, named):
    """With every name that is an argument or a value of the function: layers of one class share its place."""
    found = []
    for of in "az":
        if expression := pair.derivative(of):
            for text, turns, data in named:
                if all(one in getattr(pair, of) for one in data):
                    found.append(Factor(pair, expression, Named(text), turns[0]))
    return found


def recorded_factors(pairs, pair, place):
    """With a value that no name reaches: of the same turn, or counted from the last one."""
    if expression := pair.derivative("a"):
        source = pair.site
    elif isinstance(pair.source, Operand):
        return []
    else:
        expression, source = pair.derivative("z"), pair.source
    arrays = pairs.turns(source)
    if not isinstance(source, Site):
        return [Factor(pair, expression, Given(source), arrays[0])]
    if len(arrays) not in (1, len(place.events)):
        return []
    orders = (False, True) if len(arrays) > 1 else (False,)
    return [Factor(pair, expression, Recorded(source, order), arrays[-order]) for order in orders]
