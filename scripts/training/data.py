"""What is trained on: rows of numbers or pieces of a text, those held out, and the order in which they are met."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import scratch
from scratch import tables
from scripts.cli import Refusal
from scripts.training.options import BUNDLED

MOST_CLASSES = 20  # a column of more different whole numbers is taken for a regression's unless told


@dataclass
class Data:
    """x (N, ...) and target of all rows, the numbers of those to train on and of those held out.

    kind: "classification", "regression" or "text"; classes: their names; features: those of the columns; source: name
    and hash of a file; scaling: (mean, deviation) of the columns of x and, in a regression, of the target, which have
    been taken off; notes: what a person should know.
    """

    name: str
    x: np.ndarray
    target: np.ndarray
    kind: str
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    train: np.ndarray = field(default_factory=lambda: np.empty(0, int))
    test: np.ndarray = field(default_factory=lambda: np.empty(0, int))
    scaling: dict = field(default_factory=dict)
    source: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)

    def order(self, seed, epoch):
        """The rows to train on in the order of one epoch: a function of seed and epoch, the same on every side."""
        return np.random.default_rng([seed, epoch]).permutation(self.train)


def prepare(options, begun=None):
    """The Data that options ask for, split, standardised by the rows to train on, in the dtype to compute in.

    begun: what config.json of a run that goes on says of its data; classes, columns and scaling stay those.
    """
    path = Path(options.data)
    try:
        if path.suffix.lower() == ".csv":
            data = of_csv(path, options)
        elif options.data == "text" or path.suffix.lower() == ".txt":
            data = of_text(path, options)
            if begun and list(data.classes) != list(begun["classes"]):
                raise Refusal(f"{options.data} has other characters than the run was begun with")
            return data
        else:
            data = of_bundled(options)
    except ValueError as error:
        raise Refusal(str(error)) from error
    split(data, options)
    if begun:
        data.scaling = {name: tuple(np.array(part, float) for part in pair) for name, pair in begun["scaling"].items()}
        for name, pair in data.scaling.items():
            if [part.shape for part in pair] != 2 * [getattr(data, name).shape[1:]]:
                raise ValueError(f"scaling of {name}")
        for name in ("classes", "features"):
            if list(getattr(data, name)) != list(begun[name]):
                was = tables.listed(tuple(begun[name]))
                raise Refusal(f"{options.data} has other {name} than the run was begun with: {was}")
    dtype = "float64" if options.dtype == "float64" else "float32"
    if options.data != "digits":  # pixels of one scale
        standardise(data)
    data.x = data.x.astype(dtype, copy=False)
    if data.kind == "regression":
        data.target = data.target.astype(dtype, copy=False)
    return data


def of_bundled(options):
    """A table that comes with scikit-learn."""
    if options.data not in BUNDLED:
        names = ", ".join((*BUNDLED, "text"))
        raise Refusal(f"--data: expected FILE.csv, FILE.txt or one of {names} (all work offline), got {options.data!r}")
    table = getattr(scratch.data, options.data)()
    kind = "classification" if table.classes else "regression"
    if options.task not in (None, kind):
        raise Refusal(f"--task {options.task}: {options.data} is a {kind}")
    return Data(options.data, table.x.copy(), table.target.copy(), kind, table.classes, table.features)


def of_csv(path, options):
    """A person's own table."""
    delimiter = tables.DELIMITERS[options.delimiter]
    how = options.target, options.header, options.map_labels, options.drop_nonfinite, options.drop, delimiter
    read = tables.read_csv(path, *how)
    source = {"path": str(path.absolute()), "sha256": tables.digest(path), "target": read.target, "named": read.named}
    notes = [f"target: {read.target}; columns: {tables.listed(read.features)}"]
    notes += [f"{read.dropped} rows with a gap or a number that is not finite are left out"] if read.dropped else []
    whole = bool((read.column == np.round(read.column)).all())
    found = np.unique(read.column)
    looks = "classification" if read.words or (whole and len(found) <= MOST_CLASSES) else "regression"
    kind = options.task or looks
    if kind == "regression":
        if read.words and not all(map(tables.is_number, read.words)):
            raise Refusal(f"{path}: the target {read.target!r} is of words: a classification")
        column = np.array([float(word) for word in read.words])[read.column.astype(int)] if read.words else read.column
        if not np.isfinite(column).all():
            raise Refusal(
                f"{path}: the target {read.target!r} is not finite everywhere; leave out --map-labels to see where"
            )
        notes.append(
            f"{read.target!r} is of numbers: a regression" + "; --task says otherwise" * (options.task is None)
        )
        return Data(path.stem, read.x, column[:, None], kind, (), read.features, source=source, notes=notes)
    classes = read.words or tuple(f"{number:g}" for number in found)
    if not read.words and not np.array_equal(found, np.arange(len(found))):
        raise Refusal(
            f"{path}: labels in column {read.target!r} are 0 to K-1, got {', '.join(classes[:10])}; "
            "--map-labels makes classes of any words or numbers, --task regression takes them as they are"
        )
    if read.words:
        notes.append("classes: " + ", ".join(f"{i} is {word}" for i, word in enumerate(classes[:MOST_CLASSES])))
    target = read.column.astype(np.int64)
    return Data(path.stem, read.x, target, kind, classes, read.features, source=source, notes=notes)


