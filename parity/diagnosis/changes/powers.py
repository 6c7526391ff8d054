"""Another exponent: of a derivative by a root or a quotient people write that of the function itself."""

from parity.diagnosis.changes.change import Change, Edit
from parity.tape.operations import as_number

EXPONENTS = {"square": 2.0, "sqrt": 0.5, "reciprocal": -1.0}  # what NumPy makes of some powers
RANK = 1.7


def exponents(survey, place):
    """The Changes of a power that raise to another one: one or a half more or less, twice as much, the inverse."""
    exponent = EXPONENTS.get(place.name)
    if place.name == "power":
        exponent = as_number(place.operands[1])
    if exponent is None:
        return
    others = (exponent - 1, exponent + 1, -exponent, exponent - 0.5, exponent + 0.5, 2 * exponent)
    for other in dict.fromkeys(others):
        if other not in (0, exponent):
            yield Change("exponent", RANK, (Edit(place.site, f"A ** {other:g}"),), {"function": "the power"})
