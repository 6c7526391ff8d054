"""How a CSV file is laid out, and what is wrong in it."""

import csv
import math
import re
from typing import NamedTuple

GAPS = {"", "na", "n/a", "null", "none"}  # what stands in small letters where a number is missing
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
SHOWN = 20  # names of columns in a message


def rows_of(path, delimiter=","):
    """(number of the line that it ends in, cells) of every row that is not blank."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader, ended = csv.reader(file, delimiter=delimiter), 0
        try:
            for cells in reader:
                ended = reader.line_num
                if cells:
                    yield ended, cells
        except csv.Error as error:
            raise ValueError(f"{path}: row {ended + 1}: {error}; is a quotation mark not closed?") from None
        except UnicodeDecodeError:
            raise ValueError(not_text(path)) from None


def not_text(path):
    """Which row of a file is not UTF-8."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return f"{path}: row {number}: byte {error.start + 1} of it is not UTF-8; save the file as UTF-8"
    return f"{path}: it is not UTF-8; save the file as UTF-8"


class Layout(NamedTuple):
    """How a table begins: the names of its columns, whether they stand in its first row, and the lines up to there."""

    names: tuple[str, ...]
    named: bool
    skipped: int
    delimiter: str


def opening(path, delimiter=",", header=None, wanted=(), least=2):
    """The Layout of a table of so many columns at least. wanted: names that, all of them in the first row, make it one
    of names whatever they are.
    """
    lines = rows_of(path, delimiter)
    (end, first), (_, second) = (next(lines, (0, None)) for _ in range(2))
    if first is None:
        raise ValueError(f"{path}: 0 rows: it has blank lines alone")
    if len(first) < least:
        other = next((name for name, mark in DELIMITERS.items() if mark in first[0]), None)
        remedy = f"; is it --delimiter {other}?" if other else ""
        by = next(name for name, mark in DELIMITERS.items() if mark == delimiter)
        raise ValueError(
            f"{path}: expected two columns or more, by --delimiter {by}, got one: {first[0][:60]!r}{remedy}"
        )
    if header is None:
        header = not any(map(is_number, first)) or (bool(wanted) and set(wanted) <= {cell.strip() for cell in first})
    if header and second is None:
        raise ValueError(f"{path}: 0 rows: it has a line of names alone")
    names = header_names(path, first) if header else tuple(str(i) for i in range(len(first)))
    return Layout(names, header, end if header else 0, delimiter)


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii() and "_" not in text  # 1_000 and digits of other scripts are Python's, no table's


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


def position(path, names, wanted):
    """The number of a column, from 0, by name or number."""
    if wanted in names:
        return names.index(wanted)
    if re.fullmatch(r"-?[0-9]{1,9}", str(wanted)) and -len(names) <= int(wanted) < len(names):
        return int(wanted) % len(names)
    raise ValueError(f"{path}: no column is named {wanted!r}; the columns are {listed(names)}")


def first_fault(path, layout, converters, target=None, gaps=False, remedies=True):
    """What is wrong in the first row that is, and by which flag of a training it can be passed over: found by going
    through the file once more.
    """
    lines, names = rows_of(path, layout.delimiter), layout.names
    if layout.named:
        next(lines)
    for count, (number, cells) in enumerate(lines):
        if len(cells) != len(names):
            return f"{path}: row {number}: expected {len(names)} cells, got {len(cells)}{unclosed(cells)}"
        for i, cell in enumerate(cells):
            shown = cell.strip()[:60]
            gap = shown.lower() in GAPS
            if i in converters or (gaps and gap):
                continue
            if gap:
                fault = f"{shown!r} is a gap" if shown else "an empty cell"
                remedy = "fill it, or leave such rows out with --drop-nonfinite"
            elif re.fullmatch(r"[-+]?\d+,\d+", shown):
                fault, remedy = f"{shown!r} is no number", f"a decimal comma? write {shown.replace(',', '.')}"
            elif not is_number(cell):
                word = "--map-labels takes words" if i == target else f"--drop {names[i]} leaves the column out"
                fault = f"{shown!r} is no number"
                remedy = word if count or layout.named else "where these are names, say --header"
            elif not math.isfinite(float(cell)):
                fault, remedy = f"{shown} is not finite", "mend it, or leave such rows out with --drop-nonfinite"
            else:
                continue
            return f"{path}: row {number}, column {names[i]!r}: {fault}{f'; {remedy}' if remedies else ''}"
    return f"{path}: it cannot be read as a table of numbers"


def unclosed(cells):
    """A hint where a cell holds a line end: a quotation mark is missing, most likely."""
    return "; a quotation mark is not closed" if any("\n" in cell for cell in cells) else ""
