"""Statistics of a normalisation in two conventions: n − 1 for n on the way to a gradient, ε in another place.

That a statistic is taken as a constant shows when its path through the forward is cut (parity.diagnosis.cuts).
"""

from itertools import product

import numpy as np

from parity.diagnosis.origins import is_floats, scales
from parity.diagnosis.places import Value, claims
from parity.diagnosis.sizes import number_under
from parity.diagnosis.structure_factors import POWERS

SMALL = 1.0  # an ε is less than this
ROOTS = ("sqrt", "std", "norm")


def bessel_on_the_way(e, keys):
    """A value of backward is (n/(n−1))ᵖ times what it should be; the forward scales by a statistic over n entries."""
    sites = {n: site for site in scales(e) if (n := number_under(e, site)) is not None and n > 2}
    for (n, site), power in product(sites.items(), POWERS):

        def without(v, _, other, site=site, power=power):
            n = number_under(other, site)
            return v * (n / (n - 1)) ** power

        text = f"{{by}}: right once multiplied by (n / (n − 1))^{power:g} here, n = {n:g} at {site}: n − 1 for n"
        yield from claims(e, keys, without, "variance-convention", text)


def epsilon_elsewhere(e, keys):
    """A value of backward has √v + ε, or √v, where the forward has √(v + ε), to some power; or the other way round."""
    for event, slot in epsilons(e):
        value = Value(event.site, event.phase, slot, 0)
        epsilon = float(event.operands[1 - slot])
        for (code, what, quotient), power in product(CONVENTIONS[rooted(e, event, slot)], (1, -1, 2, -2, 3, -3)):

            def moved(v, lookup, _, value=value, quotient=quotient, power=power, epsilon=epsilon):
                factor = quotient(lookup(value), epsilon) ** power
                return v * factor if spread(factor.shape, v.shape) else v

            text = f"{{by}}: {what}, ε = {epsilon:g} of {event.site}"
            yield from claims(e, keys, moved, code, text)


# by whether the forward adds ε to a root: what the two sides have, and the quotient of both
CONVENTIONS = {
    False: (
        ("variance-convention", "√v + ε in backward for √(v + ε)", lambda v, ε: (np.sqrt(v) + ε) / np.sqrt(v + ε)),
        ("clip-mismatch", "ε is missing in backward", lambda v, ε: np.sqrt(v) / np.sqrt(v + ε)),
    ),
    True: (
        ("variance-convention", "√(v + ε) in backward for √v + ε", lambda s, ε: np.sqrt(s * s + ε) / (s + ε)),
        ("variance-convention", "√v in backward for √v + ε", lambda s, ε: s / (s + ε)),
    ),
}


def spread(shape, over):
    """Whether an array of a shape is broadcast over an array of another, and does not make it larger."""
    return len(shape) <= len(over) and all(n in (1, m) for n, m in zip(reversed(shape), reversed(over), strict=False))


def epsilons(e):
    """[(event, the slot of the array)] where the forward adds a small number to an array of statistics or the like."""
    found = []
    for event in e.forward:
        if event.name == "add" and event.occurrence == 0:
            for slot, small in ((0, event.operands[1]), (1, event.operands[0])):
                if np.ndim(small) == 0 and 0 < float(np.real(small)) < SMALL and is_floats(event.operands[slot]):
                    found.append((event, slot))
    return found


def rooted(e, event, slot):
    """Whether what ε is added to is a root."""
    origin = event.origins[slot]
    return type(origin) is int and e.tape.events[origin].name in ROOTS
