"""The bridge: a hand-derived network and its torch twin side by side, every entry of every gradient judged.

The names load on first use: importing parity alone imports neither NumPy nor torch, so a command line is parsed, and a
test run starts, before either is there.

Where a check goes, file by file: checker.check reads the subject (subjects/) and its setting, runs it undisturbed,
chooses who judges it (witnesses/), and lets an examination give trials: what came out, what is right, and what rounding
explains (rounding/). judging makes rows of a trial, verdicts settles who is wrong where two disagree (kinks allow what
no derivative decides), probes/ see what one run cannot show, diagnosis/ finds where and why, with the user's own
operations on a tape/. A report is what comes out; faces/ show it. computation.compare judges anything else that both
sides compute, bridge carries weights across.
"""

import importlib

_HOMES = {
    "Finding": "parity.report",
    "GradientMismatch": "parity.checker",
    "Repair": "parity.report",
    "Report": "parity.report",
    "Row": "parity.rows",
    "Worst": "parity.rows",
    "assert_parity": "parity.checker",
    "check": "parity.checker",
    "compare": "parity.computation",
    "LockstepReport": "parity.training",
    "lockstep": "parity.training",
    "to_numpy": "parity.bridge",
    "to_scratch": "parity.bridge",
    "to_torch": "parity.bridge",
}

__all__ = [
    "Finding",
    "GradientMismatch",
    "LockstepReport",
    "Repair",
    "Report",
    "Row",
    "Worst",
    "assert_parity",
    "check",
    "compare",
    "lockstep",
    "to_numpy",
    "to_scratch",
    "to_torch",
]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'parity' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted(__all__)
