"""Where a gradient was made: the line of the user's last operation whose result it is."""

from dataclasses import replace

import numpy as np

from parity.rows import GRADIENTS
from parity.subjects.raised import SubjectRaised
from parity.tape.lines import lines_that_make
from parity.tape.recording import is_same, record

# of these the line that made a gradient is not the one to blame
ELSEWHERE = ("nondeterministic", "updated-weights", "cache-mutated", "input-mutated")
UNPLACED = ("", "backward", "subject", "data")
MOST = 200_000  # entries of inputs and weights: a tape copies what it notes


def placed(findings, trial):
    """The findings, those on a gradient that name no line with the line that made it, where that can be told."""
    if not any(finding.where in UNPLACED and finding.row for finding in findings):
        return findings
    codes = {finding.code for finding in findings}
    lines, entries = made_at(trial), dtypes_enter(trial) if "dtype-changed" in codes else {}
    infinite = turns_infinite(trial) if "non-finite" in codes else None

    def place(finding):
        if finding.code == "dtype-changed" and finding.row in entries:
            return entries[finding.row]
        if finding.where in UNPLACED and finding.code not in ELSEWHERE:
            return (infinite if finding.code == "non-finite" else None) or lines.get(finding.row, finding.where)
        return finding.where

    return [replace(finding, where=place(finding)) for finding in findings]


def dtypes_enter(trial):
    """{name: `mine.py:23`} of gradients: the first of the operations that led there whose result has their dtype."""
    results, made = backward_events(trial)
    events = {event.index: event for event in made}
    found = {}
    for (kind, name), gradient in results.items():
        makers = [event for event in made if kind in GRADIENTS and is_same(event.result, gradient)]
        of_dtype = [events[i] for i in led_to(makers[-1], events)] if makers else []
        of_dtype = [event for event in of_dtype if getattr(event.result, "dtype", None) == np.asarray(gradient).dtype]
        if of_dtype:
            found[name] = repr(min(of_dtype, key=lambda event: event.index).site)
    return found


def led_to(event, events):
    """The indices of an event and of those, of these events, that it was computed from."""
    open_, seen = [event.index], set[int]()
    while open_:
        one = open_.pop()
        if one in events and one not in seen:
            seen.add(one)
            open_ += [origin for origin in events[one].origins if type(origin) is int]
    return seen


def in_backward_order(findings, trial):
    """The findings in the order in which backward reaches their lines, those without a line last."""
    if len(findings) < 2:
        return findings
    turns: dict[str, int] = {}
    for event in backward_events(trial)[1]:
        turns.setdefault(repr(event.site), event.index)
    return sorted(findings, key=lambda finding: turns.get(finding.where, len(turns) + 10**9))


def backward_events(trial):
    """(the results of a run, its events in backward); nothing for large subjects and for those that raise."""
    results, made = taped_events(trial)
    return results, [event for event in made if event.phase == "backward" or trial.hand.joint]


def taped_events(trial):
    """(the results of a run, its events); nothing for large subjects and for those that raise."""
    if not is_small(trial):
        return {}, []
    try:
        tape = record(trial.hand, trial.arrays, trial.upstream)
    except SubjectRaised:
        return {}, []
    return tape.results, tape.events


def is_small(trial):
    return sum(np.size(array) for array in trial.arrays.values()) <= MOST


def made_at(trial):
    """{name: `mine.py:23`} of the gradients: the operation of backward that made it, else the line that left it there.

    Of what nothing made, the line at which backward ends.
    """
    results, made = backward_events(trial)
    found: dict = {}
    left: dict = {}
    for (kind, name), gradient in ((key, trial.ours.get(key, results.get(key))) for key in trial.truth):
        if kind not in GRADIENTS:
            continue
        event = next((event for event in reversed(made) if is_same(event.result, gradient)), None)
        if event is None or event.passes_on or not np.any(gradient):  # many operations make zeros
            left[name] = gradient
        else:
            found[name] = repr(event.site)
    return found | (lines_left(trial, left) if left and is_small(trial) else {})


def lines_left(trial, gradients):
    """The lines of backward that leave these gradients, {name: array or None}, behind."""
    hand = trial.hand
    if hand.joint:
        return lines_that_make(lambda: hand.run(trial.arrays, trial.upstream), gradients)
    try:
        state = hand.forward(trial.arrays)[1]
    except SubjectRaised:
        return {}
    return lines_that_make(lambda: hand.backward(state, trial.upstream), gradients)


def turns_infinite(trial):
    """`mine.py:23`, the first operation that makes what is not finite of finite numbers; None where none is known."""
    for event in taped_events(trial)[1]:
        if not is_finite(event.result) and all(map(is_finite, event.operands)):
            return repr(event.site)
    return None


def is_finite(value):
    return not (isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f") or np.isfinite(value).all()
