"""Use what was trained: python scripts/predict.py RUN FILE.csv writes the predictions for every row.

FILE.csv has the columns that the run was trained on, by name or, without names, in their order; the target may be among
them. A classification gives the class and the probability of each, a regression the number, in the target's units.
"""

import csv
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scratch import tables
from scripts.cli import Parser, Refusal, run, write_whole

CHUNK = 1024  # rows at once


def main(arguments):
    parser = Parser(prog="predict.py", description="Predictions of a trained run for the rows of a table.")
    parser.add_argument("run", help="folder of the run: runs/NAME")
    parser.add_argument("file", metavar="FILE.csv")
    parser.add_argument("--out", metavar="FILE.csv", help="where to write [standard output]")
    parser.add_argument("--checkpoint", choices=("last", "best"), default="last")
    options = parser.parse_args(arguments)
    from scripts.training.trained import Trained

    if options.out and Path(options.out).exists() and not Path(options.out).is_file():
        raise Refusal(f"--out {options.out}: it is no regular file; name another one")
    if options.out and Path(options.out).resolve() == Path(options.file).resolve():
        raise Refusal(f"--out {options.out}: that is the table itself; name another file")
    trained = Trained(options.run, options.checkpoint)
    if not trained.features:
        raise Refusal(f"{options.run}: it was trained on {trained.options['data']}, not on columns of a table")
    try:
        rows = tables.read_columns(options.file, trained.features)
    except ValueError as error:
        raise Refusal(str(error)) from error
    if options.out:
        try:
            write_whole(Path(options.out), lambda path: write_rows(path, trained, rows))
        except OSError as error:
            raise Refusal(f"cannot write {Path(options.out).absolute()}: {error.strerror}") from None
    else:
        predictions(trained, rows, csv.writer(sys.stdout, lineterminator="\n"))
    return 0


def write_rows(path, trained, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        predictions(trained, rows, csv.writer(file))


def predictions(trained, rows, writer):
    """A line of names, then one for each row. Names of classes are quoted where they could be taken for a formula."""
    task, probable = trained.task, trained.task.loss in ("cross_entropy", "bce_with_logits")
    classes = [safe(name) for name in trained.classes]
    writer.writerow(["prediction", *([f"p({name})" for name in classes] if probable else [])])
    for start in range(0, len(rows), CHUNK):
        output = trained.outputs(rows[start : start + CHUNK])
        predicted = task.predicted(output)
        if task.kind == "regression":
            writer.writerows([repr(float(number))] for number in predicted[:, 0])
            continue
        shares = task.probabilities(output)
        for i, label in enumerate(predicted.tolist()):
            writer.writerow([classes[label], *(f"{p:.6f}" for p in (shares[i] if probable else ()))])


def safe(name):
    """A name that no table takes for a formula."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@")) and not tables.is_number(name) else name


if __name__ == "__main__":
    run(main)
