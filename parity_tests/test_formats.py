"""Do exit status, JSON and JUnit say what the reports say, whatever their names?"""

import json
from xml.etree import ElementTree

import numpy as np
import pytest

import parity.faces.process
from parity import Finding, Report, __main__
from parity.faces.junit import junit
from parity.rows import judge

HOSTILE = '<b a="1">&\'\x00\x1b[31m\ud800\ufffe\n]]>'


def report(name="weight", factor=1.0, causes=(), kind="parameter"):
    array = np.array([[1.5, -2.0]])
    rows = (judge("output", "output", array, array, 1e-15), judge(name, kind, array * factor, array, 1e-15))
    return Report("mine against theirs", "float64", rows, causes)


PASS, FAIL = (
    report(),
    report(factor=2.0, causes=(Finding("constant-factor", "weight", "mine.py:3", "twice too large"),)),
)
VOID = report(kind="output")
ERROR = Report("mine", "", causes=(Finding("raised", "", "mine.py:2", "mine.py:2 raised KeyError"),))


@pytest.fixture
def check(tmp_path, monkeypatch):
    """main for subjects that are said to give these reports."""
    (tmp_path / "mine.py").touch()

    def check(reports, *words):
        monkeypatch.setattr(parity.faces.process, "check_apart", lambda options, index, words: reports[index])
        return __main__.main(["check", *[f"{tmp_path}/mine.py:X{i}" for i in range(len(reports))], *words])

    return check


@pytest.mark.parametrize(
    ("reports", "status"),
    [([PASS], 0), ([FAIL], 1), ([VOID], 3), ([ERROR], 3), ([FAIL, PASS], 1), ([PASS, VOID, FAIL], 3), ([PASS] * 2, 0)],
)
def test_the_exit_status_is_that_of_the_worst(reports, status, check, capsys):
    assert check(reports) == status
    text = capsys.readouterr().out
    assert [str(report) in text for report in reports] == [True] * len(reports)
    assert text.count("Again: ") == len(reports)


def test_json_is_one_object(check, capsys):
    assert check([FAIL], "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert "mine.py:X0" in found.pop("command")
    assert found == json.loads(json.dumps(FAIL.to_dict()))
    assert check([FAIL, PASS], "--format", "json") == 1
    both = json.loads(capsys.readouterr().out)
    assert (both["ok"], [one["verdict"] for one in both["reports"]]) == (False, ["fail", "pass"])


def test_junit_has_a_case_for_each_row(check, capsys):
    assert check([PASS, FAIL, VOID, ERROR], "--format", "junit") == 3
    passed, failed, void, error = ElementTree.fromstring(capsys.readouterr().out)
    assert [dict(suite.items()) | {"name": ""} for suite in (passed, failed, void, error)] == [
        {"name": "", "tests": tests, "failures": failures, "errors": errors}
        for tests, failures, errors in (("2", "0", "0"), ("2", "1", "0"), ("3", "0", "1"), ("1", "0", "1"))
    ]
    assert [case.get("name") for case in failed.iter("testcase")] == ["output", "grad weight"]
    (failure,) = failed.iter("failure")
    assert failure.get("message") in str(FAIL)
    assert failure.text.splitlines() == [failure.get("message"), "constant-factor: mine.py:3: twice too large"]
    assert [one.get("message") for one in error.iter("error")] == [
        "raised: mine.py:2 raised KeyError Nothing was compared."
    ]
    assert "Nothing was proved" in next(void.iter("error")).get("message")


def test_junit_is_well_formed_whatever_the_names():
    causes = (Finding("unknown", HOSTILE, HOSTILE, HOSTILE),)
    row = report(HOSTILE, 2.0, causes).rows[1]
    document = junit([(Report(HOSTILE, HOSTILE, (row,), causes), HOSTILE)])
    assert document.isascii()
    suite = ElementTree.fromstring(document)[0]
    assert suite.get("name").startswith('<b a="1">&\'\\x00\\x1b[31m\\ud800')
    assert len(list(suite.iter("failure"))) == 1
