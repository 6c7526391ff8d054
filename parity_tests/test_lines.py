"""The user's own line is named also where no operation on arrays marks it."""

import inspect
import sys
import time
from functools import partial

import numpy as np
import pytest
import torch

from parity.tape import lines
from parity.tape.lines import line_that_changes, line_that_differs, line_that_writes_to, lines_that_make

G = np.arange(1.0, 5.0)


def line_of(function, text):
    """`test_lines.py:23`, the line of a function that holds a text."""
    source, first = inspect.getsourcelines(function)
    return f"test_lines.py:{first + next(i for i, line in enumerate(source) if text in line)}"


def doubled(g):
    made = 2 * g
    return made, g


def tripled(g):
    return 3 * g


def bound(g):
    first = 3 * g
    last = first
    return last, g


def handed_on(g):
    return doubled(g)


def of_a_return(g):
    found = tripled(g)
    return [found]


def in_turns(g):
    total = 0 * g
    for _ in range(2):
        total += g
    other = total * 1
    return {"total": total}, other.sum()


@pytest.mark.parametrize(
    ("function", "factor", "where"),
    [
        (bound, 3, (bound, "last = first")),
        (handed_on, 2, (doubled, "made = ")),
        (of_a_return, 3, (tripled, "return")),
        (in_turns, 2, (in_turns, "other = ")),
        (tripled, 3, (tripled, "return")),
    ],
    ids=["bound again", "in a helper", "returned by a helper", "in a loop", "returned"],
)
def test_the_line_that_makes_a_result(function, factor, where):
    assert lines_that_make(lambda: function(G), {"g": factor * G}) == {"g": line_of(*where)}


def test_what_no_line_makes_is_told_at_the_last_one():
    assert lines_that_make(partial(bound, G), {"g": 7 * G, "none": None}) == dict.fromkeys(
        ("g", "none"), line_of(bound, "return")
    )


def pops(cache):
    cache.append(0)
    cache.pop()
    taken = cache.pop()
    return taken, cache


def test_the_line_that_changes_what_is_kept():
    cache = [1, 2]
    assert line_that_changes(lambda: pops(cache), lambda: len(cache) < 2) == line_of(pops, "taken")
    assert line_that_changes(lambda: pops([1]), lambda: len(cache)) is None


def draws(rng, kept):
    kept["again"] = 2.0
    mask = rng.random(4) < 0.5
    return mask * kept["again"]


def test_the_line_that_draws():
    rng, kept = np.random.default_rng(0), {}
    assert line_that_differs(lambda: draws(rng, kept)) == line_of(draws, "mask =")
    assert line_that_differs(lambda: bound(G)) is None


def writes(g, saved):
    own = torch.zeros(3)
    own += 1
    saved[0].mul_(2)
    g[0] = 0


def test_the_line_that_writes_to_a_tensor():
    g, saved = torch.ones(3), [torch.ones(3)]
    assert line_that_writes_to(lambda: writes(g, saved)) == line_of(writes, "g[0]")
    assert line_that_writes_to(lambda: writes(g, saved), saved) == line_of(writes, "mul_")


def test_another_trace_function_rests_and_goes_on():
    def mine(frame, event, argument):
        return None

    before = sys.gettrace()
    sys.settrace(mine)
    try:
        lines_that_make(lambda: bound(G), {"g": 3 * G})
        assert sys.gettrace() is mine
    finally:
        sys.settrace(before)


def long(n):
    total = 0
    while total < n:
        total += 1
    return total


def test_looking_around_ends(monkeypatch):
    monkeypatch.setattr(lines, "LONGEST", 0.2)
    began = time.perf_counter()
    assert lines_that_make(lambda: long(10**7), {"g": G}) == {}
    assert line_that_differs(lambda: long(10**7)) is None
    assert time.perf_counter() - began < 30
