"""What a function is handed, changed wherever it uses it: without a `dz = …` it is `dy` that is wrong, everywhere."""

import dis
import functools

from parity.diagnosis.changes.change import Change, Edit, Named
from parity.diagnosis.changes.derivatives import factors_at
from parity.diagnosis.changes.factors import fits, times
from parity.diagnosis.changes.scales import fitted

FARTHER = 0.6  # rank: a change of one expression is simpler than one of every use


def argument_changes(survey):
    """The Changes that multiply an argument of a function by a factor or a derivative at all its uses."""
    for uses in arguments(survey).values():
        edits = tuple(Edit(place.site, "E * S", k) for place, k in uses)
        yield from (further(change) for change in fitted(survey, edits))
        for factor in shared_factors(survey, uses):
            values = {"V": factor.value}
            edits = tuple(Edit(place.site, times("E", factor), k, values) for place, k in uses)
            yield Change("derivative", 2.0 + FARTHER, edits, {"pair": factor.pair, "factor": factor})


def further(change):
    return Change(change.kind, change.rank + FARTHER, change.edits, change.note)


def arguments(survey):
    """{(code, name): [(place, operand, None for what is only passed on)]} of the arguments that are used at places."""
    found: dict = {}
    for place in survey.places:
        for k, name in enumerate(place.event.names):
            if name in kept_arguments(place.site.code) and hasattr(place.operands[k], "dtype"):
                operand = None if place.name == "read" else k
                found.setdefault((place.site.code, name), []).append((place, operand))
    return found


@functools.cache
def kept_arguments(code):
    """The names of a function's arguments that it never assigns anew, without the first of a method."""
    assigned = {one.argval for one in dis.get_instructions(code) if one.opname.startswith("STORE_")}
    return frozenset(code.co_varnames[: code.co_argcount]) - assigned - {"self"}


def shared_factors(survey, uses):
    """The Factors that can be named alike at every use."""
    first, *rest = [list(factors_at(survey, place)) for place, _ in uses]
    for factor in first:
        everywhere = all(any((f.pair, f.value) == (factor.pair, factor.value) for f in factors) for factors in rest)
        place, k = uses[0]
        array = place.result if k is None else place.operands[k]
        if isinstance(factor.value, Named) and everywhere and fits(factor.array, array):
            yield factor
