"""The lecture's pictures, drawn from what was computed by hand: python scripts/figures.py [--out DIR]."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import matplotlib
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

import scratch
from scripts.cli import Parser, prepare_folder, run, seed, write_whole
from scripts.worked_graph import draw_graph

COLOURS = ("#0072b2", "#e69f00", "#009e73")  # told apart by every kind of colour vision (Okabe and Ito)
PALE = ("#cfe3f1", "#fbe7c2", "#c7e9df")
MARKERS = ("o", "s", "^")
STYLE: dict = {
    "font.size": 15,
    "axes.titlesize": 17,
    "axes.labelsize": 16,
    "legend.fontsize": 14,
    "lines.linewidth": 2.5,
    "svg.hashsalt": "handgrad",  # the same picture is the same file
}


def draw_all(folder, material):
    """Every picture as SVG and PNG in folder; material: {experiment name: its series or values}. Returns the paths."""
    pictures: dict = {
        "activations": (draw_activations, (15, 4.6), ()),
        "iris_scatter": (draw_scatter, (9, 6.5), (material["neuron"]["table"],)),
        "neuron_boundary": (draw_neuron, (9, 6.5), (material["neuron"]["table"], material["neuron"]["neuron"])),
        "network_regions": (draw_network, (9, 6.5), (material["network"],)),
        "hundred_steps": (draw_descent, (14, 5.4), (material["descents"],)),
        "worked_example": (draw_worked_example, (15.5, 9.6), (material["entries"],)),
    }
    paths = []
    with matplotlib.rc_context(STYLE):
        for name, (draw, size, arguments) in pictures.items():
            figure = Figure(figsize=size)
            draw(figure, *arguments)
            paths += [save(figure, folder / f"{name}.{suffix}") for suffix in ("svg", "png")]
    return paths


def save(figure, path):
    """Write a picture whole or not at all, without the date, so that it can be compared."""
    metadata = {"Date": None} if path.suffix == ".svg" else None
    write_whole(path, lambda temporary: figure.savefig(temporary, dpi=110, metadata=metadata, facecolor="white"))
    return path


def draw_activations(figure):
    """The lecture's four activations with their derivatives, both from the hand-derived layers."""
    z = np.linspace(-4, 4, 801)
    layers = (scratch.Step(), scratch.Sigmoid(), scratch.Tanh(), scratch.ReLU())
    for axes, layer in zip(figure.subplots(1, 4, sharex=True), layers, strict=True):
        a, cache = layer.forward(z)
        jump = np.where(np.isclose(z, 0), np.nan, 1.0) if isinstance(layer, scratch.Step) else 1.0
        axes.plot(z, a * jump, color=COLOURS[0], label="act(z)")
        if isinstance(layer, scratch.Step):
            axes.plot(z, 0 * z * jump, color=COLOURS[1], linestyle="--", label="act′(z): 0, none at 0")
            axes.plot(0, 0, "o", color=COLOURS[0])
        else:
            slope, _ = layer.backward(np.ones_like(z), cache)
            slope = np.where(np.abs(np.diff(slope, append=slope[-1])) > 0.5, np.nan, slope)  # a jump is no line
            axes.plot(z, slope, color=COLOURS[1], linestyle="--", label="act′(z)")
        axes.set(title=type(layer).__name__, xlabel="z", xticks=(-4, -2, 0, 2, 4), ylim=(-1.25, 2.25))
        axes.grid(alpha=0.3)
        axes.legend(loc="upper left")
    figure.tight_layout()


def scatter(axes, table, columns):
    """The flowers on two of their measurements, a marker and a colour for each class."""
    for label, name in enumerate(table.classes):
        rows = table.target == label
        style = {"color": COLOURS[label], "marker": MARKERS[label], "edgecolor": "black", "s": 60, "label": name}
        axes.scatter(table.x[rows, columns[0]], table.x[rows, columns[1]], **style)
    axes.set(xlabel=f"{table.features[columns[0]]} (cm)", ylabel=f"{table.features[columns[1]]} (cm)")
    axes.legend(loc="lower right", framealpha=0.95)


def draw_scatter(figure, table):
    axes = figure.subplots()
    scatter(axes, table, (0, 1))
    axes.set(title="Iris: setosa against the rest", xlim=(4.1, 8.4), ylim=(1.4, 4.6))
    figure.tight_layout()


