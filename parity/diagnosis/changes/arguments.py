"""What a function is handed, changed wherever it uses it: without a `dz = …` it is `dy` that is wrong, everywhere.

The same goes for a variable that is no more than another name for such an argument.
"""

import dis
import functools
from collections import Counter

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
        code = place.site.code
        for k, name in enumerate(place.event.names):
            if name in settled_names(code) and hasattr(place.operands[k], "dtype") and not own(survey, place, k):
                found.setdefault((code, name), []).append((place, None if place.name == "read" else k))
    return found


@functools.cache
def settled_names(code):
    """The names of a function's arguments that it never assigns anew, and of the variables that it assigns once."""
    stores = Counter(one.argval for one in dis.get_instructions(code) if one.opname.startswith("STORE_"))
    arguments = code.co_varnames[: code.co_argcount]
    return frozenset(name for name in code.co_varnames if stores[name] == (name not in arguments)) - {"self"}


def own(survey, place, k):
    """Whether an operand was computed in the same function: then the operation itself can be changed."""
    origin = place.event.origins[k]
    return type(origin) is int and survey.tape.events[origin].site.code is place.site.code


def shared_factors(survey, uses):
    """The Factors that can be named alike at every use."""
    first, *rest = [list(factors_at(survey, place)) for place, _ in uses]
    for factor in first:
        everywhere = all(any((f.pair, f.value) == (factor.pair, factor.value) for f in factors) for factors in rest)
        place, k = uses[0]
        array = place.result if k is None else place.operands[k]
        if isinstance(factor.value, Named) and everywhere and fits(factor.array, array):
            yield factor
