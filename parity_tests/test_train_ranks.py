"""Do many processes train as one does, and is a rank that fails, hangs or is none named?"""

import csv
import json
import os
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.distributed.checkpoint.metadata import BytesStorageMetadata, Metadata

import scratch
from parity_tests.trained import ROOT, arrays, run, train
from scratch.tables import digest
from scripts.cli import Refusal
from scripts.training.folder import read_metrics


def ranks(tmp_path, name, *arguments):
    launcher = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone")
    return run(tmp_path, "--name", name, "--backend", "torch", *arguments, launcher=launcher)


def table(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["a", "y"], *((i, i % 2) for i in range(rows))])
    return path


@pytest.mark.parametrize("size", [31, 1])
def test_two_ranks_are_one_process_and_the_hand_written_backward(size, tmp_path):
    """A batch of 31 rows divides by no two; batches of one leave a rank without a row."""
    data = "iris" if size > 1 else table(tmp_path / "t.csv", 10)
    arguments = ("--data", data, "--batch-size", size, "--epochs", "2", "--clip", "1", "--log-interval", "1")
    for side in ("scratch", "torch"):
        train(tmp_path, "--name", side, "--backend", side, *arguments)
    done = ranks(tmp_path, "ranks", *arguments)
    assert done.returncode == 0, done.stderr
    by_hand, one, two = (arrays(tmp_path / name) for name in ("scratch", "torch", "ranks"))
    for name, array in one.items():  # two dozen steps at most, each a sum in another order
        np.testing.assert_allclose(two[name], array, rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(by_hand[name], array, rtol=1e-10, atol=1e-13)
    lengths = [[row["gradient_norm"] for row in read_metrics(tmp_path / name)] for name in ("torch", "ranks")]
    assert [length is None for length in lengths[0]] == [length is None for length in lengths[1]]
    assert [n for n in lengths[1] if n] == pytest.approx([n for n in lengths[0] if n], rel=1e-10)


def test_sharded_ranks_give_the_same_and_one_process_goes_on_with_them(tmp_path):
    arguments = ("--batch-size", "31", "--epochs", "2")
    train(tmp_path, "--name", "one", "--backend", "torch", *arguments)
    done = ranks(tmp_path, "shards", "--fsdp", *arguments)
    assert done.returncode == 0, done.stderr
    weights = [scratch.load(tmp_path / name / "checkpoints" / "last.safetensors") for name in ("one", "shards")]
    for name, array in weights[0].items():
        np.testing.assert_allclose(weights[1][name], array, rtol=1e-12, atol=1e-15)
    shutil.copytree(tmp_path / "shards", tmp_path / "damaged")
    train(tmp_path, "--resume", tmp_path / "one", "--epochs", "3")
    status, _, errors = train(tmp_path, "--resume", tmp_path / "shards", "--epochs", "3")
    assert (status, "on from step 8 in epoch 2" in errors) == (0, True)
    ours, theirs = arrays(tmp_path / "one"), arrays(tmp_path / "shards")
    for name, array in ours.items():
        np.testing.assert_allclose(theirs[name], array, rtol=1e-12, atol=1e-15)
    checkpoints = tmp_path / "damaged" / "checkpoints"
    part = next((checkpoints / "last.sharded").glob("*.distcp"))
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    status, _, errors = train(tmp_path, "--resume", tmp_path / "damaged", "--epochs", "3")
    assert (status, f"{part.name} does not fit its SHA-256" in errors) == (0, True)
    assert "the one before it is taken" in errors


class Code:
    """A pickle that would make a folder."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def rehashed(folder):
    """The checkpoint, whose progress.json vouches for what is in it now."""
    stored = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
    stored["progress"]["format"] = 1  # which says of no config.json
    stored["progress"].pop("run", None)
    stored["sha256"] = {path.name: digest(path) for path in folder.iterdir() if path.name != "progress.json"}
    (folder / "progress.json").write_text(json.dumps(stored), encoding="utf-8")
    return folder


def test_sharded_checkpoints_of_strangers_run_nothing_and_fit(tmp_path):
    done = ranks(tmp_path, "shards", "--fsdp", "--epochs", "1")
    assert done.returncode == 0, done.stderr
    config, last = (tmp_path / "shards" / part for part in ("config.json", "checkpoints/last.sharded"))
    index = (last / ".metadata").read_bytes()
    for content, why in (
        (pickle.dumps(Code(tmp_path / "ran")), "its index names posix.mkdir, which is no data"),
        (pickle.dumps(torch.nn.Linear), "its index names torch.nn.modules.linear.Linear, which is no data"),
        (pickle.dumps({"a": 1}), "its index is none of torch's"),
        (pickle.dumps(Metadata({"model.0.weight": BytesStorageMetadata()})), "which is no data"),
        (index[:-9], "not a usable checkpoint"),
        (b"", "not a usable checkpoint"),
    ):
        (last / ".metadata").write_bytes(content)
        with pytest.raises(Refusal) as refused:
            train(tmp_path, "--resume", rehashed(last), "--epochs", "2")
        assert str(refused.value).startswith(f"not a usable checkpoint: {last}: ")
        assert why in str(refused.value)
    assert not (tmp_path / "ran").exists()
    (last / ".metadata").write_bytes(index)
    rehashed(last)
    for name, value in (("hidden", [8]), ("optimizer", "rmsprop")):
        stored = json.loads(config.read_text(encoding="utf-8"))
        stored["options"][name] = value
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(stored), encoding="utf-8")
        shutil.copytree(last, tmp_path / name / "checkpoints" / "last.sharded")
        with pytest.raises(Refusal, match=f"it is of another {'network' if name == 'hidden' else 'optimizer'}: 0.bias"):
            train(tmp_path, "--resume", tmp_path / name / "checkpoints" / "last.sharded", "--epochs", "2")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"RANK": "0"}, "RANK is set but not WORLD_SIZE: start with torchrun, or unset RANK"),
        (
            {"RANK": "3", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"},
            "RANK 3 of WORLD_SIZE 2",
        ),
        (
            {"RANK": "x", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"},
            "are not numbers and a machine",
        ),
    ],
)
def test_leftover_variables_are_refused_before_anybody_waits(variables, message, tmp_path, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Refusal, match=message):
        train(tmp_path, "--backend", "torch")


def test_a_rank_that_meets_nobody_gives_up_in_time(tmp_path):
    variables = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29399"}
    done = run(tmp_path, "--backend", "torch", "--timeout", "2", env={**os.environ, **variables}, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("train.py: rank 1: no other rank met at 127.0.0.1:29399 in 2 s")
    assert len(done.stderr.splitlines()) == 1


DYING = """
import os, signal, sys
sys.path.insert(0, {root!r})
from scripts.training import in_torch
from scripts.training.session import start
from scripts.training.options import parse
step = in_torch.InTorch.step
def dying(self, *arguments):
    if self.ranks.rank == 1 and arguments[3]:
        {how}
    return step(self, *arguments)
in_torch.InTorch.step = dying
sys.exit(start(parse(sys.argv[1:])))
"""


def dying(tmp_path, how, *arguments):
    """The command line of a training whose rank 1 dies in its first step."""
    program = tmp_path / "dies.py"
    program.write_text(DYING.format(root=str(ROOT), how=how), encoding="utf-8")
    told = ("--runs", str(tmp_path / "runs"), "--backend", "torch", "--device", "cpu")
    return [str(program), *told, *arguments]


def test_a_rank_that_fails_is_named_in_the_last_lines(tmp_path):
    data = table(tmp_path / "t.csv", 64)
    line = dying(tmp_path, "os._exit(7)", "--data", str(data), "--timeout", "10")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    done = subprocess.run([*launcher, *line], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "rank 0: another rank is gone or hangs" in done.stderr
    assert "exitcode  : 7" in done.stderr


def test_a_rank_that_hangs_is_named_within_the_time_out(tmp_path):
    """Without torchrun, which would wait half a minute before it kills the one that hangs."""
    line = [sys.executable, *dying(tmp_path, "os.kill(os.getpid(), signal.SIGSTOP)", "--timeout", "3")]
    variables = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29398"}
    both = [
        subprocess.Popen(
            line, stderr=subprocess.PIPE, text=True, env={**variables, "RANK": str(rank), "LOCAL_RANK": str(rank)}
        )
        for rank in (0, 1)
    ]
    _, errors = both[0].communicate(timeout=60)
    both[1].kill()
    both[1].communicate()
    assert both[0].returncode == 3
    assert "rank 0: another rank is gone or hangs" in errors
    assert errors.splitlines()[-1] == "train.py: rank 1 gives no sign of life"
