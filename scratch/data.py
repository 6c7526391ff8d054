"""Data as arrays, nothing downloaded: the worked example and tables that come with scikit-learn.

float64 features (N, features); class labels int64 (N,); regression targets float64 (N, 1).
"""

import codecs
import contextlib
import importlib
import io
from typing import NamedTuple

import numpy as np

from scratch.checks import check_finite, check_shape

WORKED_EXAMPLE_X = ((5.0, 3.0),)  # the lecture's one input, as a batch of one


class Table(NamedTuple):
    """x (N, features), target, and the names of the columns and (for classes) of the labels."""

    x: np.ndarray
    target: np.ndarray
    features: tuple[str, ...]
    classes: tuple[str, ...] = ()


def worked_example(label=1):
    """The lecture's worked example: x = (5, 3) as shape (1, 2), and its label, 1 or 0, as a target of shape (1, 1)."""
    if label not in (0, 1):
        raise ValueError(f"worked_example: expected label 0 or 1, got {label!r}")
    return np.array(WORKED_EXAMPLE_X), np.array([[float(label)]])


def iris():
    """Fisher's Iris: 150 flowers, sepal and petal length and width in cm; setosa, versicolor, virginica."""
    from sklearn.datasets import load_iris

    bunch = load_iris()
    names = tuple(name.removesuffix(" (cm)") for name in bunch.feature_names)
    return Table(bunch.data, bunch.target.astype(np.int64), names, tuple(map(str, bunch.target_names)))


def iris_setosa():
    """The lecture's binary problem: sepal length and width; label 0 for setosa, 1 for the rest (float64, (150,))."""
    table = iris()
    target = (table.target != 0).astype(float)
    return Table(
        np.ascontiguousarray(table.x[:, :2]), target, table.features[:2], ("setosa", "versicolor or virginica")
    )


def diabetes():
    """442 patients, ten standardised measurements; target (442, 1): progression of the disease after one year."""
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes(scaled=True)
    return Table(bunch.data, bunch.target[:, None].astype(float), tuple(bunch.feature_names))


def digits():
    """1,797 handwritten digits of 8 × 8 pixels, each 0..1 in sixteenths; classes 0 to 9."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return Table(bunch.data / 16, bunch.target.astype(np.int64), tuple(bunch.feature_names), tuple("0123456789"))


def wine():
    """178 wines of three growers, thirteen measurements of each."""
    from sklearn.datasets import load_wine

    bunch = load_wine()
    names = tuple(map(str, bunch.feature_names))
    return Table(bunch.data, bunch.target.astype(np.int64), names, tuple(map(str, bunch.target_names)))


def breast_cancer():
    """569 tumours, thirty measurements of cell nuclei each; malignant (0) or benign (1)."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    names = tuple(map(str, bunch.feature_names))
    return Table(bunch.data, bunch.target.astype(np.int64), names, tuple(map(str, bunch.target_names)))


TOLD = (
    *("argparse", "ast", "calendar", "collections", "decimal", "difflib", "doctest", "email", "fractions", "heapq"),
    *(
        "inspect",
        "json",
        "logging",
        "optparse",
        "pickle",
        "random",
        "re",
        "statistics",
        "string",
        "unittest",
        "zipfile",
    ),
)


class Text(NamedTuple):
    """ids (length,) int64, one for each character, and the characters that they stand for, sorted."""

    ids: np.ndarray
    characters: str

    def read(self, ids):
        """The text that ids stand for."""
        return "".join(self.characters[i] for i in ids)


def text():
    """What comes with Python: the Zen of Python and the docstrings of some modules and of what they export."""
    with contextlib.redirect_stdout(io.StringIO()):
        zen = codecs.decode(importlib.import_module("this").s, "rot13")
    pieces = [zen]
    for name in TOLD:
        module = importlib.import_module(name)
        exported = [getattr(module, item, None) for item in getattr(module, "__all__", ())]
        pieces += [doc for thing in (module, *exported) if isinstance(doc := getattr(thing, "__doc__", None), str)]
    whole = "".join(c for c in "\n\n".join(dict.fromkeys(pieces)) if c == "\n" or " " <= c <= "~")
    characters = "".join(sorted(set(whole)))
    return Text(np.searchsorted(list(characters), list(whole)).astype(np.int64), characters)


def standardise(train, *others):
    """(a − mean) / standard deviation for each array, both taken per column from train alone.

    Raises ValueError where a column of train is constant, columns differ or an entry is not finite.
    """
    for name, array in {"train": train, **{f"others[{i}]": other for i, other in enumerate(others)}}.items():
        check_finite("standardise", name, array)
        check_shape("standardise", f"the columns of {name}", array[:0], train[:0].shape)
    mean, deviation = scaling(train)
    if not deviation.all():
        raise ValueError(f"standardise: column {int(np.argmin(deviation))} is constant in the training rows")
    return tuple((array - mean) / deviation for array in (train, *others))


def scaling(x, rows=slice(None)):
    """(means, standard deviations) of the columns of x over some of its rows; exactly 0 for a constant column.

    One column at a time, so that no copy of a large table is made.
    """
    columns = (column[rows] for column in x.T)
    found = [(own[0], 0.0) if own.min() == own.max() else (own.mean(), own.std()) for own in columns]
    means, deviations = np.array(found).T
    return means, deviations


def split(target, held_out, seed, stratify=True):
    """Row numbers (train, test): a random part of the rows, the same for a seed, is kept for the test.

    held_out: its share (0..1), or how many rows. stratify: every class in its share, for labels; False for a
    regression. Raises ValueError for a class of one row.
    """
    from sklearn.model_selection import train_test_split

    rows, classes = np.arange(len(target)), target if stratify else None
    train, test = train_test_split(rows, test_size=held_out, random_state=seed, stratify=classes)
    return np.sort(train), np.sort(test)
