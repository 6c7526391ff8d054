"""What a run leaves: can it be used, drawn, and understood where it failed?"""

import contextlib
import json
import os
import resource
import subprocess
import sys

import matplotlib.image
import numpy as np
import pytest
import torch

import parity
import scratch
import torch_ref
from parity_tests.trained import command, flowers_and_patients, run, train
from scripts import plot_run
from scripts.cli import Refusal
from scripts.training import loop, pictures
from scripts.training.by_hand import ByHand
from scripts.training.folder import read_metrics
from scripts.training.in_torch import InTorch


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return flowers_and_patients(tmp_path_factory.mktemp("runs"))


def test_the_weights_are_a_file_that_either_side_loads(runs):
    weights = scratch.load(runs / "species" / "checkpoints" / "last.safetensors")
    net, module = scratch.models.mlp((2, 16, 3)), torch_ref.models.mlp((2, 16, 3))
    scratch.load_state_dict(net, weights)
    from safetensors.torch import load_file

    module.load_state_dict(load_file(runs / "species" / "checkpoints" / "last.safetensors"))
    x = np.random.default_rng(0).normal(size=(4, 2))
    np.testing.assert_allclose(net(x), parity.to_numpy(module(torch.tensor(x))), rtol=1e-12)


def test_pictures_of_one_run_and_of_several(runs, tmp_path, capsys):
    assert plot_run.main([str(runs / "species"), "--out", str(tmp_path / "one")]) == 0
    assert plot_run.main([str(runs / "species"), str(runs / "again"), "--out", str(tmp_path / "two")]) == 0
    assert plot_run.main([str(runs / "diabetes"), "--out", str(tmp_path / "three"), "--format", "svg"]) == 0
    drawn = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")}
    one = {f"one/{name}.png" for name in ("curves", "confusion", "decisions")}
    assert drawn == one | {"two/compared.png", "three/curves.svg", "three/predicted.svg"}
    assert all(matplotlib.image.imread(path).std() > 0.05 for path in tmp_path.rglob("*.png"))
    with pytest.raises(Refusal, match="no run is there"):
        plot_run.main([str(tmp_path)])


def test_of_many_rows_some_are_shown_so_that_the_regions_are_seen(monkeypatch):
    drawn = {}
    monkeypatch.setattr(pictures, "save", lambda figure, path: drawn.update({path: figure}))
    for N in (pictures.ROWS, 5000):
        x = np.random.default_rng(0).normal(size=(N, 2))
        target, moments = (x[:, 0] > 0).astype(int), {"at the end": lambda points: (points[:, 0] > 0).astype(int)}
        pictures.decisions(moments, x, target, ("width", "height"), ("left", "right"), N)
        axes, legend = drawn[N].axes[0], drawn[N].legends[0]
        assert sum(len(line.get_xdata()) for line in axes.lines) == pictures.ROWS
        assert legend.get_title().get_text() == ("300 of 5,000 rows" if N > pictures.ROWS else "")


def test_pictures_take_any_name(tmp_path):
    table = tmp_path / "odd.csv"
    rows = [f"{i},{-i},{('_$a$', '$$x^{', '<script>')[i % 3]}" for i in range(30)]
    table.write_text("\n".join(["_$x_{,$b$,kind", *rows, ""]), encoding="utf-8")
    train(tmp_path, "--name", "odd", "--data", table, "--map-labels", "--epochs", "1")
    assert plot_run.main([str(tmp_path / "odd"), "--format", "svg"]) == 0
    drawn = (tmp_path / "odd" / "figures" / "confusion.svg").read_text(encoding="utf-8")
    assert "<script>" not in drawn.replace("<!-- <script> -->", "")
    figure = pictures.confusion(np.array([0, 1]), np.array([0, 1]), ("_$a$", "b"), "$", tmp_path / "c.svg")
    assert "$a$" in figure.read_text(encoding="utf-8").replace("\\", "")


def test_half_a_line_of_metrics_is_passed_over(runs):
    whole = read_metrics(runs / "again")
    with open(runs / "again" / "metrics.csv", "a", encoding="utf-8") as file:
        file.write("99999,4")
    assert read_metrics(runs / "again") == whole


@pytest.mark.parametrize("side", ["scratch", "torch"])
def test_a_loss_that_is_no_number_stops_the_run_where_it_is(side, tmp_path):
    wild = ("--data", "diabetes", "--optimizer", "sgd", "--lr", "1e200", "--activation", "ReLU", "--name", "wild")
    with np.errstate(all="ignore"):
        status, result, errors = train(tmp_path, *wild, "--backend", side, "--checkpoint-interval", "1")
    assert (status, result["ended"]) == (3, "not finite")
    assert f"step {result['steps']}: " in errors
    assert "first seen behind layer" in errors
    assert "checkpoint" in errors
    failure = json.loads((tmp_path / "wild" / "failure.json").read_text(encoding="utf-8"))
    assert len(failure["rows"]) == 32
    with np.errstate(all="ignore"):
        kept = scratch.load(tmp_path / "wild" / "checkpoints" / f"step-{result['steps']:08}.npz")
    assert all(np.isfinite(array).all() for name, array in kept.items() if name.startswith("weights/"))


