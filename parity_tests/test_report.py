"""Does a report say what a person needs, and what a machine needs?"""

import json

import numpy as np
from torch import nn

import parity
import scratch
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
