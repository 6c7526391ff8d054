"""No harm: what a subject or a twin changes in the whole process is put back when a check is over.

Inside, the subject's calls have a time limit, what it prints is kept instead of shown, and `os._exit` raises.
"""

import contextlib
import ctypes
import io
import os
import random
import signal
import threading
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import torch

from parity.followed import users_frame

SMALL = 100_000
SEEDED: ContextVar[bool] = ContextVar("SEEDED", default=False)
PULSE: ContextVar[Callable[[], None]] = ContextVar("PULSE", default=lambda: None)  # called where a call begins
LIMIT: ContextVar[float | None] = ContextVar("LIMIT", default=None)


class OutOfTime(BaseException):
    """A run that we make of the subject to learn from it takes too long: ours, and nothing that the subject raised.

    Not an Exception, so that the user's own code does not catch it.
    """


class TimeLimit(BaseException):
    """A call of the subject's did not come back in time. No Exception, so that no `except Exception` swallows it."""


@contextmanager
def undisturbed(limit=None):
    """NumPy's and torch's global generators, NumPy's error handling and the working folder, put back afterwards.

    limit: seconds that one call of the subject's may take. Yields the Printed of what was printed meanwhile.
    """
    state, folder = np.random.get_state(), os.getcwd()  # noqa: NPY002 (the subject may use what we do not)
    python_state = random.getstate()
    printed, leave, token, seeded = Printed(), os._exit, LIMIT.set(limit), SEEDED.set(False)
    default_rng = np.random.default_rng
    try:
        os._exit = refuse_to_leave
        np.random.default_rng = lambda seed=None: default_rng(0 if seed is None and SEEDED.get() else seed)
        with (
            np.errstate(all="ignore"),
            warnings.catch_warnings(),
            torch.random.fork_rng(),
            contextlib.redirect_stdout(printed),
        ):
            warnings.simplefilter("ignore")  # NaN and infinities are findings, not warnings
            yield printed
    finally:
        os._exit = leave
        np.random.default_rng = default_rng
        LIMIT.reset(token)
        SEEDED.reset(seeded)
        np.random.set_state(state)  # noqa: NPY002
        random.setstate(python_state)
        os.chdir(folder)


@contextmanager
def few_threads(entries):
    """One torch thread for arrays of up to SMALL entries in all, half of them for larger ones.

    More would spend their time waiting, for each other and for those of NumPy's products.
    """
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1 if entries <= SMALL else max(1, before // 2))
        yield
    finally:
        torch.set_num_threads(before)


def seed_global_generators():
    """Start Python's, NumPy's and torch's global generators, and unseeded ones, at the same place each time."""
    SEEDED.set(True)
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 (the subject draws from it)
    torch.default_generator.manual_seed(0)  # torch.manual_seed asks every device, a hundred times as long


def refuse_to_leave(status):
    raise SystemExit(f"os._exit({status})")


class Printed(io.TextIOBase):
    """The first line that was printed, and the user's line that printed it: `file, line`."""

    def __init__(self):
        self.text, self.where, self.whole = "", None, False

    def write(self, text):
        if self.where is None and text.strip():
            frame = users_frame()
            self.where = (frame.f_code.co_filename, frame.f_lineno)
        if self.where is not None and not self.whole:
            start, newline, _ = (self.text + text).lstrip().partition("\n")
            self.text, self.whole = start, bool(newline)
        return len(text)


@contextmanager
def time_limit(most=None):
    """Raises TimeLimit inside the block once LIMIT seconds, or `most`, are over; nothing where no limit is set.

    In the main thread by an alarm signal, which also wakes a call that sleeps; elsewhere, and where a signal is in use
    or unknown, by an exception set on this thread, which arrives when it next runs Python code.
    """
    seconds = LIMIT.get() if most is None else most
    PULSE.get()()
    if seconds is None:
        yield
    elif alarm_is_free():
        before = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    else:
        timer = threading.Timer(seconds, interrupt, [threading.get_ident()])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def alarm_is_free():
    main = threading.current_thread() is threading.main_thread()
    return main and hasattr(signal, "setitimer") and signal.getitimer(signal.ITIMER_REAL)[0] == 0


def ring(number, frame):
    raise TimeLimit(f"no answer within {LIMIT.get() or 0:g} s")


def interrupt(thread):
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(TimeLimit))
