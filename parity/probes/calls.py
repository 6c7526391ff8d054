"""Probes of calls: does a call depend on earlier ones, is backward linear in the upstream gradient?"""

import copy
from dataclasses import replace

import numpy as np

from parity.probes.writes import line_that_writes
from parity.report import Finding
from parity.rows import GRADIENTS
from parity.subjects.raised import SubjectRaised
from parity.tape.lines import line_that_differs
from parity.trial import SLACK

SCALES = (-(2.0**10), -1.0, 2.0**-10)  # powers of two scale exactly; the first finds abs(g), g·g and clip(g) alike
WRITES = ("cache-mutated", "updated-weights")  # by backward, to what forward left
RESETS = ("zero_grad", "zero_gradients", "zero_grads", "reset_grad", "clear_grads")


def probe_calls(trial):
    """The findings of every probe of calls on the trial's data."""
    found = [] if trial.hand.seeded else list(repetition_probe(trial))
    if any(finding.code in WRITES for finding in found):
        where = line_that_writes(trial, any(finding.code == "updated-weights" for finding in found))
        found = [replace(finding, where=where) if finding.code in WRITES else finding for finding in found]
    return found or list(upstream_probe(trial))


def upstream_probe(trial):
    """backward is linear in the upstream gradient: s·g gives s times as much."""
    if not trial.hand.takes_upstream:
        return
    runs = {SCALES[0]: scaled_run(trial, SCALES[0])}
    for key in gradients(trial):
        if near(trial, key, runs[SCALES[0]].get(key), SCALES[0]):
            continue
        runs |= {s: scaled_run(trial, s) for s in SCALES if s not in runs}
        what = f"gradient by {key[1]}"
        if all(near(trial, key, run.get(key), 1.0) for run in runs.values()) and np.any(trial.ours[key]):
            sentence = f"{what} is the same when the upstream gradient is scaled: it is not multiplied in"
            yield Finding("upstream-ignored", key[1], "backward", sentence)
            continue
        signed = not near(trial, key, runs[-1.0].get(key), -1.0) and near(trial, key, runs[2.0**-10].get(key), 2.0**-10)
        depends = "sign" if signed else "size"
        sentence = f"{what} depends on the {depends} of the upstream gradient: s·g does not give s times as much"
        yield Finding("unknown", key[1], "backward", sentence)


def scaled_run(trial, scale):
    return trial.hand.run(trial.arrays, [np.asarray(scale * g, g.dtype) for g in trial.upstream])


def repetition_probe(trial):
    """On one object: weights left alone; a second call, and a second backward, the same as the first."""
    hand, net = trial.hand, trial.hand.copy(trial.arrays)
    outputs, state = hand.forward_on(net, trial.arrays)
    drawn = random_states(hand, net)
    outputs, first = copy.deepcopy(outputs), copy.deepcopy(hand.backward(state, trial.upstream))
    random = [key for key in gradients(trial) if not same(first.get(key), trial.ours[key])]
    if random or drawn != random_states(hand, net):
        sentence = "gradient by {}: backward draws random numbers again; draw in forward and keep what was drawn"
        where = line_that_differs(lambda: hand.backward(state, trial.upstream)) or "backward"
        names = random or wrong(trial)
        yield from (Finding("nondeterministic", key[1], where, sentence.format(key[1])) for key in names)
    elif changed := [n for n, array in hand.weights(net).items() if not same(array, trial.arrays[n])]:
        sentence = f"backward changes {', '.join(changed)}: what is computed after that uses the new weights"
        names = wrong(trial) or [("", "")]
        yield from (Finding("updated-weights", key[1], "backward", sentence) for key in names)
    else:
        yield from repeated(trial, net, state, outputs, first)


def wrong(trial):
    """The keys of the wrong gradients, sorted."""
    return sorted(key for key in trial.wrong() if key[0] in GRADIENTS)


def random_states(hand, net):
    """The states of the generators that the object holds, and of NumPy's global one, as text."""
    held = [value for part in hand.all_parts(net) for value in getattr(part, "__dict__", {}).values()]
    states = [g.bit_generator.state for g in held if isinstance(g, np.random.Generator)]
    return str([states, np.random.get_state(legacy=True)])  # noqa: NPY002 (the subject may use what we do not)


def repeated(trial, net, state, outputs, first):
    """A second forward and backward on the same object, and a second backward with the cache of the first forward."""
    hand = trial.hand
    for part in hand.all_parts(net):
        for reset in RESETS:
            if callable(getattr(part, reset, None)):
                getattr(part, reset)()
    outputs_again, state_again = hand.forward_on(net, trial.arrays)
    found = []
    if all(same(a, b) for a, b in zip(outputs, outputs_again, strict=True)):
        found = list(second_call(trial, hand.backward(state_again, trial.upstream), first))
    else:  # it draws, or keeps statistics: another call is another function
        state = hand.forward(trial.arrays)[1]
        hand.backward(state, trial.upstream)
    yield from found
    if not found and not hand.joint:
        yield from second_backward(trial, state, first)


def second_call(trial, second, first):
    """Forward and backward again on the same object give the same, not more."""
    for key in gradients(trial):
        if near(trial, key, second.get(key), 1.0, first[key]):
            continue
        what = f"gradient by {key[1]}"
        if near(trial, key, second.get(key), 2.0, first[key]):
            sentence = f"{what}: the second call gives twice as much: the first gradient is kept and added to"
            yield Finding("accumulated", key[1], "backward", sentence)
        else:
            yield Finding("cache-mutated", key[1], "backward", f"{what}: the second call on the same object differs")


def second_backward(trial, state, first):
    """backward again with the same cache gives the same. What an object keeps for itself, it may use up."""
    try:
        second = trial.hand.backward(state, trial.upstream)
    except SubjectRaised as raised:
        if not trial.hand.owns_cache:
            sentence = f"backward again with the same cache raised {type(raised.__cause__).__name__}: it was changed"
            yield from (Finding("cache-mutated", key[1], "backward", sentence) for key in gradients(trial))
        return
    for key in gradients(trial):
        if not any(near(trial, key, second.get(key), factor, first[key]) for factor in (1.0, 2.0)):
            sentence = f"gradient by {key[1]}: backward again with the same cache differs: it changes that cache"
            yield Finding("cache-mutated", key[1], "backward", sentence)


def gradients(trial):
    """The keys of the gradients that the subject gave, as real numbers."""
    numbers = {key for key, array in trial.ours.items() if np.asarray(array).dtype.kind in "fiub"}
    return [key for key in trial.truth if key[0] in GRADIENTS and key in numbers]


def same(array, other):
    """Whether two arrays are equal, number for number; NaN equals NaN."""
    return np.array_equal(array, other, equal_nan=np.asarray(other).dtype.kind == "f")


def near(trial, key, found, factor, base=None):
    """Whether found is factor times base (ours, unless another is given), but for rounding."""
    base = trial.ours[key] if base is None else base
    if found is None or np.shape(found) != np.shape(base) or np.asarray(found).dtype.kind not in "fiub":
        return False
    if np.shape(base) != np.shape(trial.budget[key]):
        return np.array_equal(found, factor * np.asarray(base), equal_nan=True)
    ours, theirs = np.asarray(found, float), factor * np.asarray(base, float)
    within = np.abs(ours - theirs) <= SLACK * abs(factor) * trial.budget[key]
    return bool((within | ~np.isfinite(theirs)).all())