@pytest.mark.parametrize("side", ["scratch", "torch"])
def test_an_infinite_loss_of_finite_outputs_stops_too_and_no_infinite_weight_is_called_good(side, tmp_path):
    how = ("--data", "diabetes", "--model", "neuron", "--optimizer", "sgd", "--batch-size", "500", "--backend", side)
    with np.errstate(all="ignore"):
        status, result, _ = train(tmp_path, *how, "--lr", "1e200", "--epochs", "1")
        assert (status, result["ended"], result["test_loss"]) == (3, "not finite", None)
        how = (*how, "--lr", "1.7e308", "--epochs", "3", "--checkpoint-interval", "1", "--name", "x")
        status, _, errors = train(tmp_path, *how)
    assert status == 3
    assert f"last good checkpoint: {tmp_path / 'x' / 'checkpoints' / 'last.npz'}" in errors


def test_weights_that_overflow_at_the_end_of_an_epoch_stop_the_run_too(tmp_path):
    wild = ("--data", "diabetes", "--optimizer", "sgd", "--lr", "1e200", "--batch-size", "500", "--name", "wild")
    with np.errstate(all="ignore"):
        status, result, errors = train(tmp_path, *wild, "--activation", "ReLU", "--epochs", "3")
    assert (status, result["ended"]) == (3, "not finite")
    assert "rows held out: first seen behind layer" in errors
    assert f"last good checkpoint: {tmp_path / 'wild' / 'checkpoints' / 'last.npz'}" in errors


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried ..."),
    ],
)
def test_memory_that_runs_out_names_the_batch_and_the_peak(error, tmp_path, monkeypatch):
    def step(self, *arguments):
        raise error

    monkeypatch.setattr(ByHand, "step", step)
    status, result, errors = train(tmp_path, "--batch-size", "77")
    assert (status, result["ended"]) == (3, "out of memory")
    assert "out of memory with --batch-size 77: " in errors
    assert "MiB taken at most" in errors


def test_a_network_beyond_the_memory_is_told_alike(tmp_path):
    def little():
        resource.setrlimit(resource.RLIMIT_AS, (3_000_000_000, 3_000_000_000))

    for side in ("scratch", "torch"):
        done = run(tmp_path, "--hidden", "30000,30000", "--backend", side, preexec_fn=little)
        assert (done.returncode, "Traceback" in done.stderr) == (3, False)
        assert "out of memory with --batch-size 32" in done.stderr
        assert json.loads(done.stdout)["ended"] == "out of memory"
    assert not any(tmp_path.rglob("config.json"))


def test_an_operation_without_a_deterministic_kernel_is_named(tmp_path, monkeypatch):
    def loss(side, y, target):
        return torch.zeros(2).put_(torch.tensor([0]), torch.ones(1))  # has none, on the CPU either

    monkeypatch.setattr(InTorch, "mean_loss", loss)
    try:
        with pytest.raises(Refusal, match=r"^--deterministic: put_ does not have a deterministic implementation; it"):
            train(tmp_path, "--backend", "torch", "--deterministic")
    finally:
        torch.use_deterministic_algorithms(False)


def test_an_error_of_ours_is_no_verdict(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "evaluate", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(tmp_path, "--name", "mine")
    assert not (tmp_path / "mine" / "result.json").exists()


def test_tensorboard_is_an_extra(tmp_path):
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        with pytest.raises(Refusal, match=r'pip install "handgrad\[tensorboard\]"'):
            train(tmp_path, "--tensorboard")
    else:
        train(tmp_path, "--tensorboard", "--name", "board", "--epochs", "1")
        assert list((tmp_path / "board" / "tensorboard").iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals on Windows")
def test_a_terminal_shows_a_bar_and_standard_output_stays_one_line(tmp_path):
    ours, theirs = os.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    with subprocess.Popen(
        command(tmp_path, "--epochs", "3"), stdout=subprocess.PIPE, stderr=theirs, text=True, env=environment
    ) as process:
        os.close(theirs)
        seen = b""
        with contextlib.suppress(OSError):  # the terminal is closed at the other end
            while part := os.read(ours, 4096):
                seen += part
        out = process.stdout.read()
    os.close(ours)
    assert json.loads(out)["steps"] == 12
    assert "━" in seen.decode()
    assert "test loss" in seen.decode()


def test_what_is_kept_of_a_run(runs):
    there = {path.name for path in (runs / "again").iterdir()} - {".lock"}
    assert there == {"config.json", "metrics.csv", "environment.txt", "result.json", "checkpoints"}
    kept = {path.name for path in (runs / "species" / "checkpoints").iterdir()}
    assert kept >= {"last.npz", "last.safetensors", "best.npz", "best.safetensors", "step-00000040.npz"}
    environment = (runs / "again" / "environment.txt").read_text(encoding="utf-8")
    assert f"numpy {np.__version__}" in environment
