"""Which mistake a repair shows: its code follows from what was changed, and from what the value stood for."""

import numpy as np

from parity.diagnosis.changes.powers import EXPONENTS
from parity.diagnosis.changes.rewrites import COMPARISONS, flat
from parity.diagnosis.naming import values
from parity.diagnosis.naming.counts import counted
from parity.diagnosis.naming.derivatives import in_place_of, put_in_or_out, twice
from parity.diagnosis.repairs.pairs import close

UNKNOWN = "unknown"
SUMS = ("sum", "mean", "average")
POWERS = ("power", *EXPONENTS)
CLIPS = ("clip", "maximum", "minimum")


def code_of(case):
    """The code of MISTAKES for a confirmed change; "unknown" where none is certain."""
    return "updated-weights" if case.restores_weights() else KINDS[case.change.kind](case)


def sign(case):
    if case.event.name in COMPARISONS:
        return "mask-wrong"
    return "activation-derivative-wrong" if case.part_of_derivative() else "sign-flipped"


def transpose(case):
    return "permuted" if any(rearranged(case.result(key), case.right(key)) for key in case.claimed) else "transposed"


def rearranged(found, right):
    """Whether a matrix holds the right entries elsewhere, but is not the transpose."""
    if np.shape(found) != np.shape(right) or np.ndim(right) != 2:
        return False
    return close(np.sort(found, axis=None), np.sort(right, axis=None)) and not close(np.asarray(found), right.T)


def flip(case):
    """Reversed along two axes, or along one of what comes from a weight: a convolution for a correlation."""
    weights = case.survey.trial.hand.parameters
    of_weight = any(map(case.is_weight, case.claimed)) or any(case.made_from(case.event, name) for name in weights)
    spatial = np.ndim(case.event.result) > 1 and (case.note.get("axes", 1) > 1 or of_weight)
    return "kernel-flipped" if spatial else UNKNOWN


def overwritten(case):
    """Entries that are assigned more than once: by the same index again, or by windows that overlap."""
    keys = [
        repr(event.operands[1])
        for event in case.events
        if not any(isinstance(k, slice) for k in flat(event.operands[1]))
    ]
    return "duplicate-index" if len(set(keys)) < len(keys) else "path-missing"


def rows(case):
    return "bias-not-summed" if case.biases_only() else UNKNOWN


def left_unsummed(case):
    axes = np.atleast_1d(case.note["axis"])
    return "bias-not-summed" if case.biases_only() and 0 in axes else "broadcast-not-reduced"


def axis(case):
    """In the gradient of a parameter, axes too few or too many were summed; else they are the wrong ones."""
    given = case.event.operands[1] if len(case.event.operands) > 1 else None
    old, new = (axes_of(case, one) for one in (case.event.options.get("axis", given), case.note["axis"]))
    if old == new:
        return "shape-mismatch"
    if not all(map(case.is_weight, case.claimed)):
        return "wrong-axis"
    if old < new and case.biases_only():
        return "bias-not-summed"
    return "broadcast-not-reduced" if old < new or old > new else "wrong-axis"


def axes_of(case, given):
    every = np.ndim(case.event.operands[0])
    return frozenset(range(every) if given is None else (one % every for one in np.atleast_1d(given)))


def factor(case):
    factors, sizes = case.scale
    if case.part_of_derivative():
        return "activation-derivative-wrong"
    if factors is None:
        return UNKNOWN
    return counted(case.survey, case.change, case.event, factors, sizes, case.biases_only())


def projection(case):
    """What a statistic takes out of a gradient: one of the terms of mean and variance, or all that there is."""
    template, axis = case.change.edits[-1].template, case.note["axis"]
    centred = all(vanishes(case.right(key), axis) for key in case.claimed)
    mean, along = "E.mean" in template, "V" in template
    other = case.forward_has("var", "std", "sqrt", "rsqrt") if mean else centred  # is the other term there as well?
    if other and not (mean and along):
        return "centring-term-missing"
    return UNKNOWN if takes_out_already(case) else "statistics-constant"


