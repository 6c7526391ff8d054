"""Sites: the places in the user's code where operations are asked for."""

import bisect
import dis
import functools
from pathlib import Path


class Site:
    """One instruction of the user's code; one object each, made by `site_of`, so all turns of a loop share it."""

    def __init__(self, code, offset):
        self.code, self.offset, self.file = code, offset, code.co_filename

    @functools.cached_property
    def positions(self):
        """(line, end line, column, end column) of the expression, columns in UTF-8 bytes; None where unknown."""
        return list(self.code.co_positions())[self.offset // 2]

    @property
    def line(self):
        return self.positions[0] or self.code.co_firstlineno

    def __repr__(self):
        return f"{Path(self.file).name}:{self.line}"


SITES: dict[tuple[int, int], Site] = {}  # a Site keeps its code alive, so that the code's identity stays its own


def site_of(frame):
    """The Site that a frame has reached."""
    key = (id(frame.f_code), frame.f_lasti)
    site = SITES.get(key)
    if site is None:
        start = instruction_start(frame.f_code, frame.f_lasti)
        site = SITES.setdefault((key[0], start), Site(frame.f_code, start))
        SITES[key] = site
    return site


def instruction_start(code, offset):
    """Where the instruction at that offset starts: specialised ones leave a frame anywhere in their inline cache."""
    instructions = list(dis.get_instructions(code))
    at = bisect.bisect_right([one.offset for one in instructions], offset) - 1
    if instructions[at].opname == "PRECALL":  # Python 3.11 may do a whole call there; the call itself comes next
        at += 1
    return instructions[at].offset
