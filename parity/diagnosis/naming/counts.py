"""What a factor that was lost or invented says: a mean, a count of something else, or a number of its own."""

import math

import numpy as np

from parity.diagnosis.changes.sizes import equal
from parity.diagnosis.editing.spelling import is_number

UNKNOWN = "unknown"
AVERAGES = ("mean", "average", "var", "std")


def counted(survey, change, event, factors, sizes, biases):
    """The code of a change that multiplies by these factors, one on each trial, which are these Sizes."""
    if all(equal(factor, -1.0) for factor in factors):
        return "sign-flipped"
    if min(factors) < 0:
        return UNKNOWN
    pure = [size for size in sizes if size.powers and size.constant == 1.0]
    if not all(equal(factor, factors[0]) for factor in factors):
        return of_lengths(pure[0], biases) if pure else UNKNOWN
    return of_number(survey, change, event, factors[0], pure)


def of_lengths(size, biases):
    """A factor that follows the data: lengths in the denominator are a mean that is missing."""
    powers = [power for _, power in size.powers]
    if any(len(place) > 2 for place, _ in size.powers):
        return "variance-convention"
    if any(abs(power) != 1 for power in powers):
        return "constant-factor"
    if max(powers) < 0:
        return "missing-mean"
    return "wrong-count" if min(powers) < 0 else "bias-averaged" if biases else "extra-mean"


def of_number(survey, change, event, factor, pure):
    """A factor that is the same whatever the batch: a count where the forward pass averages, or a number."""
    if change.kind == "count":  # a mean for a sum, or the reverse, is a count whatever the number
        return "wrong-count"
    if becomes_of_forward(survey, event, factor):
        return "variant-mismatch"
    if any(len(place) > 2 for size in pure for place, _ in size.powers) and not simple(factor):
        return "variance-convention"
    whole = max(factor, 1 / factor)
    if not equal(whole, round(whole)):
        return "constant-factor"
    counting = any(abs(power) == 1 for size in pure for _, power in size.powers) and averages(survey, whole)
    own = [abs(float(o)) for k, o in enumerate(event.operands) if type(o) in (int, float) and is_number(event.site, k)]
    written = any(equal(n, whole) or equal(n * whole, 1.0) for n in [*own, *survey.pairs.numbers])
    if counting and written:
        return UNKNOWN
    if counting or written:
        return "wrong-count" if counting else "constant-factor"
    return "constant-factor" if simple(factor) or not pure else "wrong-count"


def simple(factor):
    """Whether a factor is a power of 2."""
    return math.log2(factor).is_integer()


def becomes_of_forward(survey, event, factor):
    """Whether a number of the operation, times the factor, is one of the forward pass that it was not before."""
    own = [abs(float(o)) for o in event.operands if isinstance(o, int | float)]
    forward = survey.pairs.numbers
    return any(
        any(equal(n * factor, k) for k in forward) and n not in forward and n not in (1.0, 2.0, 0.5) for n in own
    )


def averages(survey, whole):
    """Whether the forward pass takes a mean over a multiple of that many numbers."""
    counts = [
        np.size(event.operands[0]) / max(np.size(event.result), 1)
        for event in survey.tape.events
        if event.name in AVERAGES and event.phase == "forward"
    ]
    divisors = [n for n in survey.pairs.numbers if n == round(n)]
    return any(count % whole == 0 for count in [*counts, *divisors])
