"""Other forms of a single operation: a sign, a transposition, an axis, a factor that is dropped, a comparison."""

from itertools import chain, combinations

import numpy as np

from parity.diagnosis.changes.change import Change, Edit, Named
from parity.diagnosis.changes.matrices import matrix_products
from parity.tape.operations import WRITES, as_number

# operation: [(template, kind, rank)]
FORMS = {
    "multiply": [("A", "drop", 1.0), ("B", "drop", 1.0), ("A / B", "invert", 1.8), ("A + B", "operator", 1.9)],
    "divide": [("A", "drop", 1.0), ("A * B", "invert", 1.8), ("B / A", "invert", 1.8)],
    "add": [
        ("A - B", "sign", 1.0),
        ("B - A", "sign", 1.2),
        ("A", "drop term", 1.1),
        ("B", "drop term", 1.1),
        ("A * B", "operator", 1.9),
    ],
    "subtract": [
        ("B - A", "sign", 0.9),
        ("A + B", "sign", 1.0),
        ("A", "drop term", 1.1),
        ("-B", "drop term", 1.2),
        ("A * B", "operator", 1.9),
    ],
    "negative": [("A", "sign", 0.8)],
    "transpose": [("A", "transpose", 1.0)],
    "exp": [("np.exp(-A)", "sign", 1.2)],
    "power": [("A", "drop function", 1.6)],
    "where": [("np.where(A, C, B)", "mask", 1.0)],
}
FORMS |= {name: [("A", "drop function", 1.6)] for name in ("square", "sqrt", "tanh", "log", "absolute", "reciprocal")}
COMPARISONS = {
    "greater": ">",
    "greater_equal": ">=",
    "less": "<",
    "less_equal": "<=",
    "equal": "==",
    "not_equal": "!=",
}
REDUCTIONS = ("sum", "mean", "max", "min", "prod", "var", "std", "argmax")
SPREADS = ("var", "std")
OTHER = {"sum": "mean", "mean": "sum"}
CONVOLUTIONS = {"correlate": "convolve", "convolve": "correlate"}
MOST = 4  # numbers of the forward pass at which a result is clipped
LONGEST = 4  # axes that are reduced in all ways; more are no one's layer


def rewritten(survey, place):
    """The Changes of a place that write its own operation in another way."""
    if place.name in WRITES:
        return writes(place)
    found = [one(place, *form) for form in FORMS.get(place.name, []) if form[0] != "B - A" or not is_complement(place)]
    if is_complement(place):
        found.append(one(place, "B - A", "sign", 0.95))
    if place.name in COMPARISONS:
        found += [one(place, f"A {sign} B", "mask", 1.0) for name, sign in COMPARISONS.items() if name != place.name]
    if place.name in REDUCTIONS:
        found += reductions(place)
    found += matrix_products(place)
    if place.name in CONVOLUTIONS:
        mode = place.event.options.get("mode", "full" if place.name == "convolve" else "valid")
        found.append(one(place, f'np.{CONVOLUTIONS[place.name]}(A, B, mode="{mode}")', "convolve", 1.0))
    if place.name == "clip":
        found += bounds(place)
    if isinstance(place.result, np.ndarray) and place.result.dtype.kind == "f":
        found += turned(place)
    return [*found, *rooted(survey, place), *clipped(survey, place)]


def is_complement(place):
    """Whether a place takes something from a number: `1 - p` is seldom what has its sign the wrong way round."""
    return place.name == "subtract" and type(place.operands[0]) in (int, float)


def clipped(survey, place):
    """The result clipped at a number of the forward pass, or at 1."""
    if not isinstance(place.result, np.ndarray) or place.result.dtype.kind != "f":
        return []
    bounds = dict.fromkeys([1.0, *survey.pairs.numbers[:MOST]])
    return [one(place, f"np.clip(E, {-k:g}, {k:g})", "clip", 1.9) for k in bounds if np.abs(place.result).max() > k]


