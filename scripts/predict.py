"""Use what was trained: python scripts/predict.py RUN FILE.csv writes the predictions for every row.

FILE.csv has the columns that the run was trained on, by name or, without names, in their order. A classification gives
the class and the probability of each, a regression the number, in the target's units; each line begins with the number
of the line of FILE.csv in which its row ends. Where the target is among the columns, the score is told.
Of a text, python scripts/predict.py RUN --begin "The " goes on with it for --characters more.
"""

import contextlib
import csv
import math
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

import scratch
from scratch import tables
from scripts.cli import Parser, Refusal, add_debug, run, seed, write_whole
from scripts.training.options import whole

CHUNK = 1024  # rows at once


def main(arguments):
    parser = Parser(prog="predict.py", description="Predictions of a trained run for the rows of a table.")
    parser.add_argument("run", help="folder of the run: runs/NAME")
    parser.add_argument("file", metavar="FILE.csv", nargs="?")
    parser.add_argument("--out", metavar="FILE.csv", help="where to write [standard output]")
    parser.add_argument("--checkpoint", choices=("last", "best"), default="last", help="[last]")
    parser.add_argument("--begin", metavar="TEXT", help="of a run on a text: what to go on with")
    parser.add_argument("--characters", type=whole(1, 10**6), default=200, help="of a text: how many more [200]")
    parser.add_argument("--seed", type=seed, default=0, help="of a text: of what is drawn [0]")
    add_debug(parser)
    options = parser.parse_args(arguments)
    from scripts.training.trained import Trained

    trained = Trained(options.run, options.checkpoint)
    if trained.task.kind == "text":
        return go_on(trained, options)
    if not options.file or options.begin is not None:
        raise Refusal(f"{options.run}: it was trained on a table: predict.py RUN FILE.csv, without --begin")
    if options.out and Path(options.out).exists() and not Path(options.out).is_file():
        raise Refusal(f"--out {options.out}: it is no regular file; name another one")
    if options.out and Path(options.out).resolve() == Path(options.file).resolve():
        raise Refusal(f"--out {options.out}: that is the table itself; name another file")
    if options.out and Path(options.out).resolve().is_relative_to(Path(options.run).resolve()):
        raise Refusal(f"--out {options.out}: that is in the run's own folder; name a file elsewhere")
    try:
        delimiter = tables.DELIMITERS[trained.options["delimiter"]]
        rows = tables.read_columns(options.file, trained.features, delimiter, trained.options["drop_nonfinite"])
        target = trained.source.get("target", "")
        numbers, words = tables.read_words(options.file, trained.features, target, delimiter)
        known_file = tables.digest(options.file) == trained.source.get("sha256")
    except ValueError as error:
        raise Refusal(str(error)) from error
    whole_rows = np.flatnonzero(np.isfinite(rows).all(axis=1)).tolist()
    left_out = f"; {len(rows) - len(whole_rows)} rows with gaps are left out" * (len(whole_rows) < len(rows))
    rows, numbers = rows[whole_rows], [numbers[i] for i in whole_rows]
    words = words and [words[i] for i in whole_rows]
    found: list = []
    if options.out:
        write(options.out, lambda path: write_rows(path, trained, rows, numbers, found))
    else:
        with contextlib.nullcontext(sys.stdout) if sys.stdout else open(os.devnull, "w") as out:
            predictions(trained, rows, numbers, csv.writer(out, lineterminator="\n"), found)
    where = f" in {options.out}" if options.out else ""
    known = score(trained, found, words) if words else ""
    known += ", those it was trained on among them" * (bool(known) and known_file)
    print(f"predict.py: {len(found)} predictions{where}{left_out}{known}", file=sys.stderr)
    return 0


def write(path, content):
    """A file, whole or not at all."""
    try:
        write_whole(Path(path), content)
    except OSError as error:
        raise Refusal(f"cannot write {Path(path).absolute()}: {error.strerror}") from None


def go_on(trained, options):
    """Print a text that begins as asked and goes on as was learnt."""
    if options.file or not options.begin:
        raise Refusal(f'{options.run}: it was trained on a text: predict.py RUN --begin "some characters"')
    characters = "".join(trained.classes)
    unknown = next((c for c in options.begin if c not in characters), None)
    if unknown:
        raise Refusal(f"--begin: {unknown!r} is not among the {len(characters)} characters of the text")
    ids = [characters.index(c) for c in options.begin]
    ids = scratch.models.generate(trained.net.eval(), ids, options.characters, trained.task.inputs[0], options.seed)
    text = "".join(characters[i] for i in ids)
    if options.out:
        write(options.out, lambda path: path.write_text(text + "\n", encoding="utf-8"))
    else:
        print(text)
    return 0


def score(trained, found, words):
    """The score of predictions, in words, over the rows whose target is known."""
    if trained.task.kind == "regression":
        numbers = ((p, float(word)) for p, word in zip(found, words, strict=True) if tables.is_number(word))
        known = [(p, number) for p, number in numbers if math.isfinite(number)]
    else:
        names = ((p, word if word in trained.classes else named(word)) for p, word in zip(found, words, strict=True))
        known = [(p, name) for p, name in names if name in trained.classes]
    if not known:
        return ""
    value = trained.task.score(*map(np.array, zip(*known, strict=True)))
    name = trained.task.metric.replace("R2", "R²")
    return f"; {name} {value:.4f} over {len(known)} rows whose {trained.source['target']!r} is known"


def named(word):
    """A cell as a class is named: of numbers 1.0 and 1 are one."""
    return f"{float(word):g}" if tables.is_number(word) else word


def write_rows(path, trained, rows, numbers, found):
    with open(path, "w", newline="", encoding="utf-8") as file:
        predictions(trained, rows, numbers, csv.writer(file), found)


def predictions(trained, rows, numbers, writer, found):
    """A line of names, then one for each row; what was predicted goes into `found`, too. Names of classes are quoted
    where they could be taken for a formula.
    """
    task, probable = trained.task, trained.task.loss in ("cross_entropy", "bce_with_logits")
    classes = [safe(name) for name in trained.classes]
    writer.writerow(["row", "prediction", *([f"p({name})" for name in classes] if probable else [])])
    for start in range(0, len(rows), CHUNK):
        output = trained.outputs(rows[start : start + CHUNK])
        predicted = task.predicted(output)
        if task.kind == "regression":
            found += predicted[:, 0].tolist()
            writer.writerows(zip(numbers[start:], map(repr, found[start:]), strict=False))
            continue
        found += [trained.classes[label] for label in predicted.tolist()]
        shares = task.probabilities(output) if probable else np.empty((len(predicted), 0))
        for number, label, own in zip(numbers[start:], predicted.tolist(), shares, strict=False):
            writer.writerow([number, classes[label], *(f"{p:.6f}" for p in own)])


def safe(name):
    """A name that no table takes for a formula."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@")) and not tables.is_number(name) else name


if __name__ == "__main__":
    run(main)
