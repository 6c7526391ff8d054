"""Does a check survive whatever a subject does to its process, and say what that was and on which line?"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from parity.faces import process
from parity.places import own_place_in

ROOT = Path(__file__).parent.parent
LINES = (ROOT / "parity_tests" / "subjects_that_misbehave.py").read_text(encoding="utf-8").splitlines()
FAULTS = {  # the user's line, where one is named, and what is said
    "Prints": ("", ""),
    "Exits": ("sys.exit(0)", "SystemExit"),
    "Quits": ("", "exit"),
    "Ends": ("", "the subject ended the process with exit status 0"),
    "Crashes": ("return ctypes.string_at(0)", "the process died of SIGSEGV"),
    "Loops": ("", "2 s"),
    "Hangs": ("return sum(itertools.repeat(0))", "still running after 2 s, and stopped; --limit SECONDS allows more"),
    "Recurses": ("return self.backward(da, cache)", "raised RecursionError"),
    "Overflows": ("return sorted([1], key=within)", "the process died of SIGSEGV"),
    "Hoards": ("", "MemoryError"),
    "Asks": ("return input()", "raised EOFError"),
}


def command(*words):
    return [sys.executable, "-m", "parity", "check", *words]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    shutil.copy(ROOT / "parity_tests" / "subjects_that_misbehave.py", folder / "süb jects.py")
    (folder / "random.py").write_text("raise RuntimeError('not the one that is wanted')")
    return folder


@pytest.fixture(scope="module")
def faults(folder):
    """All faults in one call: (what was run, {subject: its report})."""
    words = [f"süb jects.py:{name}()" for name in FAULTS]
    words += ["--input", "5,4", "--against", "nn.Tanh()", "--limit", "2", "--memory", "0.7", "--json"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command(*words), cwd=folder, capture_output=True, encoding="utf-8", env=environment)
    return done, dict(zip(FAULTS, json.loads(done.stdout)["reports"], strict=True))


def test_one_broken_subject_leaves_the_others_judged(faults):
    done, reports = faults
    assert done.returncode == 3
    assert {name: report["verdict"] for name, report in reports.items()} == dict.fromkeys(FAULTS, "error") | {
        "Prints": "pass"
    }
    assert "from below Python" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", [name for name in FAULTS if name != "Prints"])
def test_a_fault_is_named_with_the_users_line(name, faults):
    line, message = FAULTS[name]
    (finding,) = faults[1][name]["causes"]
    assert message in finding["sentence"]
    if name == "Loops":
        line = LINES[int(finding["where"].split(":")[1]) - 1].strip()
        assert line in ("while True:", "pass")
    if line:
        assert finding["where"] == f"süb jects.py:{[text.strip() for text in LINES].index(line) + 1}"


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_both_processes(sent, status, folder):
    words = ["süb jects.py:Sleeps()", "--input", "5,4", "--against", "nn.Tanh()"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command(*words), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as running:
        child = int(running.stderr.readline().removeprefix("asleep: "))
        assert Path(f"/proc/{child}/oom_score_adj").read_text().strip() == "1000" or sys.platform != "linux"
        running.send_signal(sent)
        out, errors = running.communicate(timeout=60)
    assert (running.returncode, out) == (status, "")
    assert "Traceback" not in errors
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_what_the_child_started_ends_with_it(monkeypatch, capfd):
    spawn = "import subprocess, sys; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=True); sys.exit(5)"
    monkeypatch.setattr(process, "LAUNCH", spawn)
    assert process.run_child([], 60) == 5
    left = int(capfd.readouterr().err)
    for _ in range(100):  # whoever adopts it takes a moment to bury it
        if not Path(f"/proc/{left}").exists():
            break
        time.sleep(0.05)
    assert not Path(f"/proc/{left}").exists()


def test_the_child_runs_this_parity_and_finds_none_of_its_modules_by_their_bare_names(monkeypatch, capfd, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(process, "LAUNCH", "import sys; print(sys.argv[1])")
    process.run_child([], 60)
    assert Path(capfd.readouterr().err.strip()) == ROOT


def test_a_child_that_does_not_even_stop_itself_is_stopped(monkeypatch):
    monkeypatch.setattr(process, "LAUNCH", "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)")
    assert process.run_child([], 0.5) is None
    assert process.reason(None, "", 0.5) == "still running after 0.5 s, and stopped; --limit SECONDS allows more"


def test_reasons_are_told_apart():
    assert process.reason(-signal.SIGKILL, "", 60) == "the process died of SIGKILL (Killed); out of memory?"
    assert process.reason(1, "Timeout (0:01:02)!\n", 60).startswith("still running after 60 s")
    assert process.reason(1, "", 60) == "the subject ended the process with exit status 1"


def test_the_users_line_is_found_in_a_trace():
    """The deepest call stands first; NumPy's lines, ours and Python's are not the user's, and ü is an escape."""
    numpy_file = pytest.importorskip("numpy").__file__
    trace = (
        "Fatal Python error: Segmentation fault\n\nCurrent thread 0x1 (most recent call first):\n"
        f'  File "{numpy_file}", line 3 in dot\n'
        '  File "/home/me/m\\xfcll \\u0142.py", line 12 in backward\n'
        '  File "/home/me/other.py", line 1 in main\n'
        f'  File "{process.__file__}", line 4 in run\n'
    )
    assert own_place_in(trace) == "müll ł.py:12 in backward"
    assert own_place_in("Timeout (0:00:01)!\n") == ""


def test_the_child_runs_the_package_of_its_parent(monkeypatch):
    roots = []
    monkeypatch.setattr(process.subprocess, "Popen", lambda command, **_: roots.append(command[4]) or Ended())
    process.run_child([], 1)
    assert Path(roots[0], "parity", "faces", "process.py").samefile(process.__file__)


class Ended:
    """A child that is over at once; pid is that of no process."""

    pid = 2**31 - 1

    def wait(self, seconds=None):
        return 0
