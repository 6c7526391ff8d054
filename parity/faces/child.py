"""The side of a check that runs what the user wrote, in a process of its own that parity.faces.process starts.

It leaves two files in the folder that it is given: `outcome`, a pickled Report or Refusal, once the check is over, and
`trace`, the lines on which it hung or died.
"""

import difflib
import faulthandler
import io
import os
import pickle
import sys
import time
import traceback
import types
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from parity.faces.arguments import parse
from parity.faces.commandline import Refusal
from parity.places import own_place

CALLS = 10  # limits of one call that a whole check may take
GRACE = 2.0  # seconds on top of the limit: the check itself stops first where it can, and says more


def main():
    """Check one of the subjects of a command line; sys.argv: the folder, which subject, the command line."""
    folder, index, *arguments = sys.argv[1:]
    options = parse(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what the subject prints raises nothing, and is out before it dies
            stream.reconfigure(errors="replace", line_buffering=True)
    with suppress(OSError):  # where memory runs out, this process is the one to go
        Path("/proc/self/oom_score_adj").write_text("1000")
    with open(Path(folder, "trace"), "w") as trace:
        faulthandler.enable(trace)
        outcome = attempt(options, options.subjects[int(index)], trace)
        Path(folder, "part").write_bytes(pickle.dumps(outcome))
        Path(folder, "part").replace(Path(folder, "outcome"))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # whatever the subject left running ends here


def attempt(options, subject, trace):
    """The Report of one subject, or a Refusal; past the limit the process ends and the trace tells where it was.

    The limit is of one call, as in parity.check; a check of very many calls ends after CALLS times as long.
    """
    import parity.checker  # noqa: F401 (before the time starts: loading torch is not the subject's fault)

    watch = Watch(options.limit, trace)
    try:
        watch.set()
        limit_memory(options.memory)
        with watched(watch):
            report = examine(options, subject)
    except Refusal as refusal:
        if options.debug:
            traceback.print_exc()
        return refusal
    finally:
        faulthandler.cancel_dump_traceback_later()
    return report if options.plot else replace(report, rows=tuple(replace(row, arrays=None) for row in report.rows))


class Watch:
    """Ends the process where no call of the subject's has begun for so many seconds, or the whole takes too long."""

    def __init__(self, limit, trace):
        self.limit, self.trace = limit, trace
        self.start = self.last = time.monotonic()

    def set(self):
        left = self.start + CALLS * self.limit - time.monotonic()
        faulthandler.dump_traceback_later(max(min(self.limit, left), 0) + GRACE, exit=True, file=self.trace)

    def pulse(self):
        """A call begins. Setting the watch again takes longer than many calls, so that it is done now and then."""
        if time.monotonic() - self.last > GRACE / 2:
            self.last = time.monotonic()
            self.set()


@contextmanager
def watched(watch):
    """Inside, every call of the subject's is a sign of life."""
    from parity.undisturbed import PULSE

    token = PULSE.set(watch.pulse)
    try:
        yield
    finally:
        PULSE.reset(token)


def limit_memory(gib):
    """Let this process take so much memory and no more, where a number is given: NumPy then raises MemoryError."""
    if gib is None:
        return
    try:
        import resource
    except ImportError:
        raise Refusal("--memory: this system cannot limit the memory of a process; leave it out") from None
    resource.setrlimit(resource.RLIMIT_DATA, (int(gib * 2**30),) * 2)


def examine(options, subject):
    """The Report of one subject; where its file raises, or memory runs out beside it, the verdict is "error"."""
    try:
        names = load(subject.path)
        value = evaluate(subject.text, subject.expression, names)
        against = options.against and evaluate(f"--against {options.against}", options.against, names)
        inputs = [evaluate(f"--input {given}", given, names) for given in options.input]
    except Refusal:
        raise
    except (Exception, SystemExit) as error:
        if options.debug:
            traceback.print_exc()
        return raised(subject, error)
    try:
        return judge(value, inputs, against, options)
    except MemoryError as error:
        return raised(subject, error)


def judge(subject, inputs, against, options):
    """parity.check as the command line asks for it. Refusal where nothing can be checked or the fault is ours."""
    import parity

    keywords = {name: getattr(options, name) for name in ("wrt", "dtype", "device", "seed", "limit")}
    try:
        return parity.check(subject, *inputs, against=against, **keywords)
    except (TypeError, ValueError) as error:
        raise Refusal(" ".join(str(error).removeprefix("parity.check: ").split())) from error
    except MemoryError:
        raise
    except Exception as error:
        text = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise Refusal(f"a fault of handgrad's own, not of the subject's: {text}; --debug shows where") from error


def load(path):
    """The names of a file, run as a module under its own stem with its folder on the path, and of NumPy and torch."""
    import numpy
    import torch

    sys.dont_write_bytecode = True  # nothing is left beside the user's file
    sys.path.insert(0, str(path.parent))
    module = types.ModuleType(path.stem)
    module.__file__ = str(path)
    sys.modules.setdefault(path.stem, module)  # a file called random.py does not take that module from others
    exec(compile(path.read_bytes(), path, "exec", dont_inherit=True), vars(module))
    return {"np": numpy, "torch": torch, "nn": torch.nn, "F": torch.nn.functional} | vars(module)


def evaluate(label, given, names):
    """What an expression stands for. Raises Refusal where it is wrong by itself; what the user's file raises passes."""
    try:
        return given.value(names)
    except (Exception, SystemExit) as error:
        if own_place(error):
            raise
        near = difflib.get_close_matches(getattr(error, "name", None) or "", known(error, names), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise Refusal(f"{label}: {type(error).__name__}: {' '.join(str(error).split())}{hint}") from error


def known(error, names):
    """The names among which a misspelt one is looked for."""
    return dir(error.obj) if isinstance(error, AttributeError) else list(names)


def raised(subject, error):
    """The Report of a subject that raised before anything could be compared."""
    from parity.report import Finding, Report

    place, text = own_place(error), f"{type(error).__name__}: {' '.join(str(error).split())}"
    finding = Finding("raised", "", place, f"{place} raised {text}" if place else text)
    return Report(subject.expression.text, "", causes=(finding,))
