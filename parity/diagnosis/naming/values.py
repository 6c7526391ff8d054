"""Mistakes of a value: another stands in its place, or one is missing from a sum or a product."""

import numpy as np

from parity.diagnosis.changes.rewrites import COMPARISONS
from parity.diagnosis.naming.counts import counted
from parity.diagnosis.naming.derivatives import missing
from parity.diagnosis.repairs.activations import evaluate
from parity.diagnosis.repairs.pairs import close

UNKNOWN = "unknown"
MASKS = {"where": 0, "setitem": 1}  # the operand that is a mask
FILLED = ("ones", "ones_like", "full", "full_like")


def exchanged(case):
    """One value stood for another: of the wrong step, before for after the activation, a mask's, another tensor's."""
    old, new = old_turns(case), new_turns(case)
    if (
        case.event.name in COMPARISONS
        or case.change.edits[-1].operand == MASKS.get(case.event.name, -1)
        or np.asarray(old[0]).dtype.kind == "b"
    ):
        return "mask-wrong"
    if coarser(old[0], new[0]):
        return "low-precision"
    if upstream_ignored(case, new[0]):
        return "upstream-ignored"
    if fed_wrongly(case, old[0], new[0]):
        return "activation-derivative-wrong-input"
    if shifted(old, new):
        return "time-shifted"
    return differ_by_slope(case, old[0], new[0]) or UNKNOWN


def old_turns(case):
    k = case.change.edits[-1].operand
    return [event.result if k is None else event.operands[k] for event in case.events]


def new_turns(case):
    text = case.change.edits[-1].values["V"].text
    return [event.scope[text] for event in case.events if text in event.scope]


def fed_wrongly(case, old, new):
    """Whether z stood for a, or a for z, in a derivative; or act(a) for a, where one written in z was fed a."""
    old, new = np.asarray(old), np.asarray(new)
    for pair in case.survey.pairs.found:
        for z, a in case.arguments(pair):
            if {z.tobytes(), a.tobytes()} == {old.tobytes(), new.tobytes()} and case.in_derivative_of(pair):
                return True
            if a.tobytes() == new.tobytes() and close(evaluate(pair.function.value, z=a, k=pair.k), old):
                return True
    return False


def shifted(old, new):
    """Whether the values of one are those of the other, a turn earlier or later."""
    n = min(len(old), len(new))
    if n < 2:
        return False
    ahead, behind = zip(old[1:n], new, strict=False), zip(old, new[1:n], strict=False)
    return any(all(np.array_equal(a, b) for a, b in pairs) for pairs in (ahead, behind))


def differ_by_slope(case, old, new):
    """The code where one value is the other times a derivative of the forward pass; None where it is not."""
    old, new = np.asarray(old, float), np.asarray(new, float)
    if old.shape != new.shape or not (old != 0).all() or not (new != 0).all():
        return None
    if (pair := case.pair_of(new / old)) is not None:
        return missing(pair)
    return None if case.pair_of(old / new) is None else "activation-derivative-twice"


def from_upstream(case, event):
    return any(case.made_from(event, ("upstream", i)) for i in range(len(case.survey.trial.upstream)))


def coarser(old, new):
    """Whether one value is the other in a narrower type."""
    old, new = np.asarray(old), np.asarray(new)
    narrower = old.dtype.kind == new.dtype.kind == "f" and old.dtype.itemsize < new.dtype.itemsize
    return narrower and np.array_equal(new.astype(old.dtype), old)


def upstream_ignored(case, value):
    """Whether the value is an upstream gradient, on which no result that is set right depended before."""
    return any(np.array_equal(value, g) for g in case.survey.trial.upstream) and case.ignores_upstream()


def original(case):
    """An array of the run itself stands for what the code made of it: weights were changed too early."""
    name = case.note["given"]
    origin = case.event.origins[case.change.edits[-1].operand]
    changed = isinstance(origin, int) and case.made_from(case.survey.tape.events[origin], name)
    return "updated-weights" if changed else UNKNOWN


def added(case):
    """A term of a sum was missing: a target's, the gradient of the next step, or that of another path."""
    value, result = np.asarray(case.note["value"], float), np.asarray(case.event.result, float)
    if (one_hot(value) and shares(result)) or (one_hot(np.abs(result)) and shares(value)):
        return "one-hot-missing"
    if len(case.events) > 1 and carried(case):
        return "time-truncated"
    return "path-missing" if case.is_of_gradient else UNKNOWN


def one_hot(array):
    return array.ndim == 2 and shares(array) and bool(np.isin(array, (0.0, 1.0)).all())


def shares(array):
    """Whether every row holds shares that sum to one number: probabilities, or those over N."""
    sums = array.sum(axis=-1) if array.ndim == 2 else np.zeros(1)
    return bool((array >= 0).all()) and bool(sums.any()) and close(sums, np.full_like(sums, sums[0]))


def carried(case):
    """Whether the value in one turn was made in the turn before."""
    text = case.change.edits[-1].values["V"].text
    second = case.events[1].scope.get(text)
    made = [e for e in case.survey.tape.events if case.event.index < e.index < case.events[1].index]
    return any(np.array_equal(e.result, second) for e in made if e.result is not None)


def multiplied(case):
    """A factor was missing: a scale that is learnt, a mask, a derivative, the upstream gradient, a number."""
    value = np.asarray(case.note["value"], float)
    if case.scale[0] is not None:
        factors, sizes = case.scale
        return counted(case.survey, case.change, case.event, factors, sizes, case.biases_only())
    if upstream_ignored(case, value):
        return "upstream-ignored"
    if case.part_of_derivative():
        return "activation-derivative-wrong"
    if (pair := case.pair_of(value)) is not None:
        return missing(pair)
    if np.unique(value).size == 2 and (value == 0).any():
        return "mask-wrong"
    return "scale-missing" if scales(case, value) else UNKNOWN


def scales(case, value):
    """Whether the value is one by which the forward pass multiplies, entry by entry: a parameter, or a gate."""
    forward = [event for event in case.survey.tape.events if event.phase == "forward" and event.name == "multiply"]
    used = [o for event in forward for o in event.operands if isinstance(o, np.ndarray) and o.size == value.size]
    return any(np.array_equal(np.ravel(operand), value.ravel()) for operand in used)
