"""Columns of numbers from a CSV file."""

import math
from itertools import islice
from typing import NamedTuple

import numpy as np

from scratch.tables.files import checked
from scratch.tables.layout import GAPS, first_fault, listed, not_text, opening, position, rows_of


class CSV(NamedTuple):
    """x (N, features) float64; column (N,) the target as numbers; words: what they stand for, () for numbers.

    features and target: names of the columns, numbers where the file has none; named: whether it has; dropped: rows
    left out because a number in them was not finite.
    """

    x: np.ndarray
    column: np.ndarray
    features: tuple[str, ...]
    target: str
    words: tuple[str, ...] = ()
    dropped: int = 0
    named: bool = True


def read_csv(path, target=None, header=None, words=False, drop_nonfinite=False, leave_out=(), delimiter=","):
    """The CSV of a comma-separated file of numbers.

    target: name or number of the column to predict, the last one unless told. header: whether the first line has names;
    None: it has where no cell of it is a number. words: the target may be words, which become 0, 1, … in their order.
    drop_nonfinite: rows with nan, inf or a gap (an empty cell, NA) are left out. leave_out: columns, by name or number,
    that are not looked at: of words, say. delimiter: what separates cells.
    UTF-8, with or without a mark at its start, any line ends; blank lines are passed over.
    Raises ValueError, naming file, row and column, for what is no table of finite numbers; nothing is guessed.
    """
    path = checked(path)
    layout = opening(path, delimiter, header)
    names = layout.names
    place = position(path, names, names[-1] if target is None else target)
    passed = {position(path, names, name) for name in leave_out}
    if place in passed:
        raise ValueError(f"{path}: column {names[place]!r} is the target, so it cannot be left out")
    codes: dict[str, int] = {}
    converters: dict = dict.fromkeys(passed, nothing)
    if words:
        converters[place] = lambda word: codes.setdefault(word.strip(), len(codes))
    rows = numbers(path, layout, converters, drop_nonfinite, place)
    finite = np.isfinite(rows.sum(axis=1)) if rows.size else np.ones(len(rows), bool)
    finite = finite if finite.all() else np.isfinite(rows).all(axis=1)
    if words and drop_nonfinite and "" in codes:
        finite &= rows[:, place] != codes[""]
    if not finite.all() and not drop_nonfinite:
        raise ValueError(first_fault(path, layout, converters, place))
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
    features = tuple(name for i, name in enumerate(names) if i not in passed and i != place)
    if not features:
        raise ValueError(f"{path}: no column is left to predict {names[place]!r} from")
    x = without(rows, sorted({place} | passed))
    return CSV(x, column, features, names[place], tuple(ordered), int((~finite).sum()), layout.named)


def read_columns(path, wanted, delimiter=",", gaps=False):
    """x (N, columns) of the columns of a CSV that are wanted, by name; where it has no names, or those that are wanted
    are numbers, by place. gaps: rows with a gap or a number that is not finite are kept, as nan or as they are.

    Words in other columns are passed over. Raises ValueError as read_csv does, and where a column is missing.
    """
    path = checked(path)
    layout = asked_for(path, wanted, delimiter)
    places = [layout.names.index(name) for name in wanted]
    converters = {i: nothing for i in range(len(layout.names)) if i not in places}
    rows = numbers(path, layout, converters, gaps, remedies=False)
    if not gaps and not np.isfinite(rows[:, places]).all():
        raise ValueError(first_fault(path, layout, converters, target=None, remedies=False))
    return rows[:, places]


def read_words(path, wanted, name, delimiter=","):
    """Of a table that has the columns `wanted`: (the line in which each row ends, the cells of one more column as they
    stand; None where none has that name).
    """
    path = checked(path)
    layout = asked_for(path, wanted, delimiter)
    place = layout.names.index(name) if name in layout.names else None
    lines, words = [], []
    for line, cells in islice(rows_of(path, delimiter), int(layout.named), None):
        lines.append(line)
        words.append("" if place is None else cells[place].strip())
    return lines, None if place is None else words


def asked_for(path, wanted, delimiter):
    """The Layout of a table in which columns are looked for; without names they are all of it, in their order."""
    named = () if all(name.isdigit() for name in wanted) else wanted  # numbers of columns make no line of names
    layout = opening(path, delimiter, wanted=named, least=min(2, len(wanted)))
    if not layout.named and not set(wanted) <= set(layout.names):
        if len(layout.names) != len(wanted):
            raise ValueError(
                f"{path}: expected {len(wanted)} columns ({listed(wanted)}), or a line of names, "
                f"got {len(layout.names)}"
            )
        layout = layout._replace(names=wanted)
    missing = [name for name in wanted if name not in layout.names]
    if missing:
        raise ValueError(f"{path}: no column is named {missing[0]!r}; the columns are {listed(layout.names)}")
    return layout


def nothing(word):
    """What stands for a cell of a column that is not looked at."""
    return 0.0


def number_or_gap(word):
    """A cell as a number; a gap is nan."""
    if word.strip().lower() in GAPS:
        return math.nan
    if "_" in word:
        raise ValueError(word)
    return float(word)


def numbers(path, layout, converters, gaps=False, target=None, remedies=True):
    """All cells of a CSV as floats (N, columns), columns of words by their converters (ValueError).

    gaps: empty cells are nan; each cell is then read by Python, several times slower, where there are any.
    """
    how = {"delimiter": layout.delimiter, "skiprows": layout.skipped, "ndmin": 2, "comments": None, "quotechar": '"'}
    everywhere = dict.fromkeys(range(len(layout.names)), number_or_gap) | converters
    for own in (converters, everywhere) if gaps else (converters,):
        try:
            with open(path, encoding="utf-8-sig", newline=None) as file:
                return np.loadtxt(file, converters=own or None, **how)
        except UnicodeDecodeError:
            raise ValueError(not_text(path)) from None
        except ValueError:
            continue
    raise ValueError(first_fault(path, layout, converters, target, gaps, remedies))


def without(rows, places):
    """The array without some columns, in the same memory: a table may fill much of it."""
    kept = [i for i in range(rows.shape[1]) if i not in places]
    for new, old in enumerate(kept):
        if new != old:
            rows[:, new] = rows[:, old]
    return rows[:, : len(kept)]
