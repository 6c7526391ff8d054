"""Do gradient checks feel at home in pytest: a fixture, a table of subjects, failures that are the report?"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import parity.checker  # noqa: F401 (torch is loaded once, not anew by every run of pytester)

pytest_plugins = ["pytester"]
ROOT = Path(__file__).parent.parent
HEAD = """
import scratch
from torch import nn
from parity.pytest_plugin import parametrize_with_parity

class Wrong(scratch.Linear):
    def backward(self, dz, x):
        dx, grads = super().backward(dz, x)
        return dx, grads | {"bias": grads["bias"] / len(x)}
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """pytest with the plugin on this text; an installed handgrad does not register it a second time."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(text, *arguments):
        pytester.makepyfile(HEAD + text)
        return pytester.runpytest_inprocess("-p", "parity.pytest_plugin", "-p", "no:cacheprovider", *arguments)

    return run


def test_starting_pytest_loads_neither_numpy_nor_torch(tmp_path):
    (tmp_path / "test_empty.py").touch()
    (tmp_path / "conftest.py").write_text(
        "import sys\n"
        "def pytest_unconfigure(config):\n"
        "    assert config.pluginmanager.hasplugin('parity.pytest_plugin')\n"
        "    print('loaded:', *({'torch', 'numpy', 'rich', 'matplotlib', 'scratch'} & set(sys.modules)))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    line = [sys.executable, "-m", "pytest", "--co", "-q", "-p", "parity.pytest_plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 5, done.stdout + done.stderr  # no tests
    assert "loaded:\n" in done.stdout


def test_the_entry_point_names_the_plugin():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"parity": "parity.pytest_plugin"}


def test_a_failure_is_the_report_and_no_line_of_ours(run):
    result = run("""
def test_dense(parity_check):
    parity_check(Wrong(4, 3, rng=0), (5, 4), against=nn.Linear(4, 3))
""")
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert ">       parity_check(Wrong(4, 3, rng=0), (5, 4), against=nn.Linear(4, 3))" in text
    assert "FAIL  grad bias    (3,)" in text
    assert "1 of 4 differ. The forward agrees: the mistake is in backward." in text
    assert "pytest_plugin.py" not in text
    assert "checker.py:" not in text


def test_a_pass_returns_the_report(run):
    run("""
def test_tanh(parity_check):
    report = parity_check(scratch.Tanh(), (5, 4), against=nn.Tanh(), dtype="float32", seed=3)
    assert report.ok
    assert report.conditions.startswith("float32")
    assert "seed 3" in report.conditions
""").assert_outcomes(passed=1)


def test_the_seed_of_the_command_line_is_that_of_every_check(run):
    run(
        """
def test_tanh(parity_check):
    assert "seed 7" in parity_check(scratch.Tanh(), (5, 4), against=nn.Tanh(), seed=3).conditions

@parametrize_with_parity({"tanh": (scratch.Tanh, (5, 4), nn.Tanh)})
def test_all(report):
    assert "seed 7" in report.conditions
""",
        "--parity-seed",
        "7",
    ).assert_outcomes(passed=2)


def test_a_bad_seed_is_refused(run):
    result = run("", "--parity-seed", "-1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--parity-seed: expected a whole number from 0 to 4294967295, got '-1'" in result.stderr.str()


def test_a_table_of_subjects_is_a_test_each(run):
    """Subjects and twins as objects, classes and functions; one input or several; other fixtures beside."""
    result = run(
        """
SUBJECTS = {
    "object": (scratch.Linear(4, 3), (5, 4), nn.Linear(4, 3)),
    "class": (scratch.Tanh, (5, 4), nn.Tanh),
    "function": (lambda: scratch.Linear(4, 3), (5, 4), lambda: nn.Linear(4, 3)),
    "loss": (scratch.losses.mse, [(6, 3), (6, 3)], nn.functional.mse_loss),
    "loss, tuple": (scratch.losses.mse, ((6, 3), (6, 3)), nn.functional.mse_loss),
    "wrong": (lambda: Wrong(4, 3, rng=0), (5, 4), nn.Linear(4, 3)),
}

@parametrize_with_parity(SUBJECTS, dtype="float32")
def test_gradients(report, tmp_path):
    assert report.conditions.startswith("float32")
    assert tmp_path.exists()

class TestMore:
    @parametrize_with_parity({"tanh": (scratch.Tanh(), (5, 4), nn.Tanh())})
    def test_method(self, report, parity_check, parity_subject):
        assert isinstance(self, TestMore)
        assert report.ok and callable(parity_check) and len(parity_subject) == 3

    @parametrize_with_parity({"tanh": (scratch.Tanh(), (5, 4), nn.Tanh())})
    def test_nothing_more(self):
        pass
""",
        "-v",
    )
    result.assert_outcomes(passed=7, failed=1)
    result.stdout.fnmatch_lines(["*test_gradients?function? PASSED*", "*test_gradients?wrong? FAILED*"])
    assert "FAIL  grad bias" in result.stdout.str()


def test_a_subject_that_fails_never_reaches_the_test(run):
    result = run("""
@parametrize_with_parity({"wrong": (Wrong(4, 3, rng=0), (5, 4), nn.Linear(4, 3))})
def test_gradients():
    pass
""")
    result.assert_outcomes(failed=1)
