"""Pictures of one run or several: python scripts/plot_run.py RUN [RUN ...] [--out DIR].

Loss, metric, step size and length of the gradient against steps, all runs in one picture; of a single run also what it
says of the rows that were held out, and for two columns its decisions while it was trained.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scratch import tables
from scripts.cli import Parser, Refusal, add_debug, prepare_folder, run


def main(arguments):
    parser = Parser(prog="plot_run.py", description="Pictures of one run or several.")
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folders of runs: runs/NAME")
    parser.add_argument("--out", metavar="DIR", help="folder for the pictures [figures in the first run's folder]")
    parser.add_argument("--format", choices=("png", "svg"), default="png")
    add_debug(parser)
    options = parser.parse_args(arguments)
    from scripts.training import pictures
    from scripts.training.folder import RunFolder, read_metrics

    found = {}
    for path in map(Path, options.runs):
        try:
            kind = RunFolder(path).settings()["task"]["kind"]
            rows = read_metrics(path)
        except (KeyError, TypeError):
            raise Refusal(f"{path.absolute()}: config.json is no run's") from None
        except OSError as error:
            raise Refusal(f"{path.absolute()}: no run to draw: metrics.csv: {error.strerror}") from None
        if not rows:
            raise Refusal(
                f"{path.absolute()}: metrics.csv has no line to draw: no step was taken; a lockstep has lockstep.png"
            )
        found[str(path) if path.name in found else path.name] = rows, "R2" if kind == "regression" else "accuracy"
    folder = prepare_folder(options.out or Path(options.runs[0]) / "figures")
    name = "curves" if len(found) == 1 else "compared"
    drawn = [pictures.curves(found, folder / f"{name}.{options.format}")]
    if len(found) == 1:
        drawn += of_one(Path(options.runs[0]), folder, options.format)
    for picture in drawn:
        print(picture)
    return 0


def of_one(path, folder, suffix):
    """What a run says of its held-out rows, in pictures."""
    from scripts.training import data, pictures
    from scripts.training.trained import Trained

    trained = Trained(path, "last" if (path / "checkpoints" / "last.safetensors").exists() else "best")
    task = trained.task
    if task.kind == "text":
        return []
    if "path" in trained.source:
        try:
            same = tables.digest(trained.source["path"]) == trained.source["sha256"]
        except OSError:
            same = False
        if not same:
            why = "has changed or is gone: no pictures of the rows held out"
            print(f"plot_run.py: {trained.source['path']} {why}", file=sys.stderr)
            return []
    prepared = data.prepare(argparse.Namespace(**trained.options), trained.source)
    x, target = prepared.x[prepared.test], prepared.target[prepared.test]
    output = trained.net.eval()(task.x(x))
    title = f"{path.name}: {len(x)} held-out rows"
    if task.kind == "regression":
        mean, deviation = trained.scaling["target"]
        true, predicted = (array[:, 0] * deviation + mean for array in (target, output))
        name = prepared.source.get("target", "target")
        name = f"column {name}" if name.isdigit() else name
        picture = folder / f"predicted.{suffix}"
        return [pictures.predicted_against_true(true, predicted, name, title, picture)]
    drawn = [
        pictures.confusion(target, task.predicted(output), task.classes, title, folder / f"confusion.{suffix}"),
    ]
    if prepared.x.shape[1:] == (2,):
        drawn.append(decisions_of(path, trained, prepared, folder / f"decisions.{suffix}"))
    return drawn


def decisions_of(path, trained, prepared, picture):
    """The decisions of the checkpoints that were kept, evenly over the steps, and of the last."""
    from scripts.training import pictures
    from scripts.training.folder import read_metrics
    from scripts.training.trained import Trained

    last = max(row["step"] for row in read_metrics(path))
    kept = sorted(
        file.stem for file in (path / "checkpoints").glob("step-*.safetensors") if f"{last:08}" not in file.stem
    )
    places = [round(i * (len(kept) - 1) / max(1, pictures.FRAMES - 2)) for i in range(pictures.FRAMES - 1)]
    chosen = list(dict.fromkeys(kept[place] for place in places)) if kept else []
    mean, deviation = trained.scaling["x"]
    moments = {}
    for name in (*chosen, "last"):
        one = Trained(path, name)
        title = f"step {int(name.removeprefix('step-')):,}" if name != "last" else "at the end"
        moments[title] = lambda points, one=one: one.task.predicted(one.outputs(points))
    x = prepared.x * deviation + mean
    return pictures.decisions(moments, x, prepared.target, trained.features, trained.classes, picture)


if __name__ == "__main__":
    run(main)