def rooted(survey, place):
    """A number that is added to a square root added below it, or the reverse."""
    origin = place.event.origins[:1]
    inner = survey.tape.events[origin[0]] if origin and type(origin[0]) is int else None
    if inner is None or {place.name, inner.name} != {"add", "sqrt"}:
        return
    number = next(filter(None, map(as_number, (*place.operands, *inner.operands))), None)
    names = [text for text, (value, *_) in place.reachable.items() if number and as_number(value) == number]
    if names and place.name == "add":
        below = Edit(inner.site, "E + V", 0, {"V": Named(names[0])})
        yield Change("ddof", 1.5, (below, Edit(place.site, "A")))
    elif names:
        yield Change("ddof", 1.5, (Edit(inner.site, "A"), Edit(place.site, "E + V", None, {"V": Named(names[0])})))


def bounds(place):
    """A clip at numbers that have a name."""
    numbers = [text for text, (value, *_) in place.named.items() if isinstance(value, float) or np.ndim(value) == 0]
    return [
        Change("bounds", 1.2, (Edit(place.site, template, None, {"V": Named(text)}),))
        for text in numbers
        for template in ("np.clip(A, -V, V)", "np.clip(A, 0, V)")
    ]


def one(place, template, kind, rank, **note):
    return Change(kind, rank, (Edit(place.site, template),), note)


def reductions(place):
    """A reduction over other axes, or its sum for its mean; the axes stay as keepdims has them, or are kept."""
    array, kept = place.operands[0], bool(place.event.options.get("keepdims"))
    if not isinstance(array, np.ndarray) or array.ndim > LONGEST or len(place.operands) > 2:
        return
    axes = place.event.options.get("axis", place.operands[1] if len(place.operands) > 1 else None)
    here = reduction(place.name, axes, kept)
    if place.event.options.get("ddof"):
        yield one(place, here, "ddof", 0.9)
    elif place.name in SPREADS:
        yield one(place, reduction(place.name, axes, kept, "ddof=1"), "ddof", 1.0)
    if place.name in OTHER:
        yield one(place, reduction(OTHER[place.name], axes, kept), "count", 1.0)
    others = [None, *range(array.ndim)]
    others += chain.from_iterable(combinations(range(array.ndim), n) for n in range(2, array.ndim))
    for keep in (kept, True) if not kept else (True, False):
        for axis in others:
            template = reduction(place.name, axis, keep)
            if template != here:
                yield one(place, template, "axis", 1.0 + 0.1 * (keep != kept), axis=axis)


def reduction(name, axis, keepdims, *more):
    given = [] if axis is None else [f"axis={axis}"]
    return f"A.{name}({', '.join([*given, *more, *(['keepdims=True'] * keepdims)])})"


def turned(place):
    """The result transposed, or reversed along its last axes."""
    if place.result.ndim == 2:
        yield one(place, "E.T", "transpose", 1.1)
    elif place.result.ndim > 2:
        yield one(place, "np.swapaxes(E, -1, -2)", "transpose", 1.3)
    if place.name == "getitem" and has_reversal(place.operands[1]):
        yield one(place, "A", "flip", 0.9)
    reversals = ["::-1"] if place.result.ndim == 1 else ["..., ::-1", "::-1", "..., ::-1, ::-1", "..., ::-1, :"]
    for key in reversals if place.result.ndim else []:
        yield one(place, f"E[{key}]", "flip", 1.4, axes=key.count("::-1"))


def has_reversal(key):
    return any(isinstance(part, slice) and part.step == -1 for part in flat(key))


def writes(place):
    """An entry that is assigned is added to instead; where indices repeat, each time they do."""
    if place.name != "setitem":
        return []
    found = [Change("accumulate", 1.0, (Edit(place.site, "A.__setitem__(B, A[B] + C)"),))]
    fancy = any(np.asarray(part).dtype.kind in "iu" for part in flat(place.operands[1]) if np.ndim(part))
    if fancy:
        found.append(Change("add.at", 0.9, (Edit(place.site, "np.add.at(A, B, C)"),)))
        found.append(Change("add.at", 0.9, (Edit(place.site, "np.add.at(A, B, C - A[B])"),)))
    return found


def flat(key):
    return key if isinstance(key, tuple) else (key,)
