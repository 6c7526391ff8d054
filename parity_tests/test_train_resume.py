"""Does a run that was killed, stopped, or ran out of disk go on to the very weights of the unbroken one?"""

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest

from parity_tests.trained import ROOT, arrays, command, equal, lines, run, train
from scripts.cli import Refusal
from scripts.training import checkpoints, loop

LONG = ("--data", "digits", "--model", "mlp", "--epochs", "60", "--optimizer", "adamw", "--schedule", "cosine")
LONG += ("--checkpoint-interval", "50", "--clip", "1")
SHORT = ("--epochs", "6", "--optimizer", "rmsprop", "--momentum", "0.5", "--checkpoint-interval", "5")


@pytest.mark.parametrize("side", ["scratch", "torch"])
@pytest.mark.parametrize("at", ["step-00000010", "step-00000020", "last"])
def test_a_run_goes_on_bit_for_bit_from_any_checkpoint(side, at, tmp_path):
    """Step 10 lies within an epoch of four batches, 20 at the end of one, before the rows held out are looked at."""
    train(tmp_path, "--name", "whole", "--backend", side, *SHORT, "--epochs", "8")
    train(tmp_path, "--name", "parts", "--backend", side, *SHORT)
    checkpoint = tmp_path / "parts" if at == "last" else tmp_path / "parts" / "checkpoints" / f"{at}.npz"
    status, _, errors = train(tmp_path, "--resume", checkpoint, "--epochs", "8")
    assert (status, "on from step" in errors) == (0, True)
    assert equal(arrays(tmp_path / "whole"), arrays(tmp_path / "parts"))
    assert lines(tmp_path / "whole") == lines(tmp_path / "parts")


@pytest.mark.parametrize("side", ["scratch", "torch"])
def test_deterministic_is_the_same_whatever_the_threads_and_the_seed_of_hashes(side, tmp_path):
    for number in ("1", "2"):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": number,
            "OMP_NUM_THREADS": number,
            "OPENBLAS_NUM_THREADS": number,
        }
        wide = ("--hidden", "300,300", "--batch-size", "1000", "--data", "digits", "--model", "mlp")
        more = ("--name", number, "--epochs", "3", "--deterministic", "--backend", side)
        assert run(tmp_path, *wide, *more, env=environment).returncode == 0
    assert equal(arrays(tmp_path / "1"), arrays(tmp_path / "2"))
    assert lines(tmp_path / "1") == lines(tmp_path / "2")


def test_last_is_the_run_that_was_trained_last(tmp_path):
    train(tmp_path, "--name", "b", "--epochs", "1")
    train(tmp_path, "--name", "a", "--epochs", "1")
    _, result, _ = train(tmp_path, "--resume", "last", "--epochs", "2")
    assert result["run"].endswith("/a")
    with pytest.raises(Refusal, match="holds no run"):
        train(tmp_path / "nothing", "--resume", "last")


