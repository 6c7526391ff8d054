"""Files that may be read: what they begin with, how large they are, their hash; texts."""

import hashlib
import math
from pathlib import Path

import numpy as np

from scratch.data import Text
from scratch.tables.layout import not_text

MARKS = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
}  # what a file begins with
TIMES = 4  # as much memory as this many times the file is needed for it


def checked(path):
    """The path of a regular file that fits into memory and does not begin as something else (ValueError)."""
    path = Path(path).absolute()
    if not path.exists():
        raise ValueError(f"{path}: no such file")
    if not path.is_file():
        raise ValueError(f"{path}: it is not a regular file")
    size = path.stat().st_size
    if not size:
        raise ValueError(f"{path}: 0 rows: the file is empty")
    free = free_memory()
    if TIMES * size > free:
        raise ValueError(
            f"{path}: {size / 2**30:.1f} GiB, which need {TIMES} times as much memory; {free / 2**30:.1f} GiB are free"
        )
    try:
        with open(path, "rb") as file:
            start = file.read(4)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    kind = next((kind for mark, kind in MARKS.items() if start.startswith(mark)), None)
    kind = kind or ("UTF-16 or no text at all" if b"\0" in start else None)
    if kind:
        raise ValueError(f"{path}: it is {kind}; save it as comma-separated text in UTF-8")
    return path


def free_memory():
    """Bytes that may be taken, as Linux tells them; no limit elsewhere."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return math.inf
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), math.inf)


def digest(path):
    """The SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_text(path):
    """The scratch.data.Text of a text file in UTF-8: its characters as numbers, in the order of their code points."""
    path = checked(path)
    try:
        whole = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(not_text(path)) from None
    characters, ids = np.unique(np.frombuffer(whole.encode("utf-32-le"), np.uint32), return_inverse=True)
    return Text(ids.astype(np.int64), "".join(map(chr, characters)))
