"""Weights in files, written whole or not at all, and read without running or believing anything that is in them.

`.safetensors`, by the package of that name (an extra), or `.npz`, by NumPy alone; torch reads and writes both.
"""

import hashlib
import io
import json
import math
import os
import shutil
import zipfile
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from scratch.naming import stored

HELD = {f"{kind}{bits}" for kind in ("int", "uint", "float") for bits in (16, 32, 64)} | {"int8", "uint8", "bool"}
CODES = {f"{kind}{bits}" for kind in "IUF" for bits in (16, 32, 64)} | {"I8", "U8", "BOOL"}  # the same in safetensors
SMALL = 1 << 20  # bytes: reading so small a file needs no more memory than there is
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def save(path, state):
    """Write a net's parameters and buffers, or {name: array}, to `path`.safetensors or `path`.npz.

    The file appears complete or not at all: it is written beside its place under another name, brought to the disk,
    and put in place at once, so an existing one survives any failure. It holds the SHA-256 of names, dtypes, shapes and
    values (in the metadata of a .safetensors file, the comment of an .npz file), which `load` compares.
    Raises ValueError for another suffix and for a name that is no printable text; TypeError for what is no net and no
    array of booleans, integers or floats up to 64 bits; OSError where the file cannot be written; ImportError, naming
    the extra, where the package safetensors is absent.
    """
    path, suffix = checked_path("save", path)
    arrays = {name: checked_array(name, array) for name, array in arrays_of(state).items()}
    content = packed_by_safetensors(arrays) if suffix == ".safetensors" else packed_by_numpy(arrays)
    with replacing(path) as file:
        file.write(content)


def load(path):
    """{name: array} of a .safetensors or .npz file, whoever wrote it; scratch.load_state_dict puts them into a net.

    Values that are not finite are loaded as they are. bfloat16, which NumPy has not, comes as float32, without loss.
    Nothing in the file is executed, names are keys and never paths, and sizes that a header declares are compared with
    the file's before anything of such a size is read.
    Raises ValueError, "not a usable weights file: PATH: why", where it is missing, empty, cut off, damaged (in files of
    others as far as the format shows it), compressed, or holds anything but arrays of numbers; ImportError as `save`.
    """
    path, suffix = checked_path("load", path)
    if suffix == ".safetensors":
        package("load")
    try:
        if not path.is_file():
            raise ValueError("no such file" if not path.exists() else "it is not a regular file")
        if not path.stat().st_size:
            raise ValueError("the file is empty")
        return read_by_safetensors(path) if suffix == ".safetensors" else read_by_numpy(path)
    except Exception as error:  # whatever a reader meets in a damaged file: struct.error, zlib.error, KeyError, ...
        if isinstance(error, MemoryError) and path.stat().st_size > SMALL:
            raise
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
        raise ValueError(f"not a usable weights file: {path}: {why.splitlines()[0]}") from error


