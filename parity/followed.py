"""Following the user's code: which frame is theirs, and arrays that they create or convert while they are followed.

An ndarray subclass sees every operation on its own kind, but `np.zeros(...)` starts a plain array and `np.asarray(x)`
returns to one: there the trail would end.
"""

import functools
import os
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

import parity

HIDDEN = tuple(f"{Path(module.__file__ or '').parent}{os.sep}" for module in (np, torch, parity))
CREATORS = ("zeros", "ones", "empty", "full", "eye", "identity")
CONVERTERS = ("array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray")


@functools.cache
def hidden(code):
    """Whether a code object is NumPy's, torch's or the checker's own."""
    return code.co_filename.startswith(HIDDEN)


def users_frame():
    """The innermost frame of the user's own code."""
    frame = sys._getframe(1)
    while frame.f_back is not None and hidden(frame.f_code):
        frame = frame.f_back
    return frame


@contextmanager
def followed(create):
    """Inside, the user's code that calls one of NumPy's CREATORS or CONVERTERS gets create(function, args, kwargs).

    function is NumPy's own. Calls from other threads and from libraries are not touched.
    """
    thread = threading.get_ident()
    originals = {name: getattr(np, name) for name in (*CREATORS, *CONVERTERS)}

    def replacement(function):
        @functools.wraps(function)
        def created(*args, **kwargs):
            if threading.get_ident() != thread or hidden(sys._getframe(1).f_code):
                return function(*args, **kwargs)
            return create(function, args, kwargs)

        return created

    try:
        for name, function in originals.items():
            setattr(np, name, replacement(function))
        yield
    finally:
        for name, function in originals.items():
            setattr(np, name, function)
