"""The bridge: a hand-derived network and its torch twin side by side, every entry of every gradient judged."""

from parity.bridge import to_numpy, to_scratch, to_torch
from parity.check import GradientMismatch, assert_parity, check, compare
from parity.compare import Row, Worst
from parity.report import Finding, Report

__all__ = [
    "Finding",
    "GradientMismatch",
    "Report",
    "Row",
    "Worst",
    "assert_parity",
    "check",
    "compare",
    "to_numpy",
    "to_scratch",
    "to_torch",
]
