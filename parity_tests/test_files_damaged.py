"""Is what is no usable weights file refused, without running it and without believing its sizes?"""

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

import scratch
from parity_tests.test_files import SMALL, STATE, SUFFIXES, same

USABLE = "^not a usable weights file: .*weights"


@pytest.fixture(params=SUFFIXES)
def path(request, tmp_path):
    return tmp_path / f"weights{request.param}"


def test_every_cut_is_refused(path):
    scratch.save(path, STATE)
    content = path.read_bytes()
    for length in (*range(0, len(content), 64), *range(len(content) - 100, len(content))):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=USABLE):
            scratch.load(path)


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80])
def test_no_flipped_byte_changes_a_weight(path, flip):
    """Refused, or (in a date, an unused field, the name of the checksum) without effect."""
    scratch.save(path, SMALL)
    content = path.read_bytes()
    refused = 0
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ flip]) + content[at + 1 :])
        try:
            loaded, message = scratch.load(path), ""
        except ValueError as error:
            loaded, message = SMALL, str(error)
        same(loaded, SMALL)
        refused += message.startswith(f"not a usable weights file: {path}: ")
        assert len(message.splitlines()) <= 1
    # without effect: the letters of `sha256`; in a zip dates, versions, attributes: 44 bytes an array, 7 at the end
    unused = 6 + (2 * 44 + 7) * (path.suffix == ".npz")
    assert refused >= len(content) - unused


class Runs:
    def __reduce__(self):
        return os.system, ("touch /tmp/handgrad-was-here",)


@pytest.mark.parametrize(
    "content",
    [
        b"hello, weights\n" * 9,
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        pickle.dumps(Runs()),
        bytes(range(256)) * 4,
        b"\0" * 500,
        (2**63).to_bytes(8, "little") + b"{}",
        b"PK\x05\x06" + b"\xff" * 18,
    ],
    ids=["text", "git-lfs", "pickle", "bytes", "zeros", "huge-header", "empty-zip"],
)
def test_what_is_no_weights_file_is_refused_and_not_run(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=USABLE):
        scratch.load(path)
    assert not Path("/tmp/handgrad-was-here").exists()


def test_missing_ones_and_folders_are_refused(path):
    with pytest.raises(ValueError, match=f"{USABLE}.*: no such file$"):
        scratch.load(path)
    path.touch()
    with pytest.raises(ValueError, match=f"{USABLE}.*: the file is empty$"):
        scratch.load(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ValueError, match=f"{USABLE}.*: it is not a regular file$"):
        scratch.load(path)
    with pytest.raises(OSError, match="directory"):
        scratch.save(path, SMALL)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def member(header, content=b""):
    """A .npy member of an honest archive with any header."""
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content


def described(shape, descr="'<f8'"):
    return member(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}", b"\0" * 8)


ARCHIVES = {
    "8-TB": ("w.npy", described("(1000000000000,)"), "w.npy declares 8000000000000 bytes and has 8"),
    "objects": ("w.npy", described("(1,)", "'|O'"), "w.npy holds object, expected booleans, integers or floats"),
    "text": ("w.npy", described("(1,)", "'<U2'"), "w.npy holds <U2, expected"),
    "big-endian": ("w.npy", described("(1,)", "'>f8'"), "w.npy holds >f8, expected"),
    "minus": ("w.npy", described("(-1, -1)"), "unknown dimension"),
    "code": ("w.npy", member("__import__('os').system('touch /tmp/handgrad-was-here')"), "malformed"),
    "nested": ("w.npy", member("-" * 9000 + "1"), "MemoryError"),
    "version-3": ("w.npy", b"\x93NUMPY\x03\x00" + described("(1,)")[8:], r"w.npy has .npy format 3.0"),
    "no-array": ("archive/data.pkl", pickle.dumps(Runs()), "archive/data.pkl in it is no array"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_that_declare_what_they_have_not_are_refused(name, tmp_path):
    file_name, content, message = ARCHIVES[name]
    with zipfile.ZipFile(tmp_path / "weights.npz", "w") as archive:
        archive.writestr(file_name, content)
    with pytest.raises(ValueError, match=f"{USABLE}.npz: .*({message})"):
        scratch.load(tmp_path / "weights.npz")
    assert not Path("/tmp/handgrad-was-here").exists()


def test_compressed_archives_are_refused_before_they_grow(tmp_path):
    np.savez_compressed(tmp_path / "weights.npz", w=np.zeros(10**6))
    with pytest.raises(ValueError, match=r"w\.npy is compressed; write it with np\.savez"):
        scratch.load(tmp_path / "weights.npz")


@pytest.mark.parametrize("size", [10**12, 2**61])
def test_a_header_of_8_terabytes_allocates_nothing(size, tmp_path):
    header = f'{{"w":{{"dtype":"F64","shape":[{size}],"data_offsets":[0,{8 * size}]}}}}'.encode()
    (tmp_path / "weights.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 64)
    with pytest.raises(ValueError, match=USABLE):
        scratch.load(tmp_path / "weights.safetensors")
