"""Findings on what a subject does beside its derivation: raise, hang, exit, print, draw, write to its inputs."""

import traceback
from pathlib import Path

import numpy as np

from parity.followed import hidden
from parity.places import is_own
from parity.report import Finding
from parity.subjects.raised import ContractBroken, said_by
from parity.tape.lines import line_that_differs
from parity.undisturbed import TimeLimit


def users_line(error):
    """`mine.py:23`: the deepest line of a traceback that is the user's, else a library's; None if none."""
    places = [
        (Path(frame.f_code.co_filename), line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not hidden(frame.f_code)
    ]
    own = [(path, line) for path, line in places if is_own(str(path))] or places
    return f"{own[-1][0].name}:{own[-1][1]}" if own else None


def raised_finding(error):
    """The finding for an exception of the subject: its own line and the message."""
    if isinstance(error, ContractBroken):
        return Finding("raised", "", "contract", str(error))
    where = users_line(error) or "the subject"
    if isinstance(error, TimeLimit):
        said = str(error) or "no answer in time"  # in other threads it comes without its words
        return Finding("raised", "", where, f"{where} gave {said}: it hangs, or needs a larger limit=")
    if isinstance(error, SystemExit):
        return Finding("raised", "", where, f"{where} leaves the process: SystemExit {error}")
    return Finding("raised", "", where, f"{where} raised {type(error).__name__}: {said_by(error)}")


def printed_finding(printed):
    """A finding for what the subject printed, as a tuple of one or none."""
    if printed.where is None:
        return ()
    file, line = printed.where
    where = f"{Path(file).name}:{line}"
    return (Finding("printed", "", where, f"{where} prints {printed.text[:60]!r}; what it prints is not shown here"),)


def first_run(hand, arrays, upstream, outputs):
    """(findings, what a run returns): writing to what is lent, and a forward that differs from an equal earlier one.

    outputs: those of that earlier call. A subject that draws runs from the same seed each time afterwards.
    """
    findings = [] if hand.writes_at is None else list(written_findings(hand, arrays, upstream))
    returned = hand.run(arrays, upstream)
    again = [array for (kind, _), array in returned.items() if kind == "output"]
    if all(np.array_equal(a, b, equal_nan=True) for a, b in zip(outputs, again, strict=True)):
        return findings, returned
    where = line_that_differs(lambda: hand.run(arrays, upstream)) or "subject"
    hand.seeded = True
    for kind, name in returned:
        what = name if kind == "output" else f"gradient by {name}"
        sentence = f"{what}: two equal calls differ; draw from a generator that the object holds"
        findings.append(Finding("nondeterministic", name, where, sentence))
    return findings, hand.run(arrays, upstream)


def written_findings(hand, arrays, upstream):
    """What a run writes to, of the arrays that it was lent; a weight is left to the probe of weights."""
    where, hand.writes_at = hand.writes_at, None
    lent, given = {name: array.copy() for name, array in arrays.items()}, [g.copy() for g in upstream]
    hand.run(lent, given)
    hand.writes_at = where
    names = [name for name in hand.input_names if lent[name].tobytes() != arrays[name].tobytes()]
    changed = [f"its input {name}" for name in names]
    if any(ours.tobytes() != theirs.tobytes() for ours, theirs in zip(given, upstream, strict=True)):
        changed.append("its upstream gradient")
    if changed:
        sentence = f"{where} writes to {' and '.join(changed)}, which others still need; work on a copy"
        yield Finding("input-mutated", "", where, sentence)
