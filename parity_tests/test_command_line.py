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

from parity import __main__, child
from parity.arguments import an_input, parse
from parity.commandline import Refusal

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
    assert set(done.stderr.splitlines()) == {"on the way: θ", "from below Python"}
    assert {path.name for path in folder.rglob("*")} == {"new", "gradients.svg", f"{NAME}.py"}
    assert ElementTree.parse(folder / "new" / "gradients.svg").getroot().tag.endswith("svg")
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "PYTHONCOERCECLOCALE": "0"}
    ascii_only = run(*shlex.split(again)[4:], cwd=folder, env=environment)
    assert ascii_only.returncode == 1
    assert ascii_only.stdout.splitlines()[:-1] == [line.replace("−", "-") for line in lines]


def test_nothing_heavy_is_loaded_before_bad_usage_is_refused(folder):
    code = (
        "import sys; from parity.__main__ import main\n"
        "try: main(['check', sys.argv[1], '--input', '5,4', '--limit', 'nan'])\n"
        "except SystemExit as end: print(end.code, *({'torch', 'numpy', 'rich', 'matplotlib'} & set(sys.modules)))"
    )
    line = [sys.executable, "-c", code, f"{folder / NAME}.py:Prints()"]
    done = subprocess.run(line, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split() == ["2"]


REFUSED = {
    "no command": ([], "the first argument is the word check"),
    "another command": (["chek", "{file}:X()"], "the word check, got 'chek'"),
    "no subject": (["check", "--input", "5,4"], "required: FILE.py:EXPRESSION"),
    "no expression": (["check", "{file}"], "expected FILE.py:EXPRESSION, such as mine.py:'MyDense(4, 3)'"),
    "no Python": (["check", "{file}:X("], "expected a Python expression, got 'X('"),
    "file missing": (["check", "none.py:X()"], "none.py: No such file"),
    "file a folder": (["check", "{folder}/d.py:X()"], "d.py: Is a directory"),
    "file broken": (["check", "{folder}/broken.py:X()"], "broken.py is not Python: invalid syntax (line 2)"),
    "file no text": (["check", "{folder}/bytes.py:X()"], "bytes.py is not Python: "),
    "abbreviated": (["check", "{file}:X()", "--inp", "5"], "unknown argument '--inp'; did you mean --input?"),
    "misspelt": (["check", "{file}:X()", "--sede", "5"], "unknown argument '--sede'; did you mean --seed?"),
    "seed": (["check", "{file}:X()", "--seed", "4294967296"], "from 0 to 4294967295, got '4294967296'"),
    "limit": (["check", "{file}:X()", "--limit", "inf"], "--limit: expected a number above 0, got 'inf'"),
    "no limit": (["check", "{file}:X()", "--limit", "0"], "--limit: expected a number above 0, got '0'"),
    "memory": (["check", "{file}:X()", "--memory=-1"], "--memory: expected a number above 0, got '-1'"),
    "dtype": (["check", "{file}:X()", "--dtype", "float16"], "--dtype: invalid choice: 'float16'"),
    "format": (["check", "{file}:X()", "--format", "xml"], "--format: invalid choice: 'xml'"),
    "input": (["check", "{file}:X()", "--input", "5 4"], "expected a shape (5,4), a file (x.npy, data.npz:key) or"),
    "input empty": (["check", "{file}:X()", "--input", ""], "got ''"),
    "input below 0": (["check", "{file}:X()", "--input=5,-4"], "expected a shape of numbers from 0 up, got '5,-4'"),
    "input of another kind": (["check", "{file}:X()", "--input", "{file}"], "expected a shape (5,4), a file"),
    "input missing": (["check", "{file}:X()", "--input", "x.npy"], "x.npy: No such file"),
    "input damaged": (["check", "{file}:X()", "--input", "{folder}/bad.npy"], "bad.npy is no usable .npy file"),
    "input pickled": (["check", "{file}:X()", "--input", "{folder}/code.npy"], "code.npy is no usable .npy file"),
    "input unnamed": (["check", "{file}:X()", "--input", "{folder}/a.npz"], "several arrays; name one of x, y, as a.n"),
    "input misnamed": (["check", "{file}:X()", "--input", "{folder}/a.npz:z"], "holds no array z; name one of x, y"),
    "picture": (["check", "{file}:X()", "--plot", "a.pdf"], "expected the name of an .svg or .png file, got 'a.pdf'"),
    "picture a folder": (["check", "{file}:X()", "--plot", "{folder}/d.png"], "d.png: it is a folder"),
    "picture below a file": (["check", "{file}:X()", "--plot", "{file}/a.png"], "cannot write to {file}: it is a file"),
    "pictures": (["check", "{file}:X()", "{file}:Y()", "--plot", "a.png"], "--plot draws one subject, got 2"),
}


@pytest.fixture(scope="module")
def strange(folder, tmp_path_factory):
    """A folder of files that cannot be read."""
    strange = tmp_path_factory.mktemp("strange")
    (strange / "d.py").mkdir()
    (strange / "d.png").mkdir()
    (strange / "broken.py").write_text("x = 1\ndef f(:\n")
    (strange / "bytes.py").write_bytes(b"\xff\xfe\x00")
    (strange / "bad.npy").write_text("no array")
    np.save(strange / "code.npy", np.array([{}]), allow_pickle=True)
    np.savez(strange / "a.npz", x=np.ones(2), y=np.ones(3))
    return {"folder": strange, "file": folder / f"{NAME}.py"}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_usage_is_one_line_that_names_flag_value_and_remedy(case, strange, capsys):
    words, message = REFUSED[case]
    with pytest.raises(SystemExit) as end:
        __main__.main([word.format(**strange) for word in words])
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert message.format(**strange) in err


def test_inputs_are_shapes_files_or_expressions(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.ones(2))
    np.save(tmp_path / "b.npy", np.zeros(3))
    names = {"np": np, "mine": 3}
    shapes = {"5,4": (5, 4), "5x4": (5, 4), "7": (7,), "7,": (7,), "()": (), "(2, 3)": (2, 3), "0,4": (0, 4)}
    assert {text: an_input(text).value(names) for text in shapes} == shapes
    assert an_input(f"{tmp_path}/a.npz:x").value(names).tolist() == [1, 1]
    assert an_input(f"{tmp_path}/b.npy").value(names).tolist() == [0, 0, 0]
    assert an_input("np.array([0, 2, 1])").value(names).tolist() == [0, 2, 1]
    assert an_input("[[5.0, 3.0]]").value(names) == [[5.0, 3.0]]
    assert an_input("mine + 1").value(names) == 4


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


def test_a_file_is_loaded_under_its_own_stem_and_what_it_defines_comes_first(options, tmp_path):
    asked = options("Scaled()")
    names = child.load(asked.subjects[0].path)
    assert sys.modules[NAME].Scaled is names["Scaled"]
    assert (names["F"], names["np"]) == ("mine", np)
    (tmp_path / "random.py").write_text("x = 1")
    before = sys.modules["random"]
    assert child.load(tmp_path / "random.py")["x"] == 1
    assert sys.modules["random"] is before
