"""Is every damaged, foreign or hostile checkpoint refused in one wording, the side untouched, nothing run?"""

import contextlib
import json
import os
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

import scratch
from parity_tests.trained import arrays, equal, train
from scripts.cli import Refusal
from scripts.training import checkpoints, data, task
from scripts.training.by_hand import ByHand
from scripts.training.in_torch import InTorch
from scripts.training.options import completed
from scripts.training.ranks import Ranks

RUN = ("--epochs", "2", "--hidden", "3", "--checkpoint-interval", "4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run, and the bytes of its last checkpoint."""
    runs = tmp_path_factory.mktemp("runs")
    train(runs, "--name", "mine", *RUN)
    return runs / "mine"


def side(hidden=3, optimizer="adam", backend="scratch"):
    options = completed({"hidden": [hidden], "device": "cpu", "optimizer": optimizer})
    chosen = task.choose(options, data.prepare(options))
    return ByHand(chosen, options) if backend == "scratch" else InTorch(chosen, options, "cpu", Ranks())


def refused(path, one=None):
    """The message with which a checkpoint is refused; the side keeps its weights."""
    one = one or side()
    before = one.weights(), one.optimizer_state()
    with pytest.raises(ValueError, match=r"^not a usable checkpoint: ") as error:
        checkpoints.load(path, one)
    assert equal(before[0], one.weights())
    assert equal(before[1], one.optimizer_state())
    return str(error.value)


class Code:
    """A pickle that would make a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def contents(folder, tmp_path):
    good = (folder / "checkpoints" / "last.npz").read_bytes()
    buffer = tmp_path / "pickled.npz"
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("progress.npy", b"\x93NUMPY\x01\x00" + pickle.dumps(Code(tmp_path / "ran")))
    np.savez(tmp_path / "objects.npz", progress=np.array([Code(tmp_path / "ran")], object))
    return {
        "empty": b"",
        "text": b"lr = 0.1\n",
        "half": good[: len(good) // 2],
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "pickle": pickle.dumps(Code(tmp_path / "ran")),
        "pickle within": buffer.read_bytes(),
        "objects": (tmp_path / "objects.npz").read_bytes(),
        "random": np.random.default_rng(0).bytes(5000),
    }


def test_damaged_and_hostile_files(folder, tmp_path):
    for name, content in contents(folder, tmp_path).items():
        path = tmp_path / f"{name}.npz"
        path.write_bytes(content)
        refused(path)
    assert not (tmp_path / "ran").exists()
    refused(tmp_path / "nowhere.npz")


def test_a_flipped_byte_anywhere(folder, tmp_path):
    """At every 64th byte: what is not refused holds the very same arrays (padding, dates of a zip's members)."""
    good, path, one = (folder / "checkpoints" / "last.npz").read_bytes(), tmp_path / "last.npz", side()
    expected, caught = arrays(folder), 0
    for place in range(0, len(good), 64):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0x10]) + good[place + 1 :])
        with contextlib.suppress(ValueError):
            found = scratch.load(path)
            found.pop("progress")
            assert equal(found, expected), place
            continue
        refused(path, one)
        caught += 1
    assert caught > 0.8 * len(good) / 64


def test_a_cut_anywhere(folder, tmp_path):
    good, path, one = (folder / "checkpoints" / "last.npz").read_bytes(), tmp_path / "last.npz", side()
    for place in range(0, len(good) - 1, 64):
        path.write_bytes(good[:place])
        refused(path, one)


def changed(folder, tmp_path, **others):
    """A checkpoint with other entries, rightly hashed."""
    found = scratch.load(folder / "checkpoints" / "last.npz")
    scratch.save(tmp_path / "changed.npz", found | {name: np.asarray(array) for name, array in others.items()})
    return tmp_path / "changed.npz"


