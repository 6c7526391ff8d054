"""A person's own table: numbers from a CSV file, one column of them the target, read strictly."""

import csv
import hashlib
import math
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scratch.data import Text

MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x1f\x8b": "gzip", b"PK": "zip"}  # what a file begins with
TIMES = 4  # as much memory as this many times the file is needed for it
SHOWN = 20  # names of columns in a message


class CSV(NamedTuple):
    """x (N, features) float64; column (N,) the target as numbers; words: what they stand for, () for numbers.

    features and target: names of the columns; dropped: rows left out because a number in them was not finite.
    """

    x: np.ndarray
    column: np.ndarray
    features: tuple[str, ...]
    target: str
    words: tuple[str, ...] = ()
    dropped: int = 0


def read_csv(path, target=None, header=None, words=False, drop_nonfinite=False):
    """The CSV of a comma-separated file of numbers.

    target: name or number of the column to predict, the last one unless told. header: whether the first line has names;
    None: it has where no cell of it is a number. words: the target may be words, which become 0, 1, … in their order.
    UTF-8, with or without a mark at its start, any line ends; blank lines are passed over.
    Raises ValueError, naming file, row and column, for what is no table of finite numbers; nothing is guessed.
    """
    path = checked(path)
    first, second = opening(path)
    named = is_header(first) if header is None else header
    names = header_names(path, first) if named else tuple(str(i) for i in range(len(first)))
    if named and second is None:
        raise ValueError(f"{path}: 0 rows: it has a line of names alone")
    place = position(path, names, target)
    codes: dict[str, int] = {}
    coded = {place: lambda word: codes.setdefault(word.strip(), len(codes))} if words else None
    rows = numbers(path, names, named, coded, place)
    finite = np.isfinite(rows.sum(axis=1)) if rows.size else np.ones(len(rows), bool)
    finite = finite if finite.all() else np.isfinite(rows).all(axis=1)
    if not finite.all() and not drop_nonfinite:
        raise ValueError(first_fault(path, names, named, set(coded or ()), place))
    if not finite.all():
        rows = rows[finite]
    if not len(rows):
        raise ValueError(f"{path}: 0 rows are left")
    column = rows[:, place].copy()
    ordered: list[str] = []
    if words:
        said = [word for code, word in enumerate(codes) if (column == code).any()]  # dropped rows may be all of a word
        if "" in said:
            raise ValueError(f"{path}: column {names[place]!r} has empty cells; a class needs a name")
        ordered = sorted(said)
        new = np.array([ordered.index(word) if word in said else -1 for word in codes], float)
        column = new[column.astype(int)]
    x = without(rows, place)
    features = names[:place] + names[place + 1 :]
    return CSV(x, column, features, names[place], tuple(ordered), int((~finite).sum()))


def read_columns(path, wanted):
    """x (N, columns) of the columns of a CSV that are wanted, by name; without names, all of them in order.

    Words in other columns are passed over. Raises ValueError as read_csv does, and where a column is missing.
    """
    path = checked(path)
    first, second = opening(path)
    named = is_header(first) or set(wanted) <= {cell.strip() for cell in first}
    numbered = tuple(str(i) for i in range(len(first)))
    names = header_names(path, first) if named else numbered if set(wanted) <= set(numbered) else wanted
    missing = [name for name in wanted if name not in names]
    if missing:
        raise ValueError(f"{path}: no column is named {missing[0]!r}; the columns are {listed(names)}")
    if not named and names is wanted and len(first) != len(wanted):
        raise ValueError(
            f"{path}: expected {len(wanted)} columns ({listed(wanted)}), or a line of names, got {len(first)}"
        )
    if named and second is None:
        raise ValueError(f"{path}: 0 rows: it has a line of names alone")
    places = [names.index(name) for name in wanted]
    others = {i: (lambda word: 0.0) for i in set(range(len(names))) - set(places)}
    rows = numbers(path, names, named, others)
    if not np.isfinite(rows).all():
        raise ValueError(first_fault(path, names, named, set(others)))
    return rows[:, places]


