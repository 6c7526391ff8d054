"""Masks of ReLU, dropout, pooling and clips that are missing in backward, or taken from the wrong tensor."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from parity.diagnosis.structure.claim import Claim, by
from parity.diagnosis.structure.places import RESULT, Value, claims, values

CLIPS = ("clip", "maximum", "minimum", "fmax", "fmin")
EXTREMES = {"max": np.max, "min": np.min, "amax": np.max, "amin": np.min}


@dataclass(frozen=True)
class Mask:
    """Where the forward lets a gradient through: a recorded mask, or where an operand is the result of `name`."""

    name: str
    value: Value
    result: Value | None = None
    axis: Any = None
    bounded: bool = False

    def of(self, lookup):
        a = lookup(self.value)
        if self.name in EXTREMES:
            return a == EXTREMES[self.name](a, self.axis, keepdims=True)
        return a if self.result is None else a == lookup(self.result)

    @property
    def code(self):
        return "clip-mismatch" if self.bounded else "mask-wrong"


def mask_missing(e, keys):
    """H = v where G = v·m, for a mask m of the forward and a value v of backward: wrong only where m is 0."""
    for mask, m in masks(e):
        what = f"the bounds of {mask.value.site}" if mask.bounded else f"the mask of {mask.value.site}"
        text = f"{{by}}: {what} {'are' if mask.bounded else 'is'} left out, wrong only where {zero_in_words(mask)}"

        def with_mask(v, lookup, _, mask=mask):
            m = mask.of(lookup)
            return v * (m.reshape(v.shape) if m.size == v.size else m)  # m may be divided into windows by more axes

        for shape in {m.shape, *(np.shape(e.H(key)) for key in keys if np.size(e.H(key)) == m.size)}:
            yield from claims(e, keys, with_mask, mask.code, text, shape)


def zero_in_words(mask):
    return "a value is clipped" if mask.bounded else "it is 0"


def mask_of_another(e, keys):
    """H = v·m′ where G = v·m: another mask stands where the one of the forward belongs."""
    for (mask, m), (site, slot) in product(masks(e), masked(e)):
        for opposite in (False, True):

            def with_mask(call, mask=mask, slot=slot, opposite=opposite):
                found = mask.of(lambda value: value.of(call.tape, call.occurrence))
                operands = list(call.operands)
                operands[slot] = ~found if opposite else found
                return call.compute(tuple(operands), call.options)

            fits = m.dtype == bool or not opposite
            if fits and (fixed := e.patched({site: with_mask}) & keys):
                text = f"{by(fixed)}: the mask is another than that of {mask.value.site}, wrong only where they differ"

                def repaired(other, site=site, fixed=fixed, with_mask=with_mask):
                    return fixed <= other.patched({site: with_mask})

                yield Claim(mask.code, fixed, repaired, text, where=repr(site))


def masks(e):
    """[(Mask, array)]: recorded masks of the forward, then where its maxima, minima and clips pass an operand on."""
    found = [(Mask("mask", value), array) for value, array in values(e, is_mask)]
    for event in e.forward:
        turns = ("same", "reversed") if e.tape.counts[event.site, event.phase] else (0,)
        slot = next(
            (i for i, x in enumerate(event.operands) if isinstance(x, np.ndarray) and x.dtype.kind == "f"), None
        )
        if event.occurrence or slot is None:
            continue
        x = event.operands[slot]
        for turn in turns:
            value = Value(event.site, event.phase, slot, turn)
            if event.name in EXTREMES:
                axis = event.options.get("axis", event.operands[1] if len(event.operands) > 1 else None)
                found.append((Mask(event.name, value, axis=axis), x == EXTREMES[event.name](x, axis, keepdims=True)))
            elif event.name in CLIPS and np.shape(event.result) == x.shape:
                result = Value(event.site, event.phase, RESULT, turn)
                found.append((Mask(event.name, value, result, bounded=not at_zero(event, slot)), x == event.result))
    return found


def at_zero(event, slot):
    """Whether the array in a slot is cut off at 0 alone, as ReLU does, or by another array."""
    bounds = [event.options.get(name) for name in ("a_min", "a_max", "min", "max")]
    bounds += [operand for i, operand in enumerate(event.operands) if i != slot]
    bounds = [bound for bound in bounds if bound is not None and not np.array_equal(np.abs(bound), np.inf)]
    return len(bounds) == 1 and (np.ndim(bounds[0]) > 0 or bounds[0] == 0)


def is_mask(array):
    """Whether an array holds 0 and one other number, or truth values, and both of them."""
    if array.dtype.kind not in "bf" or array.size < 2:
        return False
    low, high = array.min(), array.max()
    return bool(low == 0 and high > 0 and np.isin(array, (low, high)).all())


def masked(e):
    """[(site, slot)] of backward where a mask multiplies, selects, or says where to write."""
    found = {}
    for event in e.backward:
        slots = {"multiply": (0, 1), "where": (0,)}.get(event.name, ())
        for slot in slots:
            m = event.operands[slot]
            if isinstance(m, np.ndarray) and (m.dtype == bool or is_mask(m)):
                found[event.site, slot] = event
        if event.name == "setitem" and isinstance(event.operands[1], np.ndarray) and event.operands[1].dtype == bool:
            found[event.site, 1] = event
    return list(found)
