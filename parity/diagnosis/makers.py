"""Where a gradient was made: the line of the user's last operation whose result it is."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from parity.rows import GRADIENTS
from parity.subjects.raised import SubjectRaised
from parity.tape.recording import record

UNPLACED = ("", "backward", "subject")
MOST = 200_000  # entries of inputs and weights: a tape copies what it notes


def placed(findings, trial):
    """The findings, those on a gradient that name no line with the line that made it, where the tape tells."""
    if not any(finding.where in UNPLACED and finding.row for finding in findings):
        return findings
    lines, entries = made_at(trial), dtypes_enter(trial) if any(f.code == "dtype-changed" for f in findings) else {}
    found = [replace(f, where=lines.get(f.row, f.where)) if f.where in UNPLACED else f for f in findings]
    return [replace(f, where=entries.get(f.row, f.where)) if f.code == "dtype-changed" else f for f in found]


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
    if sum(np.size(array) for array in trial.arrays.values()) > MOST:
        return {}, []
    try:
        tape = record(trial.hand, trial.arrays, trial.upstream)
    except SubjectRaised:
        return {}, []
    return tape.results, [event for event in tape.events if event.phase == "backward" or trial.hand.joint]


def made_at(trial):
    """{name: `mine.py:23`} of the gradients that an operation of backward made; of others the line of its def."""
    results, made = backward_events(trial)
    first = made[0].site if made else None
    start = f"{Path(first.file).name}:{first.code.co_firstlineno}" if first else "backward"
    found = {name: start for kind, name in trial.truth if kind in GRADIENTS}
    for (kind, name), gradient in results.items():
        if kind in GRADIENTS and np.size(gradient):
            site = next((event.site for event in reversed(made) if is_same(event.result, gradient)), None)
            found |= {name: repr(site)} if site is not None else {}
    return found


def is_same(result, gradient):
    return np.shape(result) == np.shape(gradient) and np.array_equal(result, gradient, equal_nan=True)
