"""Time of one training step against batch size and width: by hand and in torch, as a table and a picture."""

from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from rich.table import Table

from parity.faces.plot import STYLE
from scripts.benchmarks.train import hand_step, medians_of, mlp, prepare, torch_step
from scripts.cli import prepare_folder, write_whole

BATCHES = (1, 4, 16, 64, 256, 1024, 4096)
WIDTHS = (16, 32, 64, 128, 256, 512, 1024, 2048)
WIDTH, BATCH = 64, 64  # what the other sweep keeps
FOLDER = Path("out") / "figures"


def sweep(screen):
    """Print the table and draw the picture; 0."""
    prepare()
    by_batch = {n: times(WIDTH, n) for n in BATCHES}
    by_width = {width: times(width, BATCH) for width in WIDTHS}
    table = Table("mlp 64-W-W-10", "by hand", "torch", "of torch")
    for name, found in (("batch {}", by_batch), ("width {}", by_width)):
        for number, seconds in found.items():
            table.add_row(name.format(number), *cells(seconds))
    screen.print(table)
    prepare_folder(FOLDER)
    for suffix in ("png", "svg"):
        write_whole(FOLDER / f"step_times.{suffix}", lambda path: draw(by_batch, by_width, path))
    screen.print(f"drawn to {FOLDER / 'step_times.png'}")
    return 0


def times(width, n):
    """{contestant: median seconds of a step}."""
    net = mlp((64, width, width, 10), n)
    return medians_of({"hand": hand_step(net.hand, net.batch), "torch": torch_step(net.twin, net.batch)})


def cells(seconds):
    hand, torch = seconds["hand"], seconds["torch"]
    return f"{hand * 1e6:,.0f} µs", f"{torch * 1e6:,.0f} µs", f"{hand / torch:.2f}"


def draw(by_batch, by_width, path):
    """Two panels, both axes logarithmic."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(13, 5.5), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for axes, found, label in (
            (left, by_batch, f"batch size (width {WIDTH})"),
            (right, by_width, f"width of both hidden layers (batch {BATCH})"),
        ):
            numbers = list(found)
            for name, style in (("hand", "o-"), ("torch", "s--")):
                seconds = [found[number][name] * 1e6 for number in numbers]
                axes.plot(numbers, seconds, style, label="by hand, NumPy" if name == "hand" else "torch, eager")
            axes.set(xscale="log", yscale="log", xlabel=label)
            axes.set_xticks(numbers, [str(number) for number in numbers], minor=False)
            axes.minorticks_off()
            axes.grid(alpha=0.3)
        left.set_ylabel("µs per training step")
        left.legend()
        figure.savefig(path, dpi=110, facecolor="white", metadata={"Date": None} if path.suffix == ".svg" else None)