def test_kill_9_at_any_moment_loses_nothing(tmp_path):
    """Twice in the midst of a run; `make soak` does it a hundred times, at any moment, on each side."""
    train(tmp_path, "--name", "whole", *LONG)
    line = command(tmp_path, "--name", "killed", *LONG)
    for kept in ("step-00000200.npz", "step-00001000.npz"):
        with subprocess.Popen(line, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            while not (tmp_path / "killed" / "checkpoints" / kept).exists():
                assert process.poll() is None
            process.kill()
            process.communicate()
        line = command(tmp_path, "--resume", tmp_path / "killed")
    _, _, errors = train(tmp_path, "--resume", tmp_path / "killed")
    assert int(re.search(r"on from step (\d+)", errors)[1]) >= 1000
    assert equal(arrays(tmp_path / "whole"), arrays(tmp_path / "killed"))
    assert lines(tmp_path / "whole") == lines(tmp_path / "killed")


@contextlib.contextmanager
def begun(runs, name):
    """A long run in a process of its own, in its second epoch."""
    line = command(runs, "--data", "digits", "--model", "mlp", "--epochs", "100000", "--name", name)
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while "epoch 1 " not in process.stderr.readline():
            pass
        yield process


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_saves_and_the_run_goes_on(sent, status, tmp_path):
    with begun(tmp_path, "stopped") as process:
        process.send_signal(sent)
        out, errors = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in errors) == (status, False)
    result = json.loads(out)
    assert result["ended"] == "stopped"
    assert f"saved at step {result['steps']}; --resume {tmp_path / 'stopped'} goes on" in errors
    _, _, errors = train(tmp_path, "--resume", tmp_path / "stopped", "--epochs", result["epochs"] + 1)
    assert f"on from step {result['steps']} in epoch" in errors


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_second_signal_stops_at_once(sent, status, tmp_path):
    """In a step that would take a minute."""
    slow = f"""
import sys, time
sys.path.insert(0, {str(ROOT)!r})
from scripts.cli import run
from scripts.train import main
from scripts.training.by_hand import ByHand
ByHand.step = lambda *_: print("in a step", flush=True) or time.sleep(60)
run(lambda arguments: main({["--runs", str(tmp_path)]!r}))
"""
    with subprocess.Popen([sys.executable, "-c", slow], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "in a step\n"
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(sent)
        assert process.wait(timeout=20) == status


def test_a_signal_during_a_save_lets_it_end(tmp_path, monkeypatch):
    """It comes while the file of step 5 is brought to the disk."""
    whole, to_disk, saves = checkpoints.save, os.fsync, []

    def watched(folder, name, side, progress):
        saves.append(name)
        whole(folder, name, side, progress)

    def interrupted(number):
        if saves[-1] == "step-00000005":
            saves.append("interrupted")  # once: a second signal would stop at once
            signal.raise_signal(signal.SIGINT)
        to_disk(number)

    monkeypatch.setattr(loop.checkpoints, "save", watched)
    monkeypatch.setattr(os, "fsync", interrupted)
    status, result, _ = train(tmp_path, "--name", "parts", *SHORT)
    assert (status, result["steps"]) == (130, 5)
    assert checkpoints.is_finite(tmp_path / "parts" / "checkpoints" / "step-00000005.npz")
    monkeypatch.undo()
    train(tmp_path, "--resume", tmp_path / "parts")
    train(tmp_path, "--name", "whole", *SHORT)
    assert equal(arrays(tmp_path / "whole"), arrays(tmp_path / "parts"))


def test_a_full_disk_is_told_and_the_run_goes_on_later(tmp_path):
    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = run(tmp_path, "--name", "parts", *LONG, preexec_fn=small_files)
    assert done.returncode == 3
    assert "File too large" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    left = [path for path in (tmp_path / "parts" / "checkpoints").iterdir() if path.suffix == ".tmp"]
    assert left == []
    train(tmp_path, "--resume", tmp_path / "parts")
    train(tmp_path, "--name", "whole", *LONG)
    assert equal(arrays(tmp_path / "whole"), arrays(tmp_path / "parts"))


def test_a_folder_that_is_gone_is_told(tmp_path):
    with begun(tmp_path, "gone") as process:
        os.rename(tmp_path / "gone" / "checkpoints", tmp_path / "elsewhere")
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in errors) == (3, False)
    assert "checkpoints" in errors.splitlines()[-1]


def test_two_runs_in_one_folder(tmp_path):
    with begun(tmp_path, "one") as process:
        for arguments in (("--resume", tmp_path / "one"), ("--name", "one", "--overwrite")):
            with pytest.raises(Refusal, match="another process trains in this folder"):
                train(tmp_path, *arguments)
        process.send_signal(signal.SIGKILL)


def test_a_kill_between_the_files_of_a_checkpoint_is_healed(tmp_path):
    train(tmp_path, "--name", "mine", *SHORT)
    weights = tmp_path / "mine" / "checkpoints" / "last.safetensors"
    right = weights.read_bytes()
    shutil.copy(weights.with_name("step-00000005.safetensors"), weights)
    train(tmp_path, "--resume", tmp_path / "mine")
    assert weights.read_bytes() == right


def test_a_run_that_is_to_be_replaced_stays_until_the_new_one_stands(tmp_path):
    train(tmp_path, "--name", "mine", *SHORT)
    before = {path.name: path.read_bytes() for path in (tmp_path / "mine").rglob("*.*") if path.is_file()}

    def no_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    done = run(tmp_path, "--name", "mine", "--overwrite", "--epochs", "1", preexec_fn=no_files)
    assert done.returncode == 2
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "mine").rglob("*.*") if path.is_file()}
    shutil.copytree(tmp_path / "mine", tmp_path / "mine" / ".replaced")  # by a kill while that was taken away
    train(tmp_path, "--resume", tmp_path / "mine", "--epochs", "6")
    assert not (tmp_path / "mine" / ".replaced").exists()
    (tmp_path / "mine" / ".before").mkdir()
    for part in ("checkpoints", "result.json"):  # killed in the midst
        os.rename(tmp_path / "mine" / part, tmp_path / "mine" / ".before" / part)
    with pytest.raises(Refusal, match="there is a run of that name"):
        train(tmp_path, "--name", "mine")
    assert (tmp_path / "mine" / "checkpoints" / "last.npz").read_bytes() == before["last.npz"]


def test_an_existing_run_stays(tmp_path):
    train(tmp_path, "--name", "mine", "--epochs", "1")
    before = lines(tmp_path / "mine")
    with pytest.raises(Refusal, match="--overwrite replaces it, --resume goes on"):
        train(tmp_path, "--name", "mine")
    assert lines(tmp_path / "mine") == before
    train(tmp_path, "--name", "mine", "--overwrite", "--epochs", "2")
    assert len(lines(tmp_path / "mine")) > len(before)
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(Refusal, match="it holds other files"):
        train(tmp_path, "--name", "other", "--overwrite")
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]
