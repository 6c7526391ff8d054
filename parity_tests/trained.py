"""Runs of scripts/train.py for the tests: in this process, or in one of their own that signals reach."""

import contextlib
import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

import scratch
from scripts.training import options
from scripts.training.session import start

ROOT = Path(__file__).parent.parent
TRAIN = ROOT / "scripts" / "train.py"


def train(runs, *arguments):
    """(exit status, what the last line says, standard error) of train.py in this process."""
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        status = start(options.parse(["--runs", str(runs), "--device", "cpu", *map(str, arguments)]))
    return status, json.loads(out.getvalue().splitlines()[-1]) if out.getvalue() else None, errors.getvalue()


def command(runs, *arguments, launcher=()):
    """The command line of train.py; launcher: what starts several ranks of it."""
    return [sys.executable, *launcher, str(TRAIN), "--runs", str(runs), "--device", "cpu", *map(str, arguments)]


def run(runs, *arguments, launcher=(), **settings):
    """train.py in a process of its own."""
    line = command(runs, *arguments, launcher=launcher)
    return subprocess.run(line, capture_output=True, text=True, encoding="utf-8", **settings)


def arrays(folder, name="last"):
    """{name: array} of a run's checkpoint, its progress left out."""
    found = scratch.load(folder / "checkpoints" / f"{name}.npz")
    found.pop("progress")
    return found


def equal(ours, theirs):
    return ours.keys() == theirs.keys() and all(np.array_equal(ours[name], theirs[name]) for name in ours)


def lines(folder):
    """The lines of metrics.csv without their seconds."""
    return [line.rpartition(",")[0] for line in (folder / "metrics.csv").read_text(encoding="utf-8").splitlines()]


def flowers_and_patients(folder):
    """The folder, with runs of each kind in it and the table iris.csv: species and again, by torch and by hand, of the
    sepals with their names; diabetes, a regression.
    """
    table = scratch.data.iris()
    with open(folder / "iris.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["sepal length", "sepal width", "species"])
        writer.writerows([*row[:2], table.classes[k]] for row, k in zip(table.x, table.target, strict=True))
    species = ("--data", folder / "iris.csv", "--map-labels", "--epochs", "30", "--lr", "0.05")
    train(folder, "--name", "species", *species, "--checkpoint-interval", "40", "--backend", "torch")
    train(folder, "--name", "again", *species)
    train(folder, "--name", "diabetes", "--data", "diabetes", "--epochs", "5")
    return folder
