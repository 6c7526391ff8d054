"""Where a subject writes to what others still need: the line after which it is not what it was."""

from dataclasses import replace

import numpy as np
from torch.utils._pytree import keystr, tree_flatten_with_path

from parity.subjects.raised import SubjectRaised
from parity.subjects.torch_callable import HandTorch
from parity.tape.lines import line_that_changes, line_that_writes_to

IN_PLACE = ("input-mutated", "updated-weights")


def line_that_writes(trial, weights):
    """`mine.py:23`, the first line of backward that changes what forward left; "backward" where none tells.

    weights: whether it is the weights that change. Gradients that backward keeps in arrays of the object are its own
    to write.
    """
    hand = trial.hand
    forwarded = with_weights if weights else with_state
    try:
        state, left = forwarded(trial)
        before = left()
        returned = hand.backward(state, trial.upstream).values()
        after = left()
        state, left = forwarded(trial)
    except SubjectRaised:
        return "backward"
    names = [name for name, array in before.items() if not same(after.get(name), array)]
    names = [n for n in names if not any(same(after.get(n), gradient) for gradient in returned)]

    def bytes_now():
        now = left()
        return [now[name].tobytes() if name in now else None for name in names]

    return line_that_changes(lambda: hand.backward(state, trial.upstream), bytes_now) or "backward"


def with_weights(trial):
    """(the state after forward, a function that gives {name: copy} of the weights)."""
    net = trial.hand.copy(trial.arrays)
    state = trial.hand.forward_on(net, trial.arrays)[1]
    return state, lambda: {name: np.array(array) for name, array in trial.hand.weights(net).items()}


def with_state(trial):
    """(the state after forward, a function that gives {place: copy} of the arrays that it and the object hold)."""
    net = trial.hand.copy(trial.arrays)
    state = trial.hand.forward_on(net, trial.arrays)[1]
    parts = [part for part in trial.hand.all_parts(net) if hasattr(part, "__dict__")]

    def left():
        leaves = tree_flatten_with_path([state, [vars(part) for part in parts]])[0]
        return {keystr(path): leaf.copy() for path, leaf in leaves if isinstance(leaf, np.ndarray)}

    return state, left


def same(array, other):
    return array is not None and np.array_equal(array, other)


def written(findings, hand, arrays, upstream):
    """The findings of a torch subject, those on tensors that were changed in place with the line that does so."""
    if not isinstance(hand, HandTorch) or not any(finding.code in IN_PLACE for finding in findings):
        return findings
    state = hand.forward(arrays)[1]
    calls = {"forward": lambda: hand.forward(arrays), "backward": lambda: hand.backward(state, upstream)}
    kept = {"forward": (), "backward": hand.kept(state)}
    lines = {phase: line_that_writes_to(calls[phase], kept[phase]) for phase in calls}
    return [replace(f, where=lines.get(f.where) or f.where) if f.code in IN_PLACE else f for f in findings]
