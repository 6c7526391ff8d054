"""A training in lockstep as a picture: the losses above, below how far the sides are apart and may be."""

import matplotlib
from matplotlib.figure import Figure

from parity.faces.commandline import write_whole
from parity.faces.plot import STYLE

DRIFTS = {
    "forward": ("loss", "tab:blue"),
    "gradient": ("gradients", "tab:orange"),
    "update rule": ("weights", "tab:green"),
}


def draw(report, path):
    """Draw a LockstepReport to an .svg or .png file. Raises ValueError for another kind of file, OSError as writing."""
    if path.suffix not in (".svg", ".png"):
        raise ValueError(f"plot: expected the name of an .svg or .png file, got {path.name!r}")
    metadata = {"Date": None} if path.suffix == ".svg" else None
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11, 8), layout="constrained")
        figure.suptitle(f"{report.title}\n{report.conditions}", parse_math=False, wrap=True)
        losses, drift = figure.subplots(2, 1, sharex=True)
        draw_losses(losses, report)
        draw_drift(drift, report)
        figure.legend(*drift.get_legend_handles_labels(), loc="outside lower center", ncols=4)
        write_whole(path, lambda temporary: figure.savefig(temporary, dpi=110, metadata=metadata, facecolor="white"))


def draw_losses(axes, report):
    numbers = [step.number for step in report.steps]
    axes.plot(numbers, [step.ours for step in report.steps], color="tab:blue", linewidth=3, label="by hand")
    axes.plot(numbers, [step.theirs for step in report.steps], color="black", linestyle="--", label="torch")
    axes.set_ylabel("loss")
    axes.legend()


def draw_drift(axes, report):
    """The array of each kind that is furthest apart or, where one is beyond rounding, that one; dotted, what rounding
    explains of it.
    """
    numbers = [step.number for step in report.steps]
    for kind, (label, colour) in DRIFTS.items():
        shown = [furthest(step, kind) for step in report.steps]
        axes.plot(numbers, [q.difference or None for q in shown], color=colour, label=f"{label}, apart")
        axes.plot(numbers, [q.allowed for q in shown], color=colour, linestyle=":", label=f"{label}, by rounding")
    if report.parted is not None:
        axes.axvline(report.first, color="tab:red", label=f"step {report.first}: {report.began}")
    axes.set(yscale="log", xlabel="step", ylabel="largest difference")


def furthest(step, kind):
    worst = step.worst(kind)
    return worst if worst.share > 1 else max(step.of(kind), key=lambda quantity: quantity.difference)
