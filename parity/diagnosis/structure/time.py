"""A pairing in time that is off by one: h_t where the forward had h_{t−1}."""

from itertools import product

import numpy as np

from parity.diagnosis.structure.claim import Claim, by, each
from parity.diagnosis.structure.lines import reader
from parity.diagnosis.structure.origins import is_floats, states
from parity.diagnosis.structure.places import RESULT, Value, same


def time_shifted(e, keys):
    """H is right once an operand of backward, turn by turn a value of the forward, is that of the turn before or after.

    dWₕ = Σₜ dz_tᵀ h_{t−1}: with h_t for h_{t−1} at a line of backward, or stacked states sliced one place off.
    """
    if not states(e)[0]:
        return
    for site, change in (*shifted_operands(e), *shifted_slices(e)):
        if fixed := e.patched({site: change}) & keys:

            def repaired(other, site=site, change=change, fixed=fixed):
                return fixed <= other.patched({site: change})

            text = f"{by(fixed)}: the states at {site} are one step off; right with those one step earlier or later"
            yield Claim("time-shifted", fixed, repaired, text, where=repr(site))


MOST_STEPS = 64  # the reference runs once for each


@each
def own_step_alone(e, key):
    """H has for each step of an input only what the output of the same step gives: nothing comes back through time."""
    g = e.upstream[0]
    for axis in range(e.G(key).ndim if key[0] == "input" else 0):
        steps = g.shape[axis] if axis < g.ndim else 0
        if not 1 < steps <= MOST_STEPS or steps != e.G(key).shape[axis] or not causal(e, key[1], axis):
            continue

        def holds(other, axis=axis):
            found = np.zeros(other.G(key).shape)
            for t in range(other.upstream[0].shape[axis]):
                at = (slice(None),) * axis + (t,)
                upstream = [np.zeros_like(g) for g in other.upstream]
                upstream[0][at] = other.upstream[0][at]
                found[at] = other.truth(upstream=upstream)[key][at]
            return other.explains(key, found)

        text = f"{by(key)}: each step along axis {axis} gets what its own output gives, nothing from later ones"
        yield Claim("time-truncated", frozenset([key]), holds, text, reader(e))


def causal(e, name, axis):
    """Whether the first step of an input reaches later steps of the output, and the last one its own alone."""
    x, y = e.arrays[name], e.trial.ours["output", e.outputs[0]]
    reached = []
    for t in (0, -1):
        moved = np.moveaxis(x.copy(), axis, 0)
        moved[t] *= 1.5
        change = e.run(e.arrays | {name: np.moveaxis(moved, 0, axis)})["output", e.outputs[0]] != y
        reached.append(np.moveaxis(change, axis, 0))
    return bool(reached[0][1:].any() and reached[1][-1].any() and not reached[1][:-1].any())


def shifted_operands(e):
    """(site, change) for every operand of backward that is a series of the forward, and every series one turn off."""
    ours, theirs = series(e, e.backward), series(e, e.forward)
    for ((site, _, slot), taken), order in product(ours.items(), ("same", "reversed")):
        if slot is RESULT:
            continue
        ordered = taken if order == "same" else taken[::-1]
        if not any(alike(ordered, values) for values in theirs.values()):
            continue
        for (source, phase, place), values in theirs.items():
            if len(values) == len(ordered) and (alike(values[1:], ordered[:-1]) or alike(values[:-1], ordered[1:])):
                yield site, with_operand(slot, Value(source, phase, place, order))


def series(e, events):
    """{(site, phase, slot): [value at each turn]} of everything that more than one turn computes or takes."""
    found: dict = {}
    for event in events:
        if e.tape.counts[event.site, event.phase]:
            for slot, value in ((RESULT, event.result), *enumerate(event.operands)):
                if is_floats(value) and np.ndim(value):
                    found.setdefault((event.site, event.phase, slot), []).append(value)
    return found


def alike(some, others):
    return len(some) == len(others) > 0 and all(map(same, some, others))


def with_operand(slot, value):
    """A change that takes a value of the forward for the operand in a slot."""

    def change(call):
        operands = list(call.operands)
        operands[slot] = value.of(call.tape, call.occurrence)
        return call.compute(tuple(operands), call.options)

    return change


def shifted_slices(e):
    """(site, change) for every slice of backward with one end cut off, or one index of a loop, moved by one place."""
    for site in dict.fromkeys(event.site for event in e.backward if event.name == "getitem"):
        for step in (1, -1):

            def change(call, step=step):
                array, index = call.operands
                return call.compute((array, moved(index, step)), call.options)

            yield site, change


def moved(index, step):
    """An index with its numbers, and slices that leave out one entry at an end, moved by one place."""
    if isinstance(index, tuple):
        return tuple(moved(i, step) for i in index)
    if isinstance(index, slice) and index != slice(None):
        ends = {(1, None): (None, -1), (None, -1): (1, None), (0, -1): (1, None)}
        return slice(*ends.get((index.start, index.stop), (index.start, index.stop)), index.step)
    return index + step if isinstance(index, int) and not isinstance(index, bool) else index
