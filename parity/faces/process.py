"""A check in a process of its own: what the subject does to that process, no verdict of ours is lost by it."""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from parity.faces.child import GRACE
from parity.faces.commandline import Refusal
from parity.places import own_place_in

LOADING = 120.0  # seconds that torch may take to load from a cold disk, before the limit of the check begins
LAUNCH = "import sys; sys.path.insert(0, sys.argv.pop(1)); from parity.faces.child import main; main()"


def check_apart(options, index, arguments):
    """The Report of one subject of a command line. Raises Refusal for what cannot be checked at all.

    options: the arguments, parsed. A process that hangs or dies gives a Report with the verdict "error".
    """
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        status = run_child([folder, str(index), *arguments], options.limit + GRACE + LOADING)
        outcome = Path(folder, "outcome")
        if not outcome.exists():
            trace = Path(folder, "trace")
            text = trace.read_text(errors="replace") if trace.exists() else ""
            return lost(options.subjects[index], status, text, options.limit)
        found = pickle.loads(outcome.read_bytes())
    if isinstance(found, Refusal):
        which = f"{options.subjects[index].text}: " if len(options.subjects) > 1 else ""
        raise Refusal(f"{which}{found}")
    return found


def run_child(arguments, seconds):
    """Run parity.faces.child to its end and return its exit status, None where it was stopped after so many seconds.

    What it prints goes to our stderr, it has nothing to read, and whatever it started ends with it.
    """
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-P", "-c", LAUNCH, root, *arguments]
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=sys.stderr or subprocess.DEVNULL, start_new_session=True
    )
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(OSError):  # it has ended, and so has everything that it started
            os.killpg(child.pid, signal.SIGKILL) if hasattr(os, "killpg") else child.kill()
        child.wait()


def lost(subject, status, trace, limit):
    """The Report of a check whose process was over before the check was."""
    from parity.report import Finding, Report

    place = own_place_in(trace)
    text = f"{place}: {reason(status, trace, limit)}" if place else reason(status, trace, limit)
    where = place.rpartition(" in ")[0]
    return Report(subject.expression.text, "", causes=(Finding("raised", "", where, text),))


def reason(status, trace, limit):
    """Why the process of a check is over, in words."""
    if status is None or trace.startswith("Timeout"):
        return f"still running after {limit:g} s, and stopped; --limit SECONDS allows more"
    if status >= 0:
        return f"the subject ended the process with exit status {status}"
    name = f"{signal.Signals(-status).name} ({signal.strsignal(-status)})"
    return f"the process died of {name}" + ("; out of memory?" if -status == signal.SIGKILL else "")
