"""Is the set-up of the two commands done once, repaired after it was interrupted, and plain where it fails?"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PYTHON = """#!/bin/sh
# Stands for Python: makes an environment by a copy of itself, installs by writing a line.
case "$*" in
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip "*) echo installed >> log; sleep 0.3; [ ! -e offline ] || { echo "no index" >&2; exit 1; } ;;
esac
"""

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed; it is for the two commands")


@pytest.fixture
def folder(tmp_path):
    """A checkout without packages, and a Python that only pretends."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def begin(folder):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    line = ["make", "setup", f"PYTHON={folder / 'python'}"]
    return subprocess.Popen(
        line, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def installed(folder):
    return (folder / "log").read_text().count("installed")


def test_it_is_done_once_and_by_two_at_once_too(folder):
    several = [begin(folder), begin(folder)]
    for process in several:
        process.communicate(timeout=60)
    assert [process.returncode for process in several] == [0, 0]
    assert installed(folder) == (1 if shutil.which("flock") else 2)
    before = installed(folder)
    begin(folder).communicate(timeout=60)
    assert installed(folder) == before


def test_without_an_index_one_line_says_so_and_the_next_call_repairs_it(folder):
    (folder / "offline").touch()
    process = begin(folder)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert (
        "set-up failed while installing packages (see above; is there a network?); run the same command again" in errors
    )
    assert not (folder / ".venv" / "ready").exists()
    (folder / "offline").unlink()
    process = begin(folder)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert (folder / ".venv" / "ready").exists()


def test_an_environment_whose_python_is_gone_is_made_anew(folder):
    begin(folder).communicate(timeout=60)
    (folder / ".venv" / "bin" / "python").unlink()
    process = begin(folder)
    process.communicate(timeout=60)
    assert (process.returncode, installed(folder)) == (0, 2)