def softmax(case):
    return UNKNOWN if takes_out_already(case) else "softmax-diagonal"


def takes_out_already(case):
    """Whether something of its own is taken out of the gradient before the change takes out the right part.

    Then a term is wrong, not missing, but what is wrong with it the change takes out as well.
    """
    before = [case.survey.tape.events[i] for i in case.ancestry(case.event) if isinstance(i, int)]
    summed = [event for event in before if event.name in SUMS and event.site.code is case.event.site.code]
    partial = [event for event in summed if np.size(event.result) < np.size(case.event.result)]
    return any(values.from_upstream(case, event) for event in partial) or not case.grows_with_upstream(3)


def vanishes(array, axis):
    """Whether the sum along an axis is 0, as far as half of the digits tell, where the entries are not."""
    size = np.abs(array).sum(axis)
    return bool((size > 0).all()) and close(array.sum(axis) / size, np.zeros_like(size))


def exchange(case):
    """A number for another may be a count or a constant; else it is a value for another."""
    if np.ndim(case.note["value"]) == 0 and np.ndim(values.old_turns(case)[0]) == 0:
        code = factor(case)
        return "variant-mismatch" if code == "activation-derivative-wrong" else code
    return values.exchanged(case)


def drop(case):
    if case.scale[0] is not None:
        return factor(case)
    return twice(case) or ("activation-derivative-wrong" if case.in_derivative() else UNKNOWN)


def inner(case):
    """A function around a value is one too many: where it squares a derivative, that is there twice."""
    if twice(case):
        return "activation-derivative-twice"
    return "activation-derivative-wrong" if case.in_derivative() else UNKNOWN


def exponent(case):
    """Another power of what the forward pass divides by, or takes a root or a power of: its derivative is wrong."""
    if case.scale[0] is not None:
        return factor(case)
    base = case.event.operands[0]
    used = [e for e in case.survey.tape.events if e.phase == "forward" and e.name in ("divide", *POWERS)]
    known = any(np.array_equal(e.operands[-1 if e.name == "divide" else 0], base) for e in used)
    return "activation-derivative-wrong" if known or case.in_derivative() else UNKNOWN


def always(code):
    return lambda case: code


KINDS = {
    "sign": sign,
    "transpose": transpose,
    "flip": flip,
    "convolve": always("kernel-flipped"),
    "order": always("permuted"),
    "mask": always("mask-wrong"),
    "shape": always("shape-mismatch"),
    "ddof": always("variance-convention"),
    "accumulate": overwritten,
    "path": always("path-missing"),
    "projection": projection,
    "softmax": softmax,
    "softmax in": always("activation-derivative-missing"),
    "sigmoid out": always("activation-derivative-twice"),
    "clip": lambda case: "clip-mismatch" if case.forward_has(*CLIPS) else "variant-mismatch",
    "zeros": lambda case: "time-truncated" if len(case.events) > 1 else "path-missing",
    "add.at": always("duplicate-index"),
    "rows": rows,
    "one-hot": always("one-hot-missing"),
    "sum": left_unsummed,
    "axis": axis,
    "count": factor,
    "scale": factor,
    "invert": factor,
    "drop": drop,
    "drop function": inner,
    "exponent": exponent,
    "drop term": inner,
    "operator": inner,
    "derivative": put_in_or_out,
    "derivative out": put_in_or_out,
    "derivative for": in_place_of,
    "derivative instead": in_place_of,
    "bounds": always("variant-mismatch"),
    "exchange": exchange,
    "original": values.original,
    "add": values.added,
    "part": always("path-missing"),
    "count of rows": always("broadcast-not-reduced"),
    "upstream": always("upstream-ignored"),
    "times": values.multiplied,
    "over": factor,
}
