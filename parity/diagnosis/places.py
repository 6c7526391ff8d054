"""Values that a run computed, found again in another run, and places in backward where another value can stand in."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.diagnosis.claim import Claim, by
from parity.diagnosis.origins import is_floats

RESULT = None  # the slot of an event's result; operands have numbers
WRITES = ("setitem",)


@dataclass(frozen=True)
class Value:
    """A value of one run that every other run of the subject computes as well.

    slot: RESULT or the number of an operand. turn: which time the site was reached, or "same" or "reversed": as often
    as the place that asks for it, counted from the first turn of a loop or from the last.
    """

    site: Any
    phase: str
    slot: int | None
    turn: int | str

    def of(self, tape, turn=0):
        """The value on this tape, for a place that is reached for the turn-th time; None where it is not there."""
        if self.turn == "reversed":
            turn = tape.counts.get((self.site, self.phase), -1) - turn
        turn = self.turn if isinstance(self.turn, int) else turn
        for event in tape.events:
            if event.site is self.site and event.phase == self.phase and event.occurrence == turn:
                return event.result if self.slot is RESULT else event.operands[self.slot]
        return None


def values(e, wanted, phases=("forward",)):
    """[(Value, array)] of the results and operands for which wanted(array); the same numbers once.

    What a loop computes comes with the turns "same" and "reversed", and stands for the value of the first turn.
    """
    found: list = []
    for event in e.tape.events:
        if event.phase not in phases or event.occurrence:
            continue
        for slot, value in ((RESULT, event.result), *enumerate(event.operands)):
            if isinstance(value, np.ndarray) and wanted(value) and not any(same(value, other) for _, other in found):
                turns = ("same", "reversed") if e.tape.counts[event.site, event.phase] else (0,)
                found += [(Value(event.site, event.phase, slot, turn), value) for turn in turns]
    return found


def same(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b)


def places(e, shape=None):
    """[site] of backward, the last first, with float arrays (of that shape, where one is given) as results."""
    found = {}
    for event in e.backward:
        fits = is_floats(event.result) and np.ndim(event.result) and shape in (None, np.shape(event.result))
        if fits and event.name not in WRITES and not event.name.endswith(".at"):
            found[event.site] = event
    return list(reversed(found))


def at(site, change, e):
    """{site: what stands in there}: change(result, lookup, e), lookup(Value) -> that value in the run under way."""

    def stand_in(call):
        return change(call.result(), lambda value: value.of(call.tape, call.occurrence), e)

    return {site: stand_in}


def claims(e, keys, change, code, text, shape=None):
    """Claims that a change(result, lookup, evidence) of one value, the gradient or one on the way, sets keys right.

    shape: of the values that it is tried on. text: a sentence in which `{by}` becomes the gradients explained.
    """
    for key in sorted(keys):
        if e.H(key) is not None and shape in (None, e.H(key).shape):

            def right(other, key=key):
                return other.agrees(key, change(other.H(key), lambda value: value.of(other.tape), other))

            yield Claim(code, frozenset([key]), right, text.replace("{by}", by(key)))
    for site in places(e, shape):
        if fixed := e.patched(at(site, change, e)) & keys:

            def repaired(other, site=site, fixed=fixed):
                return fixed <= other.patched(at(site, change, other))

            yield Claim(code, fixed, repaired, text.replace("{by}", by(fixed)), where=repr(site))
