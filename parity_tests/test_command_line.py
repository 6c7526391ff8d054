"""Does `python -m parity check` refuse bad usage at once, and tell a person and a machine the same?"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import parity
from parity.faces import child
from parity.faces.arguments import parse
from parity.faces.commandline import Refusal

ROOT = Path(__file__).parent.parent
NAME = "böse layers 🙂"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder whose name holds a space, with the subjects in one file."""
    folder = tmp_path_factory.mktemp("my own")
    shutil.copy(ROOT / "parity_tests" / "subjects_that_misbehave.py", folder / f"{NAME}.py")
    return folder


@pytest.fixture
def options(folder, monkeypatch):
    """The options for a subject of that file; what loading it leaves in this process goes with the test."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield lambda subject, *words: parse(["check", f"{folder / NAME}.py:{subject}", *words])
    sys.modules.pop(NAME, None)


def run(*words, env=None, **options):
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | (env or {})
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    line = [sys.executable, "-m", "parity", *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, encoding="utf-8", env=environment, **options)


WRONG = f"{NAME}.py:Wrong(4, 3, rng=0)", "--input", "5,4", "--against", "nn.Linear(4, 3)", "--seed", "7"


def test_the_last_line_repeats_the_check(folder):
    done = run("check", *WRONG, "--plot", "new/gradients.svg", cwd=folder)
    assert done.returncode == 1
    *lines, again = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[1:5]] == ["pass", "pass", "pass", "FAIL"]
    assert "seed 7" in lines[0]
    assert again.startswith("Again: python -m parity check ")
    assert "from below Python" in done.stderr
    assert "from below Python" not in done.stdout
    assert {path.name for path in folder.rglob("*")} == {"new", "gradients.svg", f"{NAME}.py"}
    assert ElementTree.parse(folder / "new" / "gradients.svg").getroot().tag.endswith("svg")
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "PYTHONCOERCECLOCALE": "0"}
    ascii_only = run(*shlex.split(again)[4:], cwd=folder, env=environment)
    assert ascii_only.returncode == 1
    assert ascii_only.stdout.splitlines()[:5] == [line.replace("−", "-") for line in lines[:5]]
    assert "\x1b" not in done.stdout + ascii_only.stdout


def test_nothing_heavy_is_loaded_before_bad_usage_is_refused(folder):
    code = (
        "import sys; from parity.__main__ import main\n"
        "try: main(['check', sys.argv[1], '--input', '5,4', '--limit', 'nan'])\n"
        "except SystemExit as end: print(end.code, *({'torch', 'numpy', 'rich', 'matplotlib'} & set(sys.modules)))"
    )
    line = [sys.executable, "-c", code, f"{folder / NAME}.py:Prints()"]
    done = subprocess.run(line, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split() == ["2"]


TANH = ["Prints()", "--against", "nn.Tanh()"]
NOT_CHECKED = {
    "class misspelt": (["Promts()"], "Promts(): NameError: name 'Promts' is not defined; did you mean Prints?"),
    "arguments missing": (["scratch.Linear(4)"], "TypeError: Linear.__init__() missing 1 required positional argument"),
    "twin misspelt": (["Prints()", "--against", "nn.Tan()"], "no attribute 'Tan'; did you mean Tanh?"),
    "twin a class": (["Prints()", "--against", "nn.Tanh"], "against is the class Tanh; pass an instance of it"),
    "twin of another size": (["Wrong(4, 3)", *TANH[1:]], "weights of Linear(4, 3) do not fit torch.nn.Tanh"),
    "input misspelt": ([*TANH, "--input", "np.one(3)"], "--input np.one(3): AttributeError: module 'numpy' has no"),
    "device": ([*TANH, "--device", "cuda:99"], "device cuda:99 is not available here; usable: cpu"),
    "no device": ([*TANH, "--device", "gpu"], "device gpu is not available here; usable: cpu"),
    "wrt": ([*TANH, "--wrt", "y", "w", "--input", "5,4"], "wrt names w, y; float inputs: z"),
}


@pytest.mark.parametrize("case", NOT_CHECKED)
def test_what_cannot_be_checked_is_refused_in_one_line(case, options):
    words, message = NOT_CHECKED[case]
    asked = options(*words, *([] if "--input" in words else ["--input", "5,4"]))
    with pytest.raises(Refusal) as refused:
        child.examine(asked, asked.subjects[0])
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_refusal_of_the_child_is_exit_status_2(folder):
    """Of several subjects the one that is refused is named; with --debug its traceback is shown."""
    done = run("check", f"{NAME}.py:Promts()", f"{NAME}.py:Prints()", "--input", "5,4", "--debug", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    *shown, line = done.stderr.splitlines()
    assert line.startswith(f"python -m parity check: {NAME}.py:Promts(): ")
    assert shown[0].startswith("Traceback")


@pytest.mark.parametrize(
    ("words", "line"),
    [(["Unbuilt()"], r'RuntimeError("not\ntoday")'), (["Prints()", "--input", "no_row()"], '["no row"]')],
)
def test_what_the_users_own_code_raises_is_a_finding_at_its_line(words, line, options, folder):
    asked = options(*words)
    report = child.examine(asked, asked.subjects[0])
    place, number = report.causes[0].where.split(":")
    assert (report.verdict, place) == ("error", f"{NAME}.py")
    assert line in (folder / place).read_text(encoding="utf-8").splitlines()[int(number) - 1]
    assert len(str(report).splitlines()) == 3


def test_a_fault_of_ours_is_one_line_and_not_the_subjects(options, monkeypatch):
    def broken(*_, **__):
        raise AttributeError("no such\nthing")

    monkeypatch.setattr(parity, "check", broken)
    asked = options("Prints()")
    with pytest.raises(Refusal, match=r"a fault of handgrad's own, .*: AttributeError: no such thing; --debug shows"):
        child.examine(asked, asked.subjects[0])


def test_inputs_too_large_for_the_memory_are_no_verdict(options):
    asked = options("Prints()", "--input", "100000000,100000000", "--against", "nn.Tanh()")
    report = child.examine(asked, asked.subjects[0])
    assert report.verdict == "error"
    assert "MemoryError: Unable to allocate" in str(report)


def test_a_file_is_loaded_under_its_own_stem_and_what_it_defines_comes_first(options, tmp_path):
    asked = options("Scaled()")
    names = child.load(asked.subjects[0].path)
    assert sys.modules[NAME].Scaled is names["Scaled"]
    assert (names["F"], names["np"]) == ("mine", np)
    (tmp_path / "random.py").write_text("x = 1")
    before = sys.modules["random"]
    assert child.load(tmp_path / "random.py")["x"] == 1
    assert sys.modules["random"] is before


@pytest.mark.parametrize("sent", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("raised", ["error", "OSError('of a library')", "ValueError('of a library')"])
def test_a_signal_that_a_library_turns_into_its_own_error_is_one(sent, raised):
    code = f"""
import os, signal, sys, time
from parity.faces.commandline import run
def main(arguments):
    try:
        os.kill(os.getpid(), signal.{sent})
        time.sleep(5)
    except BaseException as error:
        raise {raised}
run(main, "it")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    expected = {"SIGINT": (130, ["interrupted"]), "SIGTERM": (143, [])}[sent]
    assert (done.returncode, done.stderr.split()) == expected
