"""Findings on what a subject does beside its derivation: it raises, hangs, exits, prints."""

import traceback
from pathlib import Path

from parity.followed import hidden
from parity.report import Finding
from parity.subjects.base import ContractBroken
from parity.undisturbed import TimeLimit


def users_line(error):
    """`mine.py:23`: the deepest line of an exception's traceback that is neither ours nor a library's; None if none."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if not hidden(frame.f_code)]
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if not hidden(frame.f_code)]
    return f"{Path(frames[-1].f_code.co_filename).name}:{lines[-1]}" if frames else None


def raised_finding(error):
    """The finding for an exception of the subject: its own line and the message."""
    if isinstance(error, ContractBroken):
        return Finding("raised", "", "contract", str(error))
    where = users_line(error) or "?"
    if isinstance(error, TimeLimit):
        return Finding("raised", "", where, f"{where} gave {error}: it hangs, or needs a larger limit=")
    if isinstance(error, SystemExit):
        return Finding("raised", "", where, f"{where} leaves the process: SystemExit {error}")
    return Finding("raised", "", where, f"{where} raised {type(error).__name__}: {error}")


def printed_finding(printed):
    """A finding for what the subject printed, as a tuple of one or none."""
    if printed.where is None:
        return ()
    file, line = printed.where
    where = f"{Path(file).name}:{line}"
    return (Finding("printed", "", where, f"{where} prints {printed.text[:60]!r}; what it prints is not shown here"),)