def draw_neuron(figure, table, neuron):
    """The lecture's picture: the neuron's decision over the grid 3.3..8.9 by 1.0..5.4 in steps of 0.02."""
    axes = figure.subplots()
    across, up = np.meshgrid(np.arange(3.3, 8.9, 0.02), np.arange(1.0, 5.4, 0.02))
    fires = neuron(np.column_stack([across.ravel(), up.ravel()])).reshape(across.shape) > 0.5
    axes.pcolormesh(across, up, fires, cmap=ListedColormap(PALE[:2]), shading="nearest", rasterized=True)
    (w1, w2), b = neuron.weight, neuron.bias
    edge = np.array([3.3, 8.9])
    axes.plot(edge, -(w1 * edge + b) / w2, color="black", label="wᵀx + b = 0")
    scatter(axes, table, (0, 1))
    axes.set(title="The trained neuron decides by a straight line", xlim=(3.3, 8.9), ylim=(1.0, 5.4))
    figure.tight_layout()


def draw_network(figure, material):
    """The network's decision in the plane of the petals, with the sepals at their mean over the training flowers."""
    net, table, (mean, deviation) = material["net"], scratch.data.iris(), material["data"].scaling["x"]
    axes = figure.subplots()
    across, up = np.meshgrid(np.arange(0.5, 7.4, 0.02), np.arange(-0.2, 2.9, 0.01))
    grid = np.tile(mean, (across.size, 1))
    grid[:, 2], grid[:, 3] = across.ravel(), up.ravel()
    species = net((grid - mean) / deviation).argmax(axis=1).reshape(across.shape)
    colours = ListedColormap(PALE)
    axes.pcolormesh(across, up, species, cmap=colours, vmin=0, vmax=2, shading="nearest", rasterized=True)
    scatter(axes, table, (2, 3))
    axes.legend(loc="upper left", framealpha=0.95)
    axes.set_title("The trained network where the sepals are average\n(the 150 flowers have their own sepals)")
    axes.set(xlim=(0.5, 7.38), ylim=(-0.2, 2.88))
    figure.tight_layout()


def draw_descent(figure, descents):
    """Loss and score before each of the 100 steps, for label 1 and for label 0."""
    for axes, (label, series) in zip(figure.subplots(1, 2, sharey=True), descents.items(), strict=True):
        steps = np.arange(1, len(series["loss"]) + 1)
        axes.plot(steps, series["loss"], color=COLOURS[0], label="loss J")
        axes.plot(steps, series["score"], ".", color=COLOURS[1], label="score y")
        axes.axhline(label, color="black", linewidth=1, linestyle=":", label=f"label {label}")
        axes.set(title=f"Gradient descent on the one example, label {label}", xlabel="step", ylim=(-0.05, 1.05))
        axes.set_ylabel("loss J, score y" if label == 1 else None)
        axes.grid(alpha=0.3)
        axes.legend(loc="center right")
    figure.tight_layout()


def draw_worked_example(figure, entries):
    weights = scratch.state_dict(scratch.models.lecture_net())
    W, V = weights["0.weight"].T, weights["2.weight"].T
    named = {f"W{i + 1}{j + 1}": W[i, j] for i in range(2) for j in range(3)}
    named |= {f"V{j + 1}": V[j, 0] for j in range(3)}
    x, _ = scratch.data.worked_example()
    draw_graph(figure, entries, named, {f"x{i + 1}": x[0, i] for i in range(2)})


def material_by_hand(seed):
    """What the pictures show, computed by the hand-derived side alone."""
    from scripts.experiments import iris_neuron, networks, worked_example

    table = scratch.data.iris_setosa()
    neuron, _, _ = iris_neuron.descend_to_the_stop(table)
    return {
        "entries": worked_example.entries_by_hand(),
        "descents": {label: worked_example.series_by_hand(label) for label in (1, 0)},
        "neuron": {"neuron": neuron, "table": table},
        "network": networks.iris("cpu", seed, quick=False).series,
    }


def main(arguments):
    parser = Parser(prog="figures.py", description="Draw the lecture's pictures as SVG and PNG.")
    parser.add_argument("--out", default="out/figures", metavar="DIR", help="folder for the pictures [out/figures]")
    parser.add_argument("--seed", default=0, type=seed, help="of the network's first weights and split [0]")
    options = parser.parse_args(arguments)
    folder = prepare_folder(options.out)
    for path in draw_all(folder, material_by_hand(options.seed)):
        print(path)
    return 0


if __name__ == "__main__":
    run(main)
