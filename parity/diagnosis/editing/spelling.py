"""How a factor is written at a place in the user's code: lengths by the names that are in reach there."""

import ast
import re
from dataclasses import replace
from itertools import islice, product

import numpy as np

from parity.diagnosis.changes.change import Edit
from parity.diagnosis.changes.sizes import equal
from parity.diagnosis.editing.nodes import operands_of
from parity.diagnosis.editing.source import node_at, tree_of
from parity.diagnosis.naming.witness import everything
from parity.diagnosis.repairs.place import bytes_of

WAYS = 6  # spellings of one factor that are tried


def spellings(change, place, trial):
    """Pairs (the Change with a template for its factor, {name in it: expression}), the plainest first."""
    size = change.note.get("size")
    if size is None:
        return [(change, {})]
    found: list = [(one, {}) for one in in_the_number(change, place, size.value(shapes(trial)), trial)]
    for template, texts in ways(size, place, trial):
        edits = tuple(Edit(e.site, template, e.operand) if "S" in e.values else e for e in change.edits)
        found.append((replace(change, edits=edits), texts))
    return found


def in_the_number(change, place, factor, trial):
    """The Changes that put the factor into a number that is written out in the product or quotient already."""
    (edit, *others) = change.edits
    if others or edit.operand is not None or place.name not in ("multiply", "divide"):
        return
    for k, operand in enumerate(place.operands):
        if type(operand) in (int, float):
            value = operand / factor if place.name == "divide" and k == 1 else operand * factor
            value = round(value) if equal(value, round(value)) else value
            names = [digits(value)] if is_number(edit.site, k) else counts(value, place, trial)
            yield from (replace(change, edits=(Edit(edit.site, name, k),)) for name in names)


def counts(n, place, trial):
    """Expressions in reach for a number of entries, lengths of weights last: a mean is over what comes in."""
    weights = {bytes_of(trial.arrays[name]) for name in trial.hand.parameters}
    of_weights = {text for text, (value, *_) in place.named.items() if bytes_of(value) in weights}
    found = [text for text, turns in place.reachable.items() if all(type(v) is int and v == n for v in turns)]
    for text, (value, *_) in place.named.items():
        sizes = getattr(value, "shape", ())
        found += [f"{text}.size"] * (len(sizes) > 1 and value.size == n)
        found += [
            f"len({text})" if axis == 0 else f"{text}.shape[{axis}]" for axis, size in enumerate(sizes) if size == n
        ]
    return sorted(found, key=lambda text: (array_in(text) in of_weights, ("[" in text) + ("(" in text or "." in text)))[
        :WAYS
    ]


def array_in(text):
    """The expression of the array whose length or size a text gives."""
    return re.sub(r"^len\((.*)\)$|\.size$|\.shape\[\d\]$", r"\1", text)


def sizes_in_reach(place):
    """Expressions for the lengths above 1 of what can be named at a place, of arrays of the same shape once."""
    shapes: dict = {}
    for text, (value, *_) in place.named.items():
        shapes.setdefault(getattr(value, "shape", ()), text)
    return [f"{text}.shape[{axis}]" for shape, text in shapes.items() for axis, n in enumerate(shape) if n > 1]


def is_number(site, k):
    """Whether an operand is a number that is written out in the source."""
    node = node_at(site)
    operands = [] if node is None else operands_of(node, tree_of(site))
    return k < len(operands) and isinstance(operands[k], ast.Constant)


def digits(value):
    """A number as people write it."""
    return str(round(value)) if equal(value, round(value)) else f"{value:.10g}"


def ways(size, place, trial):
    """Pairs (template in E, {name: expression}) that write a Size as factors and divisors."""
    if not size.powers:
        yield from named_number(size.constant, place)
        yield number(size.constant), {}
        return
    whole = whole_size(size, place, trial)
    choices = [*whole, *islice(product(*(spelled(at, place, trial) for at, _ in size.powers)), WAYS)]
    for names in choices:
        powers = [power for _, power in size.powers] if len(names) > 1 or len(size.powers) == 1 else [size.powers[0][1]]
        template = number(size.constant) if abs(size.constant) != 1 else "-E" if size.constant < 0 else "E"
        texts = {}
        for i, (name, power) in enumerate(zip(names, powers, strict=True)):
            root = f"np.sqrt(S{i})" if abs(power) == 0.5 else f"S{i}"
            template += f" {'*' if power > 0 else '/'} {root}"
            texts[f"S{i}"] = name
        yield template, texts


def named_number(c, place):
    """The same with a number that has a name."""
    for text, (value, *_) in place.named.items():
        if np.ndim(value) == 0 and value not in (0, 1):
            for template, factor in (("E * S0", value), ("E / S0", 1 / value), ("E / (1 - S0)", 1 / (1 - value))):
                if equal(float(factor), c):
                    yield template, {"S0": text}


def number(c):
    """A template that multiplies by a number, as a quotient where that is whole."""
    return f"E / {round(1 / c)}" if equal(1 / c, round(1 / c)) else f"E * {digits(c)}"


def whole_size(size, place, trial):
    """[(`x.size`,)] for arrays in reach whose entries are as many as the product of all the lengths."""
    powers = {power for _, power in size.powers}
    if len(size.powers) < 2 or len(powers) > 1 or any(len(at) > 2 for at, _ in size.powers):
        return []
    count = 1
    for at, _ in size.powers:
        count *= length(at, trial)
    return [(f"{text}.size",) for text, (value, *_) in place.named.items() if getattr(value, "size", 0) == count][:2]


def spelled(at, place, trial):
    """Expressions in reach for a length of the data, plain numbers of the user's own first."""
    n = length(at, trial)
    less = sum(at[2:])
    return counts(n, place, trial) if not less else [f"({name} - {-less})" for name in counts(n - less, place, trial)]


def length(at, trial):
    """The length that a Size names: (array, axis), or (array, axis, −1) for one less."""
    name, axis, *less = at
    return shapes(trial)[name][axis] + sum(less)


def shapes(trial):
    return {name: array.shape for name, array in everything(trial).items()}
