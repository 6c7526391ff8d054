"""Are weights written whole or not at all, as torch reads them, and read as torch writes them?"""

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

import scratch
from scratch import files

SUFFIXES = (".safetensors", ".npz")
RNG = np.random.default_rng(0)
STATE = {
    "0.weight": RNG.normal(size=(3, 2)),
    "0.bias": RNG.normal(size=3).astype("float32"),
    "num_batches_tracked": np.array(2**53 + 1),
    "number": np.array(-0.0, "float32"),
    "empty": np.zeros((0, 3)),
    "mask": np.array([[True, False]]),
    "extremes": np.array([np.nan, np.inf, -np.inf, 5e-324, 1.7e308]),
    **{kind: np.array([0, 1, 100], kind) for kind in sorted(files.HELD)},
}


def same(ours, theirs):
    """Equal in names, dtypes, shapes and bits."""
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert (array.dtype, array.shape) == (theirs[name].dtype, theirs[name].shape), name
        assert array.tobytes() == theirs[name].tobytes(), name


@pytest.fixture(params=SUFFIXES)
def path(request, tmp_path):
    return tmp_path / f"weights{request.param}"


def test_what_is_saved_is_loaded(path):
    scratch.save(path, STATE)
    loaded = scratch.load(str(path))
    same(loaded, STATE)
    assert all(array.flags.writeable and array.flags.c_contiguous for array in loaded.values())
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_the_same_state_gives_the_same_bytes(path):
    scratch.save(path, STATE)
    first = path.read_bytes()
    scratch.save(path, STATE)
    assert path.read_bytes() == first


def test_a_net_goes_to_a_file_and_into_another_net(path):
    net, other = (scratch.models.mlp((4, 5, 3), rng=seed, dtype="float32") for seed in (0, 1))
    scratch.save(path, net)
    scratch.load_state_dict(other, scratch.load(path))
    same(scratch.state_dict(other), scratch.state_dict(net))
    scratch.save(path, scratch.ReLU())
    assert scratch.load(path) == {}


def test_any_memory_layout_is_saved_in_order(path):
    x = np.arange(12.0).reshape(3, 4)
    layouts = {"columns": np.asfortranarray(x), "turned": x.T, "backwards": x[::-1, ::-1], "strided": x[:, ::2]}
    scratch.save(path, layouts | {"number": np.float64(2.5)})
    loaded = scratch.load(path)
    assert loaded.pop("number") == 2.5
    assert all((loaded[name] == array).all() for name, array in layouts.items())


def test_any_printable_name_is_a_key_and_never_a_path(path):
    names = ("file", "../up", "/etc/passwd", "a/b", "größe", "a.npy", "allow_pickle", "sha256", "two words")
    state = {name: np.arange(float(i)) for i, name in enumerate(names)}
    scratch.save(path, state)
    same(scratch.load(path), state)


def test_torch_reads_what_we_write_and_we_read_what_torch_writes(tmp_path):
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3))
    tensors = {**net.state_dict(), "empty": torch.zeros(0, 3, dtype=torch.float64), "mask": torch.tensor([True, False])}
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    scratch.save(tmp_path / "ours.safetensors", arrays)
    scratch.save(tmp_path / "ours.npz", arrays)
    theirs = safetensors.torch.load_file(tmp_path / "ours.safetensors")
    same({name: tensor.numpy() for name, tensor in theirs.items()}, arrays)
    net.load_state_dict({name: theirs[name] for name in net.state_dict()}, strict=True)
    with np.load(tmp_path / "ours.npz", allow_pickle=False) as archive:
        same({name: torch.from_numpy(archive[name]).numpy() for name in archive.files}, arrays)
    safetensors.torch.save_file(tensors, tmp_path / "theirs.safetensors", {"format": "pt"})
    same(scratch.load(tmp_path / "theirs.safetensors"), arrays)
    np.savez(tmp_path / "theirs.npz", **arrays, turned=arrays["0.weight"].T)
    same(scratch.load(tmp_path / "theirs.npz"), arrays | {"turned": arrays["0.weight"].T.copy()})


def test_bfloat16_comes_as_float32_without_loss(tmp_path):
    every = torch.arange(2**16, dtype=torch.int32).to(torch.int16).view(torch.bfloat16)  # all there are
    tensors = {"all": every.reshape(256, 256), "number": torch.tensor(1.5, dtype=torch.bfloat16), "w": torch.ones(3)}
    safetensors.torch.save_file(tensors, tmp_path / "w.safetensors")
    same(scratch.load(tmp_path / "w.safetensors"), {name: t.float().numpy() for name, t in tensors.items()})


