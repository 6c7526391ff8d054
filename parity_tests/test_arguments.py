"""Is bad usage refused in one line before anything is loaded, and what is asked for read as it is meant?"""

import numpy as np
import pytest

from parity import __main__
from parity.faces.arguments import an_input, command, parse
from parity.inputs import check_dtype

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
    "dtype": (["check", "{file}:X()", "--dtype", "float8"], "--dtype: invalid choice: 'float8'"),
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
def strange(tmp_path_factory):
    """A folder of files that cannot be read."""
    strange = tmp_path_factory.mktemp("strange")
    (strange / "mine.py").touch()
    (strange / "d.py").mkdir()
    (strange / "d.png").mkdir()
    (strange / "broken.py").write_text("x = 1\ndef f(:\n")
    (strange / "bytes.py").write_bytes(b"\xff\xfe\x00")
    (strange / "bad.npy").write_text("no array")
    np.save(strange / "code.npy", np.array([{}]), allow_pickle=True)
    np.savez(strange / "a.npz", x=np.ones(2), y=np.ones(3))
    return {"folder": strange, "file": strange / "mine.py"}


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


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_every_dtype_of_a_check_can_be_named(dtype, tmp_path):
    (tmp_path / "mine.py").touch()
    options = parse(["check", f"{tmp_path}/mine.py:X()", "--dtype", dtype])
    check_dtype(options.dtype, torch_subject=True)


def test_the_command_to_repeat_is_quoted_and_complete(tmp_path):
    (tmp_path / "my file.py").touch()
    words = [f"{tmp_path}/my file.py:X('a')", "--input", "5,4", "--input", "np.ones(3)", "--wrt", "x", "y"]
    words += ["--against", "-nn", "--dtype", "float32", "--limit", "5", "--device", "cuda", "--seed", "3"]
    options = parse(["check", *words[:8], "--against=-nn", *words[10:], "--debug", "--json"])
    assert command(options, options.subjects[0]) == (
        f"python -m parity check '{tmp_path}/my file.py:X('\"'\"'a'\"'\"')' --input 5,4 --input 'np.ones(3)' "
        "--wrt x --wrt y --against=-nn --dtype float32 --device cuda --limit 5 --seed 3"
    )
