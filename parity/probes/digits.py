"""Probes of digits: a step in lower precision, and cancellation, both found on the tape where digits are missing."""

from dataclasses import replace

import numpy as np

from parity.report import Finding
from parity.rows import GRADIENTS
from parity.tape.recording import record

MOST = 200_000  # entries of inputs and weights: a tape copies what it notes
LOST = 0.5  # of the digits: a gradient that keeps fewer is worth a remark
CANCELS = 0.4  # an operation loses that share of the digits when its operands are ε^−0.4 times its result


def probe_digits(trial, rows, dtype):
    """Findings on digits that are lost inside the subject, for gradients whose rows show it."""
    poor = [row for row in rows if row.kind in GRADIENTS and poor_digits(row, dtype)]
    seen = [finding for finding in trial.hand.findings if finding.code == "low-precision"]
    if seen and dtype == np.float64:
        return [replace(seen[0], row=row.name) for row in poor]
    if not poor or sum(np.size(array) for array in trial.arrays.values()) > MOST:
        return []
    events = record(trial.hand, trial.arrays, trial.upstream).events
    low = next((event for event in events if lower(event, dtype)), None)
    if low is not None:
        return [low_finding(row, low, dtype) for row in poor]
    cancelling = [event for event in events if cancels(event, dtype)]
    if not cancelling:
        return []
    kept = [row.name for row in poor if row.verdict != "fail"]
    return [cancellation_finding(kept, max(cancelling, key=loss), dtype)] if kept else []


def poor_digits(row, dtype):
    """Whether a gradient could hide, or has, an error of half its digits that may still be rounding.

    Judged along directions, no entry's digits are known.
    """
    eps = float(np.finfo(dtype).eps)
    if row.verdict == "fail":
        size = abs(row.worst.theirs) if row.worst else 0.0
        return row.cause is None and 0 < row.error <= eps ** (LOST / 2) * size
    return row.arrays is not None and (row.hides > eps**LOST or row.blurred > 0)


def lower(event, dtype):
    """Whether an operation's result is a float array of lower precision than the check's."""
    result = event.result
    return isinstance(result, np.ndarray) and result.dtype.kind == "f" and result.dtype.itemsize < dtype.itemsize


def low_finding(row, event, dtype):
    sentence = f"{event.site}: {event.name} is computed in {event.result.dtype}, the rest in {dtype}"
    return Finding("low-precision", row.name, str(event.site), sentence)


def cancels(event, dtype):
    return loss(event) > float(np.finfo(dtype).eps) ** -CANCELS


def loss(event):
    """How many times larger than its result, where it is not 0, the operands of a sum or difference are, at most."""
    if event.name not in ("add", "subtract") or not isinstance(event.result, np.ndarray):
        return 0.0
    size = np.abs(event.result)
    largest = np.maximum(*(np.abs(operand) for operand in event.operands[:2]))
    with np.errstate(all="ignore"):
        ratio = np.where(size > 0, largest / size, 0.0)
    return float(np.max(ratio, initial=0.0))


def cancellation_finding(names, event, dtype):
    """One finding for the gradients of these names."""
    sentence = (
        f"{event.site}: {event.name} cancels: its operands are up to {loss(event):.0e} times its result, so "
        f"gradient by {', '.join(names)} keeps few of {dtype}'s digits; the formula agrees"
    )
    return Finding("cancellation", names[0], str(event.site), sentence, also=tuple(names[1:]))