def test_types_that_numpy_has_not_are_named(tmp_path):
    safetensors.torch.save_file({"w": torch.zeros(3, dtype=torch.float8_e5m2)}, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match=r"not a usable weights file: .*: w is of type F8_E5M2, which NumPy has not"):
        scratch.load(tmp_path / "w.safetensors")


SMALL = {"weight": np.arange(12.0).reshape(3, 4), "bias": np.arange(3, dtype="float32")}


class Interrupted(BaseException):
    pass


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_an_existing_file_survives_what_interrupts_a_save(path, where, monkeypatch):
    scratch.save(path, SMALL)
    before = path.read_bytes()

    def interrupt(*args):
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(os, where, interrupt)
        with pytest.raises(Interrupted):
            scratch.save(path, STATE)
    assert path.read_bytes() == before
    with pytest.raises(TypeError, match="expected strange as"):
        scratch.save(path, STATE | {"strange": [1.0]})
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


ON_A_FULL_DISK = """
import resource, sys
import numpy as np, scratch
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
try:
    scratch.save(sys.argv[1], {"w": np.ones(10_000)})
except OSError as error:
    print(type(error).__name__, error.strerror)
"""


def test_an_existing_file_survives_a_full_disk(path):
    scratch.save(path, SMALL)
    done = subprocess.run(
        [sys.executable, "-c", ON_A_FULL_DISK, path], capture_output=True, text=True, cwd=Path(__file__).parent.parent
    )
    assert (done.returncode, done.stdout.strip()) == (0, "OSError File too large"), done.stderr
    same(scratch.load(path), SMALL)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_links_and_permissions_stay(path):
    scratch.save(path, SMALL)
    mask = os.umask(0o022)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    path.chmod(0o640)
    link = path.with_name(f"link{path.suffix}")
    link.symlink_to(path)
    scratch.save(link, STATE)
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    same(scratch.load(path), STATE)


@pytest.mark.parametrize("do", [lambda p: scratch.save(p, SMALL), scratch.load], ids=["save", "load"])
def test_without_the_package_one_line_names_the_extra(do, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match=r'pip install "handgrad\[files\]", or use \.npz$') as caught:
        do(tmp_path / "w.safetensors")
    assert len(str(caught.value).splitlines()) == 1
    scratch.save(tmp_path / "w.npz", SMALL)
    same(scratch.load(tmp_path / "w.npz"), SMALL)


REFUSED = {
    "suffix": (lambda: scratch.save("w.pt", SMALL), ValueError, "save: .* ends in .safetensors or .npz, got w.pt"),
    "load-suffix": (lambda: scratch.load("w.pt"), ValueError, "load: .* ends in .safetensors or .npz, got w.pt"),
    "list": (lambda: scratch.save("w.npz", [1]), TypeError, r"save: expected a net or \{name: array\}, got a list"),
    "module": (lambda: scratch.save("w.npz", nn.Linear(2, 2)), TypeError, r"got a Linear; pass its tensors as \{name:"),
    "tensor": (lambda: scratch.save("w.npz", {"w": torch.ones(2)}), TypeError, r"got Tensor; pass w\.detach\(\)"),
    "nested": (lambda: scratch.save("w.npz", {"w": {}}), TypeError, "expected w as a NumPy array, got dict"),
    "objects": (lambda: scratch.save("w.npz", {"w": np.array([None])}), TypeError, "up to 64 bits, got object"),
    "complex": (lambda: scratch.save("w.npz", {"w": np.array(1j)}), TypeError, "up to 64 bits, got complex128"),
    "swapped": (lambda: scratch.save("w.npz", {"w": np.ones(2, ">f8")}), TypeError, "up to 64 bits, got >f8"),
    "longdouble": (
        lambda: scratch.save("w.npz", {"w": np.ones(2, "g")}),
        TypeError,
        "got (float128|longdouble|float96)",
    ),
    "masked": (lambda: scratch.save("w.npz", {"w": np.ma.ones(2)}), TypeError, "got MaskedArray"),
    "name": (lambda: scratch.save("w.npz", {"a\0b": np.ones(2)}), ValueError, "names as printable text, got 'a"),
    "no-name": (lambda: scratch.save("w.npz", {"": np.ones(2)}), ValueError, "names as printable text, got ''"),
    "number-name": (lambda: scratch.save("w.npz", {1: np.ones(2)}), ValueError, "names as printable text, got 1"),
    "metadata": (lambda: scratch.save("w.npz", {"__metadata__": np.ones(2)}), ValueError, "got '__metadata__'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message) as caught:
        call()
    assert len(str(caught.value).splitlines()) == 1
    assert not list(tmp_path.iterdir())
