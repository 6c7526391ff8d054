"""Does the main job run end to end, say what it found, draw its pictures, and refuse what it cannot do?"""

import io
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.image
import pytest

from parity import Report, Row
from scripts import cli, demo
from scripts.experiments import Experiment

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "scripts" / "demo.py"
PICTURES = ("activations", "hundred_steps", "iris_scatter", "network_regions", "neuron_boundary", "worked_example")


def run(*arguments, script=DEMO, **options):
    command = [sys.executable, str(script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", **options)


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """The whole demo, as `make demo` runs it, once; from another folder, so nothing depends on where it is called."""
    out = tmp_path_factory.mktemp("demo") / "new" / "out put"
    return run("--device", "cpu", "--out", out, cwd=out.parent.parent), out


def test_all_agree(full):
    done, out = full
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert re.search(r"^all agree; \d+ s; demo.json and 6 pictures in", done.stdout, re.M)
    summary = json.loads((out / "demo.json").read_text(encoding="utf-8"))
    assert summary["agree"] is True
    verdicts = [report["verdict"] for e in summary["experiments"].values() for report in e["reports"]]
    assert verdicts == ["pass"] * 8


def test_its_numbers_are_the_lectures(full):
    done, out = full
    values = {name: e["values"] for name, e in json.loads((out / "demo.json").read_text())["experiments"].items()}
    assert values["neuron"]["steps"] == 237_706
    assert values["neuron"]["theta"] == pytest.approx([11.65990, -12.81557, -23.12048], abs=1e-5)
    assert values["worked example"]["hand"]["dJ/dW11"] == pytest.approx(-3.42057776634e-6, rel=5e-12)
    for text in ("237,706 steps", "-3.42057776634e-06", "0.590378001715", "0.0344850622348", "0.0513899217606"):
        assert text in done.stdout


def test_the_readme_shows_what_the_demo_compares(full):
    """The table in the README: the same comparisons, as many numbers."""
    shown = (ROOT / "README.md").read_text(encoding="utf-8").split("numbers   verdict\n")[1].split("```")[0]
    rows = re.findall(r"^(.+?) +([\d,]+) +agree$", shown, re.M)
    experiments = json.loads((full[1] / "demo.json").read_text())["experiments"].values()
    assert rows == [
        (f"{e['title']}: {report['title']}", f"{sum(row['size'] for row in report['rows']):,}")
        for e in experiments
        for report in e["reports"]
    ]


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_exist_and_are_not_blank(full, name):
    folder = full[1] / "figures"
    picture = matplotlib.image.imread(folder / f"{name}.png")[..., :3]
    assert picture.shape[0] >= 400
    assert picture.shape[1] >= 800
    ink = (picture < 0.9).any(axis=2)
    assert ink.mean() > 0.01
    assert ink.any(axis=0).mean() > 0.5  # over most of the width: not one stroke in a corner
    root = ElementTree.parse(folder / f"{name}.svg").getroot()
    assert root.tag.endswith("svg")
    assert len(list(root.iter())) > 50


def test_pictures_are_left_whole(full):
    assert sorted(path.name for path in (full[1] / "figures").iterdir()) == sorted(
        f"{name}.{suffix}" for name in PICTURES for suffix in ("svg", "png")
    )


def test_a_disagreement_is_exit_1_and_is_shown(tmp_path, monkeypatch, capsys):
    row = Row("loss", "quantity", (1,), "fail", error=1.0, budget=1e-16)
    experiment = Experiment("Broken", (Report("a sum", "float64", (row,)),))
    monkeypatch.setattr(demo, "run_experiments", lambda *_: {"broken": experiment})
    monkeypatch.setattr(demo, "draw", lambda *_: [])
    assert demo.main(["--device", "cpu", "--out", str(tmp_path)]) == 1
    assert "NOT ALL AGREE" in capsys.readouterr().out
    assert json.loads((tmp_path / "demo.json").read_text())["agree"] is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--device", "cuda:99"], "device cuda:99 is not available here; usable: cpu"),
        (["--device", "gpu"], "device gpu is not available here; usable: cpu"),
        (["--quik"], "unknown argument '--quik'; did you mean --quick?"),
        (["--dev", "cpu"], "unknown argument '--dev'; did you mean --device?"),
        (["--seed", "-1"], "expected a whole number from 0 to 4294967295, got '-1'"),
        (["--seed", "4294967296"], "got '4294967296'"),
        (["--seed", "abc"], "got 'abc'"),
        (["--out", "{file}"], "cannot write to {file}: it is a file; name another folder"),
        (["--out", ""], "expected the name of a folder to write to, got an empty one"),
        (["--out", "x" * 300], "File name too long; name another folder"),
        (["--out", "{file}/below"], "cannot write to {file}/below: Not a directory; name another folder"),
    ],
)
def test_bad_usage_is_refused_in_two_lines_and_nothing_is_written(arguments, message, tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    done = run(*(argument.format(file=file) for argument in arguments), cwd=tmp_path)
    assert done.returncode == 2
    assert message.format(file=file) in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert done.stdout == ""
    assert [path.name for path in tmp_path.rglob("*")] == ["file"]
    assert file.read_text() == "mine"


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_leaves_nothing_half_written(sent, status, tmp_path):
    command = [sys.executable, "-u", str(DEMO), "--quick", "--device", "cpu", "--out", str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("device: cpu")
        time.sleep(0.5)
        process.send_signal(sent)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == status
    assert "Traceback" not in errors
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


@pytest.mark.parametrize("tail", ["| head -n 1", ">&-"], ids=["reader-gone", "closed"])
def test_a_lost_output_is_no_verdict_and_no_traceback(tail, tmp_path):
    line = f"'{sys.executable}' -u '{DEMO}' --quick --device cpu --out '{tmp_path}' {tail}; echo ${{PIPESTATUS[0]}} >&2"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert done.stderr.strip() == ("3" if "head" in tail else "0")


def test_a_result_that_cannot_be_written_is_refused_before_it_is_computed(tmp_path):
    (tmp_path / "demo.json").mkdir()
    done = run("--device", "cpu", "--out", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "demo.json: it is a folder" in done.stderr


def test_a_narrow_terminal_loses_nothing(tmp_path):
    table = demo.numbers_table("compared", "numbers", "verdict")
    table.add_row("Worked example: every quantity", "1,234,567", "agree")
    narrow = cli.Screen(width=20, record=True, file=io.StringIO())
    narrow.print(table)
    text = narrow.export_text()
    assert "…" not in text
    assert sum(text.count(digit) for digit in "1234567") == 7


def test_a_file_is_whole_or_not_there(tmp_path):
    def fails_halfway(path):
        path.write_text("half")
        raise OSError("disk full")

    target = tmp_path / "demo.json"
    target.write_text("old")
    with pytest.raises(OSError, match="disk full"):
        cli.write_whole(target, fails_halfway)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("script", ["figures.py", "benchmark.py"])
def test_other_scripts_refuse_alike(script, tmp_path):
    done = run("--nonsense", script=ROOT / "scripts" / script, cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_figures_by_themselves(tmp_path):
    done = run("--out", tmp_path / "figures", script=ROOT / "scripts" / "figures.py")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2 * len(PICTURES)


def test_the_benchmark_of_the_neuron_prints_ratios(tmp_path):
    done = run("neuron", script=ROOT / "scripts" / "benchmark.py")
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"│ +(\d+\.\d\d) +│ +(\d+\.\d\d) +│", done.stdout)) == 3


def test_quick_without_utf8_or_colour(tmp_path):
    """An ASCII terminal that is 40 columns wide gets the same facts."""
    environment = {"PATH": "", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "NO_COLOR": "1"}
    done = run("--quick", "--device", "cpu", "--out", tmp_path / "ünï", env=environment)
    assert done.returncode == 0, done.stderr
    assert "237,706 steps" in done.stdout
    assert "\x1b" not in done.stdout