def numbers(path, names, named, converters, target=None):
    """All cells of a CSV as floats (N, columns), columns of words by their converters (ValueError)."""
    try:
        with open(path, encoding="utf-8-sig", newline=None) as file:
            return np.loadtxt(
                file, delimiter=",", skiprows=int(named), ndmin=2, comments=None, quotechar='"', converters=converters
            )
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: byte {error.start} is not UTF-8; save the table as UTF-8") from None
    except ValueError:
        raise ValueError(first_fault(path, names, named, set(converters or ()), target)) from None


def without(rows, place):
    """The array without one column, in the same memory: a table may fill much of it."""
    if place < rows.shape[1] - 1:
        rows[:, place:-1] = rows[:, place + 1 :]
    return rows[:, :-1]


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
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else math.inf
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
    if kind:
        raise ValueError(f"{path}: it is {kind}; save it as comma-separated text in UTF-8")
    return path


def digest(path):
    """The SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def rows_of(path):
    """(line number, cells) of every line that is not blank."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        for cells in reader:
            if cells:
                yield reader.line_num, cells


def opening(path):
    """The first two lines that are not blank, None where there is none."""
    try:
        lines = rows_of(path)
        first, second = (next(lines, (0, None))[1] for _ in range(2))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: byte {error.start} is not UTF-8; save the table as UTF-8") from None
    except csv.Error as error:
        raise ValueError(f"{path}: it is no comma-separated text: {error}") from None
    if first is None:
        raise ValueError(f"{path}: 0 rows: it has blank lines alone")
    if len(first) < 2:
        raise ValueError(f"{path}: expected two columns or more, separated by commas, got one: {first[0][:60]!r}")
    return first, second


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def is_header(cells):
    return not any(map(is_number, cells))


def header_names(path, cells):
    names = tuple(cell.strip() for cell in cells)
    if "" in names:
        raise ValueError(f"{path}: column {names.index('') + 1} has no name; the columns are {listed(names)}")
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise ValueError(f"{path}: two columns are named {twice!r}; the columns are {listed(names)}")
    return names


def listed(names):
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")


def position(path, names, target):
    """The number of the target's column, from 0."""
    if target is None:
        return len(names) - 1
    if target in names:
        return names.index(target)
    if str(target).lstrip("-").isdigit() and -len(names) <= int(target) < len(names):
        return int(target) % len(names)
    raise ValueError(f"{path}: no column is named {target!r}; the columns are {listed(names)}")


def first_fault(path, names, named, of_words, target=None):
    """What is wrong in the first line that is: found by going through the file once more."""
    lines = rows_of(path)
    if named:
        next(lines)
    for number, cells in lines:
        if len(cells) != len(names):
            return f"{path}: row {number}: expected {len(names)} cells, got {len(cells)}"
        for i, cell in enumerate(cells):
            where, shown = f"{path}: row {number}, column {names[i]!r}", cell.strip()[:60]
            if i in of_words:
                continue
            if not shown:
                return f"{where}: an empty cell"
            if not is_number(cell):
                return f"{where}: {shown!r} is no number" + ("; --map-labels takes words" if i == target else "")
            if not math.isfinite(float(cell)):
                return f"{where}: {shown} is not finite; mend it, or leave such rows out with --drop-nonfinite"
    return f"{path}: it cannot be read as a table of numbers"


def read_text(path):
    """The scratch.data.Text of a text file in UTF-8: its characters as numbers, in the order of their code points."""
    path = checked(path)
    try:
        whole = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: byte {error.start} is not UTF-8; save the text as UTF-8") from None
    characters, ids = np.unique(np.frombuffer(whole.encode("utf-32-le"), np.uint32), return_inverse=True)
    return Text(ids.astype(np.int64), "".join(map(chr, characters)))