def checked_path(owner, path):
    """(path, its suffix in small letters); a suffix that says no format is refused."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{owner}: expected a path first, got a {type(path).__name__}")
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".safetensors", ".npz"):
        raise ValueError(f"{owner}: expected a path that ends in .safetensors or .npz, got {path}")
    return path, suffix


def arrays_of(state):
    """{name: array} of a mapping as it is, or of a net; anything else is refused."""
    if isinstance(state, Mapping):
        return state
    if hasattr(state, "forward") and not hasattr(state, "state_dict"):
        return stored(state)
    remedy = "; pass its tensors as {name: tensor.numpy()}" if hasattr(state, "state_dict") else ""
    raise TypeError(f"save: expected a net or {{name: array}}, got a {type(state).__name__}{remedy}")


def checked_array(name, array):
    """The array in C order; what a file cannot hold, or cannot hold under that name, is refused."""
    if not isinstance(name, str) or not name.isprintable() or name in ("", "__metadata__"):
        raise ValueError(f"save: expected names as printable text, got {name!r}")
    if not isinstance(array, np.ndarray | np.generic) or isinstance(array, np.ma.MaskedArray):
        remedy = f"{name}.detach().cpu().numpy()" if hasattr(array, "detach") else f"np.asarray({name})"
        raise TypeError(f"save: expected {name} as a NumPy array, got {type(array).__name__}; pass {remedy}")
    if array.dtype.name not in HELD or not array.dtype.isnative:
        raise TypeError(f"save: expected {name} as booleans, integers or floats up to 64 bits, got {array.dtype}")
    return np.asarray(array, order="C")


@contextmanager
def replacing(path):
    """A new file beside path that takes its place once it is complete and on the disk, and else leaves no trace."""
    path = Path(os.path.realpath(path))
    temporary = path.with_name(f".{os.urandom(8).hex()}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def package(owner):
    """The package safetensors; one line on what to install where there is none."""
    try:
        import safetensors.numpy
    except ImportError as error:
        text = f'{owner}: .safetensors needs a package: pip install "handgrad[files]", or use .npz'
        raise ImportError(text, name="safetensors") from error
    return safetensors


def packed_by_safetensors(arrays):
    return package("save").numpy.save(arrays, {"sha256": digest(arrays)})


def read_by_safetensors(path):
    """The format's sizes are checked against the file's by the package, before any tensor is read."""
    safetensors = package("load")
    with safetensors.safe_open(path, framework="np") as file:
        codes = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118 - it is no dict
        strange = {name: code for name, code in codes.items() if code not in CODES | {"BF16"}}
        if strange:
            name, code = next(iter(strange.items()))
            raise ValueError(f"{name} is of type {code}, which NumPy has not")
        arrays = {name: file.get_tensor(name) for name, code in codes.items() if code != "BF16"}
        expected = (file.metadata() or {}).get("sha256")
    if len(arrays) < len(codes):
        for name, tensor in safetensors.deserialize(path.read_bytes()):
            if tensor["dtype"] == "BF16":  # the upper half of a float32
                upper = np.frombuffer(tensor["data"], "<u2").astype(np.uint32)
                arrays[name] = (upper << 16).view(np.float32).reshape(tensor["shape"])
    return verified(arrays, expected)


def verified(arrays, expected):
    """The arrays, where they have the SHA-256 that is expected; None: a file of others, that holds none."""
    if expected is not None and expected != digest(arrays):
        raise ValueError("its contents do not fit the SHA-256 in it: it was damaged or changed")
    return arrays


def digest(arrays):
    """The SHA-256 of names, dtypes, shapes and values, in an order of its own."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        total.update(json.dumps([name, arrays[name].dtype.name, arrays[name].shape]).encode())
        total.update(arrays[name])
    return total.hexdigest()


def packed_by_numpy(arrays):
    """What np.savez writes, under any names: its own would take `file` for an argument."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            npy.write_array(member, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getbuffer())
        archive.comment = b"sha256 " + digest(arrays).encode()
    return content.getbuffer()


def read_by_numpy(path):
    """Members that are stored as they are, so no more than the file's size is read of all of them together."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        for member in members:
            if not member.filename.endswith(".npy"):
                raise ValueError(f"{member.filename} in it is no array")
            if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
                raise ValueError(f"{member.filename} is compressed; write it with np.savez")
        if sum(member.file_size for member in members) > path.stat().st_size:
            raise ValueError("it declares more bytes than the file has")
        check_end(path, archive.comment)
        mark, _, expected = archive.comment.decode(errors="replace").partition(" ")
        arrays = {member.filename[: -len(".npy")]: array_of(member, archive.read(member)) for member in members}
    if len(arrays) < len(members):
        raise ValueError("two arrays in it have one name")
    return verified(arrays, expected if mark == "sha256" else None)


def check_end(path, comment):
    """Refuse an archive whose comment is cut off (ValueError): zipfile takes what is left of it for the whole."""
    with open(path, "rb") as file:
        file.seek(-22 - len(comment), os.SEEK_END)
        end = file.read(22)  # signature …, and in the last two bytes the comment's length
    if not end.startswith(b"PK\x05\x06") or int.from_bytes(end[-2:], "little") != len(comment):
        raise ValueError("its end is cut off")


def array_of(member, content):
    """The array in the bytes of a .npy member, whose checksum has been compared."""
    stream = io.BytesIO(content)
    version = npy.read_magic(stream)
    if version not in HEADERS:
        raise ValueError(f"{member.filename} has .npy format {version[0]}.{version[1]}; read are 1.0 and 2.0")
    shape, _, dtype = HEADERS[version](stream)
    if dtype.name not in HELD or not dtype.isnative:
        raise ValueError(f"{member.filename} holds {dtype}, expected booleans, integers or floats up to 64 bits")
    declared, there = math.prod(shape) * dtype.itemsize, len(content) - stream.tell()
    if declared != there:
        raise ValueError(f"{member.filename} declares {declared} bytes and has {there}")
    stream.seek(0)
    return npy.read_array(stream, allow_pickle=False)
