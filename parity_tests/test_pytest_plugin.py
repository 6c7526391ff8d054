"""Do gradient checks feel at home in pytest: a fixture, a table of subjects, failures that are the report?"""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
USERS_TESTS = """
import scratch
from torch import nn
from parity.pytest_plugin import parametrize_with_parity


class Wrong(scratch.Linear):
    def backward(self, dz, x):
        dx, grads = super().backward(dz, x)
        return dx, grads | {"bias": grads["bias"] / len(x)}


def test_wrong(parity_check):
    parity_check(Wrong(4, 3, rng=0), (5, 4), against=nn.Linear(4, 3))


def test_right(parity_check):
    report = parity_check(scratch.Tanh(), (5, 4), against=nn.Tanh(), dtype="float32", seed=3)
    assert report.ok and report.conditions.startswith("float32") and "seed 7" in report.conditions


SUBJECTS = {
    "object": (scratch.Linear(4, 3), (5, 4), nn.Linear(4, 3)),
    "class": (scratch.Tanh, (5, 4), nn.Tanh),
    "function": (lambda: scratch.Linear(4, 3), (5, 4), lambda: nn.Linear(4, 3)),
    "loss": (scratch.losses.mse, [(6, 3), (6, 3)], nn.functional.mse_loss),
    "tuple": (scratch.losses.mse, ((6, 3), (6, 3)), nn.functional.mse_loss),
    "wrong": (lambda: Wrong(4, 3, rng=0), (5, 4), nn.Linear(4, 3)),
}


@parametrize_with_parity(SUBJECTS, dtype="float32", seed=3)
def test_table(report, tmp_path):
    assert report.conditions.startswith("float32") and "seed 7" in report.conditions
    assert tmp_path.exists()


class TestMore:
    @parametrize_with_parity({"tanh": (scratch.Tanh(), (5, 4), nn.Tanh())})
    def test_method(self, report, parity_check, parity_subject):
        assert isinstance(self, TestMore)
        assert report.ok and callable(parity_check) and len(parity_subject) == 3

    @parametrize_with_parity({"tanh": (scratch.Tanh(), (5, 4), nn.Tanh())})
    def test_nothing_more(self):
        pass


@parametrize_with_parity({"wrong": (Wrong(4, 3, rng=0), (5, 4), nn.Linear(4, 3))})
def test_never_reached():
    pass
"""


def run(folder, *arguments):
    """pytest with the plugin; an installed handgrad does not register it a second time."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    line = [sys.executable, "-m", "pytest", "-p", "parity.pytest_plugin", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(line, cwd=folder, capture_output=True, encoding="utf-8", env=environment)


@pytest.fixture(scope="module")
def users(tmp_path_factory):
    """(what pytest printed, {test: its outcome}) of a user's tests, with `--parity-seed 7`."""
    folder = tmp_path_factory.mktemp("users")
    (folder / "test_mine.py").write_text(USERS_TESTS, encoding="utf-8")
    text = run(folder, "-v", "--parity-seed", "7").stdout
    return text, dict(re.findall(r"^test_mine\.py::(?:\w+::)?(\S+) ([A-Z]+)", text, re.MULTILINE))


def test_starting_pytest_loads_neither_numpy_nor_torch(tmp_path):
    (tmp_path / "test_empty.py").touch()
    (tmp_path / "conftest.py").write_text(
        "import sys\n"
        "def pytest_unconfigure(config):\n"
        "    assert config.pluginmanager.hasplugin('parity.pytest_plugin')\n"
        "    print('loaded:', *({'torch', 'numpy', 'rich', 'matplotlib', 'scratch'} & set(sys.modules)))\n"
    )
    done = run(tmp_path, "--co", "-q")
    assert done.returncode == 5, done.stdout + done.stderr  # no tests
    assert "loaded:\n" in done.stdout


def test_the_entry_point_names_the_plugin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"parity": "parity.pytest_plugin"}


def test_a_failure_is_the_report_and_no_line_of_ours(users):
    (shown,) = re.findall(r"^_+ test_wrong _+$(.*?)^_+ ", users[0], re.MULTILINE | re.DOTALL)
    assert ">       parity_check(Wrong(4, 3, rng=0), (5, 4), against=nn.Linear(4, 3))" in shown
    assert "FAIL  grad bias    (3,)" in shown
    assert "1 of 4 differ. The forward agrees: the mistake is in backward." in shown
    assert "pytest_plugin.py" not in users[0]
    assert "checker.py:" not in users[0]


def test_a_pass_returns_the_report_of_the_seed_asked_for(users):
    assert users[1]["test_right"] == "PASSED"


def test_a_table_of_subjects_is_a_test_each(users):
    """Subjects and twins as objects, classes and functions; one input or several; other fixtures beside."""
    found = {name: outcome for name, outcome in users[1].items() if name.startswith("test_table")}
    right = ("object", "class", "function", "loss", "tuple")
    assert found == {f"test_table[{name}]": "PASSED" for name in right} | {"test_table[wrong]": "FAILED"}


def test_methods_get_the_report_and_may_do_without(users):
    assert (users[1]["test_method[tanh]"], users[1]["test_nothing_more[tanh]"]) == ("PASSED", "PASSED")


def test_a_subject_that_fails_never_reaches_the_test(users):
    assert users[1]["test_never_reached[wrong]"] == "FAILED"


def test_a_bad_seed_is_refused(tmp_path):
    done = run(tmp_path, "--parity-seed", "-1")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--parity-seed: expected a whole number from 0 to 4294967295, got '-1'" in done.stderr
