"""Changes of the user's operations: what is to be computed in place of what was, as an expression that says both.

A template such as `E * (1 - V**2)` is evaluated when the operation is about to be done, and becomes the new text of
the user's expression: E is the result of the operation (or the operand that is changed), A, B and C are its first
three operands, every other name is one of `values`, what it stands for.
"""

import functools
import math
from dataclasses import dataclass, field

import numpy as np

from parity.tape.sites import Site
from parity.tape.taped import plain


@dataclass(frozen=True)
class Named:
    """What the user's code can reach by an expression, in the frame that asks for the operation."""

    text: str

    def of(self, call):
        frame = call.frame
        return plain(call.tape.within(eval, compiled(self.text), frame.f_globals, frame.f_locals))


@dataclass(frozen=True)
class Recorded:
    """The result of another site, in the same turn where both stand in loops, or counted from the last turn."""

    site: Site
    backwards: bool = False

    def of(self, call):
        seen = call.tape.seen[self.site]
        turn = 0 if len(seen) == 1 else call.occurrence
        return seen[-1 - turn] if self.backwards else seen[turn]


@dataclass(frozen=True)
class Given:
    """An array of the run, as it was given."""

    name: str

    def of(self, call):
        return call.tape.arrays[self.name]


@dataclass(frozen=True)
class Size:
    """constant · Π length ** power, a factor that follows the data.

    powers: pairs ((array of the run, axis), power), or ((array, axis, −1), power) for a length less 1.
    """

    powers: tuple = ()
    constant: float = 1.0

    def of(self, call):
        return self.value({name: array.shape for name, array in call.tape.arrays.items()})

    def value(self, shapes):
        lengths = [(shapes[name][axis] + sum(less), power) for (name, axis, *less), power in self.powers]
        return self.constant * math.prod(length**power for length, power in lengths)


@dataclass(frozen=True)
class Edit:
    """At a site, what stands in for the result, or for the operand of that number."""

    site: Site
    template: str
    operand: int | None = None
    values: dict = field(default_factory=dict, hash=False)

    def of(self, call, operands, E):
        """The template's value at a call."""
        names = compiled(self.template).co_names
        given = dict(zip("ABC", operands, strict=False)) | {"E": E, "np": np}
        given |= {name: value.of(call) for name, value in self.values.items()}
        given |= {f"E{i}": part for i, part in enumerate(E)} if isinstance(E, list | tuple) else {}
        scope = {name: given[name] for name in names if name in given}
        return plain(call.tape.within(eval, compiled(self.template), scope))


@dataclass(frozen=True)
class Change:
    """One repair that may be the right one: edits that belong together, its kind, and how far-fetched it is.

    Smaller ranks are simpler. note: what the kind needs to be told in words, a dict.
    """

    kind: str
    rank: float
    edits: tuple[Edit, ...]
    note: dict = field(default_factory=dict, hash=False)

    @property
    def watched(self):
        """The sites whose results the change asks for."""
        values = [value for edit in self.edits for value in edit.values.values()]
        return frozenset(value.site for value in values if isinstance(value, Recorded))

    @property
    def site(self):
        """Where the outermost edit is."""
        return self.edits[-1].site


@functools.lru_cache(maxsize=4096)
def compiled(text):
    return compile(text, "<change>", "eval")


def stand_ins(changes):
    """{site: function(Call)} that does all these changes, those that come first first."""
    edits: dict = {}
    for change in changes:
        for edit in change.edits:
            edits.setdefault(edit.site, []).append(edit)
    return {site: functools.partial(stand_in, at_site) for site, at_site in edits.items()}


def stand_in(edits, call):
    """What the edits of one site make of a call."""
    operands = list(call.operands)
    result, done = None, False
    for edit in edits:
        if edit.operand is not None:
            operands[edit.operand] = edit.of(call, operands, operands[edit.operand])
            continue
        if not done and "E" in compiled(edit.template).co_names:
            result = call.compute(tuple(operands), call.options)
        result, done = edit.of(call, operands, result), True
    return result if done else call.compute(tuple(operands), call.options)