def of_text(path, options):
    """Pieces of a text, of `context` characters each; the target of each character is the next one. Its end is held
    out, so that no piece to train on overlaps with it.
    """
    text = scratch.data.text() if options.data == "text" else tables.read_text(path)
    length, ids = options.context, text.ids
    if len(text.characters) < 2:
        raise Refusal(f"{options.data}: every character is the same; a model has nothing to learn")
    pieces = (len(ids) - 1) // length
    held = max(1, round(pieces * options.test_share))
    if pieces - held < 1:
        raise Refusal(f"{options.data}: {len(ids)} characters make no two pieces of {length}; take a smaller --context")
    x, target = (ids[shift : shift + pieces * length].reshape(pieces, length) for shift in (0, 1))
    source = {"path": str(path.absolute()), "sha256": tables.digest(path)} if options.data != "text" else {}
    rows = np.arange(pieces)
    classes = tuple(text.characters)
    return Data(path.stem, x, target, "text", classes, (), rows[:-held], rows[-held:], source=source)


def split(data, options):
    """Choose the rows to train on and those held out; of classes, each in its share."""
    N, labels = len(data.x), data.target if data.kind == "classification" else None
    if labels is not None:
        counts = np.bincount(labels, minlength=len(data.classes))
        if np.count_nonzero(counts) < 2:
            raise Refusal(f"{data.name}: every row is of class {data.classes[labels[0]]!r}; two classes or more train")
        if counts.min() < 2:
            lone = data.classes[int(counts.argmin())]
            hint = "; --task regression takes numbers as they are" * all(map(tables.is_number, data.classes))
            raise Refusal(
                f"{data.name}: class {lone!r} has one row, which cannot be both trained on and held out{hint}"
            )
    if N == 1:
        data.train = data.test = np.arange(1)
        data.notes.append("one row, so it is trained on and judged: nothing is held out")
        return
    held = max(1, round(N * options.test_share), len(data.classes) if labels is not None else 0)
    left = N - held
    if left < max(1, len(data.classes) if labels is not None else 1):
        raise Refusal(
            f"{data.name}: of {N} rows {left} are left to train on, fewer than classes; take another --test-share"
        )
    data.train, data.test = scratch.data.split(data.target, held, options.seed, stratify=labels is not None)


def standardise(data):
    """Take mean and deviation of the rows to train on from the columns of x and a regression's target, in place."""
    constant = scale(data, "x")
    if constant:
        names = tables.listed(tuple(data.features[i] for i in constant))
        data.notes.append(f"constant in the rows to train on, so of no use: {names}")
    if data.kind == "regression":
        scale(data, "target")


def scale(data, name):
    """Take means from the columns of data.x or data.target and divide by deviations; the numbers of constant columns,
    which become 0. In place: a table may fill much of the memory.
    """
    array = getattr(data, name)
    with np.errstate(over="ignore"):
        means, deviations = data.scaling.get(name) or scratch.data.scaling(array, data.train)
    if not (np.isfinite(means) & np.isfinite(deviations)).all():
        raise Refusal(f"{data.name}: the squares of {name} are beyond a float; scale such columns down")
    constant = np.flatnonzero(deviations == 0).tolist()
    deviations[constant] = 1.0
    for column, mean, deviation in zip(array.T, means, deviations, strict=True):
        column -= mean
        column /= deviation
    data.scaling[name] = means, deviations
    return constant