def test_other_networks_numbers_that_are_none_and_newer_formats(folder, tmp_path):
    found = scratch.load(folder / "checkpoints" / "last.npz")
    progress = json.loads(found["progress"].tobytes())
    assert "0.bias, 0.weight, 2.weight differ in name, shape or dtype" in refused(
        folder / "checkpoints" / "last.npz", side(5)
    )
    spoilt = found["weights/0.bias"] * np.nan
    path = changed(folder, tmp_path, **{"weights/0.bias": spoilt})
    assert "weights/0.bias holds numbers that are not finite; --allow-nonfinite takes them" in refused(path)
    assert checkpoints.load(path, side(), allow_nonfinite=True).step == progress["step"]
    newer = np.frombuffer(json.dumps(progress | {"format": 99}).encode(), np.uint8)
    assert "it has format 99, newer than this handgrad" in refused(changed(folder, tmp_path, progress=newer))
    for name, value in (("best", float("nan")), ("seconds", 1e400), ("step", True), ("step", -1), ("run", "")):
        contradictory = np.frombuffer(json.dumps(progress | {name: value}).encode(), np.uint8)
        refused(changed(folder, tmp_path, progress=contradictory))
    for format in (0, -5.5, True, "1"):
        older = np.frombuffer(json.dumps(progress | {"format": format}).encode(), np.uint8)
        refused(changed(folder, tmp_path, progress=older))
    for name, array in (
        ("optimizer/9.weight/exp_avg", spoilt * 0),
        ("optimizer/0.bias/exp_avg", np.zeros(1)),
        ("optimizer/0.bias/exp_avg", np.zeros(3, bool)),
        ("junk/more", np.zeros(3)),
    ):
        message = refused(changed(folder, tmp_path, **{name: array}))
        assert f"it is of another optimizer: {name.partition('/')[2]} differ in name, shape or dtype" in message
    for step in (-3, 2.5):
        message = refused(changed(folder, tmp_path, **{"optimizer/0.bias/step": step}))
        assert f"optimizer/0.bias/step is {step}, which is no number of steps" in message
    deep = np.frombuffer(b"[" * 100_000, np.uint8)
    refused(changed(folder, tmp_path, progress=deep))
    assert "it has no progress" in refused(folder / "checkpoints" / "last.safetensors")
    large = changed(folder, tmp_path, **{f"optimizer/{i}": np.zeros(1) for i in range(5000)})
    assert re.search(r"it has [\d,]+ bytes where this network's have at most", refused(large))
    scratch.save(tmp_path / "bare.npz", {"weights/0.bias": spoilt})
    refused(tmp_path / "bare.npz")


@pytest.mark.parametrize("backend", ["scratch", "torch"])
def test_another_optimizers_memory(folder, tmp_path, backend):
    path = folder / "checkpoints" / "last.npz"
    for optimizer in ("rmsprop", "adagrad", "sgd"):
        message = refused(path, side(optimizer=optimizer, backend=backend))
        assert "it is of another optimizer: 0.bias/exp_avg, 0.bias/exp_avg_sq, 0.bias/s" in message
    found = {name: array for name, array in scratch.load(path).items() if not name.endswith("0.bias/step")}
    scratch.save(tmp_path / "lacks.npz", found)
    assert "of another optimizer: 0.bias/step differ" in refused(tmp_path / "lacks.npz", side(backend=backend))


def test_the_one_before_it_is_taken_and_the_end_is_the_same(folder, tmp_path):
    for name in ("whole", "broken"):
        train(tmp_path, "--name", name, *RUN)
        train(tmp_path, "--resume", tmp_path / name, "--epochs", "3")
    damaged = tmp_path / "broken" / "checkpoints" / "last.npz"
    damaged.write_bytes(damaged.read_bytes()[:100])
    assert (damaged.parent / "previous.npz").exists()
    for name in ("whole", "broken"):
        _, _, errors = train(tmp_path, "--resume", tmp_path / name, "--epochs", "4")
    assert "not a usable checkpoint" in errors
    assert "the one before it is taken" in errors
    assert equal(arrays(tmp_path / "whole"), arrays(tmp_path / "broken"))


def test_where_none_can_be_used_the_run_stays(folder, tmp_path):
    train(tmp_path, "--name", "mine", *RUN)
    for path in (tmp_path / "mine" / "checkpoints").glob("*.npz"):
        path.write_bytes(b"gone")
    before = {path: path.read_bytes() for path in (tmp_path / "mine").rglob("*.*") if path.is_file()}
    with pytest.raises(Refusal, match="not a usable checkpoint"):
        train(tmp_path, "--resume", tmp_path / "mine", "--epochs", "9")
    assert all(path.read_bytes() == content for path, content in before.items())
    (tmp_path / "mine" / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(Refusal, match=r"config\.json lacks options"):
        train(tmp_path, "--resume", tmp_path / "mine")


@pytest.mark.parametrize("format", range(1, checkpoints.FORMAT + 1))
def test_stored_checkpoints_of_every_format_are_read(format):
    one = side(hidden=2)
    progress = checkpoints.load(Path(__file__).parent / "stored" / f"checkpoint-{format}.npz", one)
    assert (progress.step, progress.epoch, bool(progress.run)) == (8, 2, format > 1)
    # as it was printed when it was stored: eight digits
    np.testing.assert_allclose(one.weights()["0.bias"], [0.00965918, 0.43252914], rtol=1e-6)
