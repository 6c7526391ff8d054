"""Probes of calls: does a call depend on earlier ones, is backward linear in the upstream gradient?"""

import copy

import numpy as np

from parity.diagnosis.trial import SLACK
from parity.report import Finding
from parity.rows import GRADIENTS
from parity.subjects.base import SubjectRaised

SCALES = (-1.0, 2.0**-10, 2.0**10)  # powers of two scale exactly; −1 finds abs(g), the others clip(g) and g·g
RESETS = ("zero_grad", "zero_gradients", "zero_grads", "reset_grad", "clear_grads")


def probe_calls(trial):
    """The findings of every probe of calls on the trial's data."""
    return [
        finding for look in (upstream_probe, weights_probe, second_call_probe, cache_probe) for finding in look(trial)
    ]


def upstream_probe(trial):
    """backward is linear in the upstream gradient: s·g gives s times as much."""
    if not trial.hand.takes_upstream:
        return
    runs = {s: trial.hand.run(trial.arrays, [np.asarray(s * g, g.dtype) for g in trial.upstream]) for s in SCALES}
    for key in gradients(trial):
        if all(near(trial, key, runs[s].get(key), s) for s in SCALES):
            continue
        what = f"gradient by {key[1]}"
        if all(near(trial, key, runs[s].get(key), 1.0) for s in SCALES) and np.any(trial.ours[key]):
            sentence = f"{what} is the same when the upstream gradient is scaled: it is not multiplied in"
            yield Finding("upstream-ignored", key[1], "backward", sentence)
        elif near(trial, key, runs[2.0**10].get(key), 2.0**10):
            yield Finding("unknown", key[1], "backward", f"{what} depends on the sign of the upstream gradient")
        else:
            sentence = f"{what} depends on the size of the upstream gradient: s·g does not give s times as much"
            yield Finding("unknown", key[1], "backward", sentence)


def weights_probe(trial):
    """backward leaves the weights as they are."""
    net = trial.hand.copy(trial.arrays)
    state = trial.hand.forward_on(net, trial.arrays)[1]
    trial.hand.backward(state, trial.upstream)
    for name, array in trial.hand.weights(net).items():
        if not np.array_equal(array, trial.arrays[name]):
            sentence = f"backward changes {name}: what is computed after that uses the new weights"
            yield Finding("updated-weights", name, "backward", sentence)


def second_call_probe(trial):
    """Forward and backward again on the same object give the same, not more."""
    net = trial.hand.copy(trial.arrays)
    if net is None:
        return
    first, outputs = call(trial, net)
    for reset in RESETS:
        if callable(getattr(net, reset, None)):
            getattr(net, reset)()
    second, outputs_again = call(trial, net)
    if any(np.asarray(a).tobytes() != np.asarray(b).tobytes() for a, b in zip(outputs, outputs_again, strict=True)):
        return  # it draws, or keeps statistics: another call is another function
    for key in gradients(trial):
        if near(trial, key, second.get(key), 1.0, first.get(key)):
            continue
        what = f"gradient by {key[1]}"
        if near(trial, key, second.get(key), 2.0, first.get(key)):
            sentence = f"{what}: the second call gives twice as much: the first gradient is kept and added to"
            yield Finding("accumulated", key[1], "backward", sentence)
        else:
            yield Finding("cache-mutated", key[1], "backward", f"{what}: the second call on the same object differs")


def call(trial, net):
    """({key: gradient}, outputs) of one call on an object, as copies that a further call cannot change."""
    outputs, state = trial.hand.forward_on(net, trial.arrays)
    return copy.deepcopy(trial.hand.backward(state, trial.upstream)), copy.deepcopy(outputs)


def cache_probe(trial):
    """backward again with the same cache gives the same."""
    if trial.hand.joint:
        return
    state = trial.hand.forward(trial.arrays)[1]
    first = copy.deepcopy(trial.hand.backward(state, trial.upstream))
    try:
        second = trial.hand.backward(state, trial.upstream)
    except SubjectRaised as raised:
        if trial.hand.owns_cache:
            return  # what it keeps itself, it may use up
        sentence = f"a second backward with the same cache raised {type(raised.__cause__).__name__}: it was changed"
        yield Finding("cache-mutated", "", "backward", sentence)
        return
    for key in gradients(trial):
        again = second.get(key)
        if not near(trial, key, again, 1.0, first.get(key)) and not near(trial, key, again, 2.0, first.get(key)):
            sentence = (
                f"gradient by {key[1]}: backward again with the same cache differs: it changes what it needs again"
            )
            yield Finding("cache-mutated", key[1], "backward", sentence)


def gradients(trial):
    """The keys of the gradients that the subject gave."""
    numbers = {key for key, array in trial.ours.items() if np.asarray(array).dtype.kind in "fiub"}
    return [key for key in trial.truth if key[0] in GRADIENTS and key in numbers]


def near(trial, key, found, factor, base=None):
    """Whether found is factor times base (ours, unless another is given), but for rounding."""
    base = trial.ours[key] if base is None else base
    if found is None or np.shape(found) != np.shape(base) or np.asarray(found).dtype.kind not in "fiub":
        return False
    if np.shape(base) != np.shape(trial.budget[key]):
        return np.array_equal(found, factor * np.asarray(base))
    with np.errstate(all="ignore"):
        error = np.abs(np.asarray(found, float) - factor * np.asarray(base, float))
    return bool((error <= SLACK * abs(factor) * trial.budget[key]).all())
