"""Places in the user's own source: the line to look at, whatever library the program was in when it raised or ended."""

import io
import os
import re
import sysconfig
import traceback
from pathlib import Path

PYTHONS = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
HANDGRADS = [str(Path(__file__).parents[1] / package) for package in ("parity", "scratch", "torch_ref")]
LIBRARIES = tuple(f"{folder}{os.sep}" for folder in (*PYTHONS, *HANDGRADS))
COMPILED = (".pyx", ".pxd", ".pxi")  # Cython tells frames by names that lead nowhere
FRAME = re.compile(r'^  File "(.*)", line (\d+) in (.*)$', re.MULTILINE)
ESCAPE = re.compile(r"\\x(..)|\\u(....)|\\U(........)")


def is_own(filename):
    """Whether a line of this file is the user's: of a file, and not Python's, an installed package's or handgrad's."""
    return not filename.startswith(("<", *LIBRARIES)) and not filename.endswith(COMPILED)


def own_place(error):
    """`mine.py:23`, the deepest of the user's lines in an exception's traceback; empty where there is none."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_own(frame.filename)]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def own_place_in(trace):
    """`mine.py:23 in backward`, the deepest of the user's lines in what faulthandler wrote; empty where there is none.

    faulthandler lists the deepest call first and writes what is not ASCII as escapes.
    """
    for escaped, line, function in FRAME.findall(trace):
        filename = ESCAPE.sub(lambda code: chr(int("".join(filter(None, code.groups())), 16)), escaped)
        if is_own(filename):
            return f"{Path(filename).name}:{line} in {function}"
    return ""


def lines_of(source):
    """The lines of a source with their ends, as Python counts them: a form feed, or U+2028, ends none."""
    return list(io.StringIO(source, newline=""))
