"""Mistakes in a derivative: it is missing, there twice, another's, or fed with the wrong variable."""

import numpy as np

from parity.diagnosis.naming.witness import witnesses
from parity.diagnosis.repairs.activations import TABLE, evaluate
from parity.diagnosis.repairs.pairs import close

UNKNOWN = "unknown"


def missing(pair):
    if pair.function.family == "clip":
        return "clip-mismatch"
    return "mask-wrong" if pair.function.mask else "activation-derivative-missing"


def put_in_or_out(case):
    """A change multiplies or divides by a derivative; in a denominator, that is the reverse for the gradient."""
    if not case.is_of_gradient:
        return UNKNOWN
    pair = case.note["pair"]
    last = case.survey.statement(case.survey.place_of(case.change.site))[-1]
    seen = witnesses(case.survey, case.change, [case.survey.trial], last.site)
    inverse, ratio = case.change.kind == "derivative out", seen[0].ratio if seen else None
    if ratio is not None and not close(ratio, 1 / ratio):  # a sign is its own inverse
        inverse ^= case.pair_of(ratio if inverse else 1 / ratio) is pair
    return "activation-derivative-twice" if inverse else missing(pair)


def twice(case):
    """The code where a change takes a derivative out; None where it does not."""
    ratio = case.ratio
    if ratio is None or not (ratio != 0).all():
        return None
    return None if case.pair_of(1 / ratio) is None else "activation-derivative-twice"


def in_place_of(case):
    """A derivative in another factor's place: the old one may be a mask, a variant's, fed wrongly, or of anything."""
    pair, old = case.note["pair"], old_factor(case)
    if old is None:
        return "activation-derivative-wrong"
    if pair.function.mask and np.unique(old).size <= 2:
        return missing(pair)
    for z, a in case.arguments(pair):
        if fed_wrongly(pair, z, a, old):
            return "activation-derivative-wrong-input"
        if of_variant(case, pair, z, a, old):
            return "variant-mismatch"
        slope = pair.slope(z)
        if slope.shape == old.shape and close(slope * slope, old):
            return "activation-derivative-twice"
    return "activation-derivative-wrong"


def old_factor(case):
    """What stood where the derivative should: an operand, or all that is now the derivative; None where unclear."""
    edit, pair = case.change.edits[-1], case.note["pair"]
    if case.change.kind == "derivative instead":
        return np.asarray(case.event.result, float)
    if edit.operand is not None:
        return np.asarray(case.event.operands[edit.operand], float)
    if case.ratio is None:
        return None
    slopes = (pair.slope(z) / case.ratio for z, _ in case.arguments(pair) if z.shape == case.ratio.shape)
    return next(slopes, None)


def fed_wrongly(pair, z, a, old):
    """Whether the old factor is the derivative written in z and fed a, or the reverse."""
    function, k = pair.function, pair.k
    written = [evaluate(function.of_z, z=a, k=k)]
    if function.of_a:
        written.append(evaluate(function.of_a, a=z, k=k))
    return any(value.shape == old.shape and close(value, old) for value in written)


def of_variant(case, pair, z, a, old):
    """Whether the old factor is the derivative of another function of the family, with any number of the user's."""
    numbers = [1.0, *case.survey.pairs.numbers, *(float(n) for n in np.unique(old)[:2])]
    for function in TABLE:
        if function.family and function.family == pair.function.family:
            for k in numbers if function.has_constant else [None]:
                slopes = [evaluate(text, z=z, a=a, k=k) for text in (function.of_z, function.of_a) if text]
                if any(slope.shape == old.shape and close(slope, old) for slope in slopes):
                    return True
    return False
