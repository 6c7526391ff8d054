"""Does a report say what a person needs, and what a machine needs?"""

import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from torch import nn

import parity
import scratch
from parity import Finding, Repair, Report
from parity.faces.screen import Screen
from parity.rows import judge
from parity_tests.test_check import Right, bias_averaged, mutant, not_a_number


def test_entries_that_rounding_swamps_are_counted():
    """1 − y of torch's sigmoid is all rounding at z = 40: nothing is proved of that entry, and the report says so."""
    report = parity.check(scratch.Sigmoid(), np.array([[40.0, 0.5, -40.0]]), against=nn.Sigmoid())
    assert report.ok
    assert report.rows[1].blurred == 1
    assert str(report).endswith(", but for 1 that rounding swamps.")
    alone = parity.check(scratch.Sigmoid(), np.array([[40.0]]), against=nn.Sigmoid())
    assert alone.verdict == "void"


def test_the_report_reads_so():
    report = parity.check(mutant(bias_averaged), (5, 4), against=nn.Linear(4, 3))
    lines = str(report).splitlines()
    assert lines[0] == (
        "Linear(4, 3) against torch.nn.Linear      float64, random upstream gradient, seed 0; read as our contract"
    )
    assert [line.split()[0] for line in lines[1:5]] == ["pass", "pass", "pass", "FAIL"]
    bias = report.rows[3]
    assert lines[4].startswith(" FAIL  grad bias    (3,)    ")
    assert f"worst at {bias.worst.index}: " in lines[4]
    assert lines[-1] == "1 of 4 differ. The forward agrees: the mistake is in backward."


def test_a_pass_says_what_it_could_still_hide():
    report = parity.check(Right(4, 3, rng=0), (5, 4), against=nn.Linear(4, 3))
    hides = max(row.hides for row in report.rows)
    assert 1e-17 < hides < 1e-12
    assert str(report).splitlines()[-1].endswith(f"No entry could hide a relative error above {hides:.1e}.")


def test_to_dict_is_json():
    report = parity.check(mutant(not_a_number), (5, 4), against=nn.Linear(4, 3))
    text = json.dumps(report.to_dict(), allow_nan=False)
    found = json.loads(text)
    assert (found["ok"], found["verdict"]) == (False, "fail")
    assert [row["name"] for row in found["rows"]] == ["output", "x", "weight", "bias"]
    assert found["rows"][2]["error"] == "inf"
    assert found["causes"][0]["code"] == "non-finite"


REPAIR = Repair("/home/me/mine.py", 23, 8, "dz = da", "dz = da * (\n    1 - h * h)", "multiply by 1 − h²")


@pytest.mark.parametrize(
    ("finding", "lines"),
    [
        (Finding("non-finite", "x", "backward", "gradient by x: inf"), ["non-finite: gradient by x: inf"]),
        (Finding("raised", "", "mine.py:3", "mine.py:3 raised KeyError"), ["raised: mine.py:3 raised KeyError"]),
        (
            Finding("bias-averaged", "b", "0 (Linear), mine.py:9", "a mean, not a sum", 0.8),
            ["bias-averaged: 0 (Linear), mine.py:9: a mean, not a sum (confidence 80%)"],
        ),
        (
            Finding("activation-derivative-missing", "x", "mine.py:23", "the chain stops here", repair=REPAIR),
            [
                "activation-derivative-missing: mine.py:23: the chain stops here",
                "  mine.py:23: multiply by 1 − h²",
                "  − dz = da",
                "  + dz = da * (",
                "  +     1 - h * h)",
            ],
        ),
    ],
)
def test_a_finding_says_what_where_and_how_to_mend_it(finding, lines):
    report = Report("mine", "float64", causes=(finding,))
    assert str(report).splitlines()[1:-1] == lines
    assert report.to_dict()["causes"][0]["where"] == finding.where


def test_names_cannot_break_a_line_or_steer_a_terminal():
    row = judge("w\x1b[31m\n\x00", "parameter", np.ones(2), np.ones(2), 1e-15)
    text = str(Report("mine\r\n", "float64", (row,)))
    assert len(text.splitlines()) == 3
    assert r"grad w\x1b[31m\n\x00" in text


@pytest.fixture(scope="module")
def failing():
    report = parity.check(mutant(bias_averaged), (5, 4), against=nn.Linear(4, 3))
    finding = Finding("bias-averaged", "bias", "mine.py:9", "a mean, not a sum", repair=REPAIR)
    silent = judge("scale", "parameter", np.zeros(2), np.zeros(2), 1e-15)
    return replace(report, rows=(*report.rows, silent), causes=(finding,), unjudged=("mask",))


def shown(report, **options):
    """What a terminal gets."""
    file = io.StringIO()
    report.show(Screen(file=file, **{"force_terminal": True, "color_system": "standard", "width": 200} | options))
    return file.getvalue()


def test_a_terminal_gets_the_same_lines_in_colour(failing):
    coloured = shown(failing)
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == f"{failing}\n"
    for part in ("1;31mFAIL", "32mpass", "33mvoid", "1mbias-averaged", "31m  − dz", "32m  + dz"):
        assert f"\x1b[{part}" in coloured


@pytest.mark.parametrize("width", [20, 40, 80, 120])
def test_a_narrow_terminal_loses_nothing(width, failing):
    lines = re.sub(r"\x1b\[[\d;]*m", "", shown(failing, width=width)).splitlines()
    assert max(map(len, lines)) <= width
    assert "".join("".join(lines).split()) == "".join(str(failing).split())


@pytest.mark.parametrize(
    ("environment", "options"),
    [
        ({"NO_COLOR": "1"}, {"force_terminal": True, "width": 200}),
        ({"TERM": "dumb", "COLORTERM": ""}, {"force_terminal": True, "width": 200}),
        ({"TERM": "xterm-256color"}, {"width": 30}),
    ],
    ids=["NO_COLOR", "dumb", "piped"],
)
def test_plain_where_colour_is_not_wanted(environment, options, failing, monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    file = io.StringIO()
    failing.show(Screen(file=file, **options))
    assert file.getvalue() == f"{failing}\n"


def test_arrays_are_kept_for_a_picture_and_nowhere_else():
    ours, theirs = np.array([1.0, 2.0], "float32"), np.array([1.0, 2.5])
    row = judge("w", "parameter", ours, theirs, 1e-7)
    ours[:] = 0
    assert [array.tolist() for array in row.arrays] == [[1.0, 2.0], [1.0, 2.5], [1e-7, 1e-7]]
    assert all(array.dtype == np.float64 for array in row.arrays)
    assert row == replace(row, arrays=None)
    assert "array" not in repr(row)
    assert "arrays" not in Report("", "", (row,)).to_dict()["rows"][0]
