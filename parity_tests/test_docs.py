"""Do README and docs tell the truth? Every Python block is run and its output compared; every command exists."""

import importlib
import io
import os
import re
import shlex
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

import scratch
import torch_ref

sybil = pytest.importorskip("sybil", reason="sybil is not installed; it comes with the extra dev")
CodeBlockParser = pytest.importorskip("sybil.parsers.markdown").CodeBlockParser

ROOT = Path(__file__).parent.parent
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# What differs between machines in a printed report: differences of the size of rounding, and shares of the budget.
ROUNDING = re.compile(r" *(\d\.\de-1[5-9]|0\.0e\+00|\d+% of budget|\de\+1\d x budget)")


def run_python(example):
    """Run a block; one that begins with `# mine.py` is that file, for the commands below it."""
    name = re.match(r"# (\w+\.py)\n", example.parsed)
    if name:
        (example.namespace["folder"] / name[1]).write_text(example.parsed, encoding="utf-8")
        return
    printed = io.StringIO()
    with chdir(example.namespace["folder"]), redirect_stdout(printed):
        exec(compile(example.parsed, example.path, "exec"), example.namespace)
    example.namespace["printed"] = printed.getvalue()


def run_command(example):
    """Run a command that checks a file written above, or trains; any other stands for a person's hand."""
    words, folder = shlex.split(example.parsed), example.namespace["folder"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "400"}
    if words[:3] == ["python", "-m", "pytest"]:
        command = [sys.executable, *words[1:], "-p", "no:cacheprovider"]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
    if words[:3] == ["python", "-m", "parity"]:
        done = subprocess.run([sys.executable, *words[1:]], cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode in (0, 1), done.stderr
        example.namespace["printed"] = done.stdout
    if Path(example.path).name == "training.md":
        for line in example.parsed.splitlines():
            run_script(shlex.split(line), folder)


def run_script(words, folder):
    """Run a line of the page on training: a script by its main, in this process; torchrun starts its own."""
    if words[0] == "python":
        script = importlib.import_module(f"scripts.{Path(words[1]).stem}")
        with chdir(folder), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            assert script.main(words[2:]) == 0
        return
    arguments = [str(ROOT / word) if word.startswith("scripts/") else word for word in words[1:]]
    command = [sys.executable, "-m", "torch.distributed.run", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def compare_output(example):
    printed = example.namespace.get("printed", "")
    if printed:  # a text block that follows no code is no output
        assert ROUNDING.sub(" #", printed).split() == ROUNDING.sub(" #", example.parsed).split()
        example.namespace["printed"] = ""


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_blocks_print_what_stands_under_them(path, tmp_path):
    parsers = {"python": run_python, "sh": run_command, "text": compare_output}
    document = sybil.Sybil([CodeBlockParser(*pair) for pair in parsers.items()], path=str(ROOT)).parse(path)
    document.namespace["folder"] = tmp_path
    for example in document.examples():
        example.evaluate()


def commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return [line for block in re.findall(r"```sh\n(.*?)```", text, re.S) for line in block.splitlines()]


def test_the_readme_names_a_check_and_its_two_commands_first():
    assert commands()[0].startswith("python -m parity check mine.py:")
    assert commands()[1:3] == ["make demo", "make test"]


@pytest.mark.parametrize("command", commands())
def test_commands_of_the_readme(command):
    """make targets exist, set-up lines name what is there, scripts know every flag they are shown with."""
    words = shlex.split(command)
    if words[:3] == ["python", "-m", "parity"]:
        return  # run, and its output compared, above
    if words[0] == "make":
        subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, check=True, capture_output=True)
    elif words[1].startswith("scripts/"):
        script = ROOT / words[1]
        shown = subprocess.run([sys.executable, script, "--help"], check=True, capture_output=True, text=True).stdout
        assert all(flag in shown for flag in words if flag.startswith("--"))
    else:
        assert words[1:] in (
            ["-m", "venv", ".venv"],
            ["-m", "pip", "install", "-c", "constraints.txt", "-e", ".[dev]"],
            ["-m", "pytest"],
        )


def test_the_table_of_the_readme_names_what_exists():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.split("## From the lecture to code and back")[1].split("## ")[0]
    names = re.findall(r"`((?:scratch|torch_ref|torch|parity_tests)[\w./]*)`", table)
    assert len(names) > 40
    for name in names:
        if name.endswith(".py"):
            assert (ROOT / name).is_file(), name
        else:
            found = {"scratch": scratch, "torch_ref": torch_ref, "torch": sys.modules["torch"]}[name.split(".")[0]]
            for part in name.split(".")[1:]:
                found = getattr(found, part)


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_the_workflow_runs_what_ci_runs():
    assert "bash .ci/run" in (ROOT / ".github/workflows/test.yml").read_text()
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == commands()[2]


def test_every_test_that_the_docs_name_exists():
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", " ".join(path.read_text(encoding="utf-8") for path in DOCS))
    assert len(named) > 60
    for file, test in sorted(set(named)):
        assert f"\ndef {test}(" in (ROOT / "parity_tests" / file).read_text(encoding="utf-8"), (file, test)
