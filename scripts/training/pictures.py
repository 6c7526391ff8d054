"""Pictures of runs: what was measured while they trained, and what they say of the rows that were held out."""

from itertools import cycle

import matplotlib
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from scripts.figures import COLOURS, MARKERS, PALE, STYLE, save

LINES = (*COLOURS, "#d55e00", "#cc79a7", "#56b4e9", "#000000")
GRID = 200  # points along each side of a picture of decisions
LONGEST = 24  # letters of a class's name in a picture
FRAMES = 4  # moments of a training at most
ROWS = 300  # of a table, in a picture of decisions


def curves(runs, path):
    """Loss, metric, step size and length of the gradient against steps; runs {name: (metrics, name of its metric)}."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(15, 10.5), layout="constrained")
        (loss, metric), (rate, gradient) = figure.subplots(2, 2, sharex=True)
        dashes = cycle(("-", "--", ":", "-."))
        for (run, (rows, _)), colour, dash in zip(runs.items(), cycle(LINES), dashes):
            name = plain(run)
            matplotlib.rcParams["lines.linestyle"] = dash
            drawn(loss, rows, "loss", colour, name, alpha=0.45 if ended(rows) else 1)
            drawn(loss, rows, "test_loss", colour, f"{name}, held out" if len(runs) == 1 else None, marker=".")
            drawn(metric, rows, "test_metric", colour, None, marker=".")
            drawn(rate, rows, "lr", colour, None)
            drawn(gradient, rows, "gradient_norm", colour, None)
        names = sorted({name for _, name in runs.values()})
        loss.set(title="loss: batches pale, held-out rows as points", ylabel="loss", yscale=scale_of(loss))
        metric.set(title="held-out rows", ylabel=" or ".join(names).replace("R2", "R²"))
        rate.set(title="step size", ylabel="step size", xlabel="step", ylim=(0, 1.08 * rate.get_ylim()[1]))
        gradient.set(title="length of the gradient", ylabel="norm", xlabel="step", yscale=scale_of(gradient))
        figure.legend(*loss.get_legend_handles_labels(), loc="outside lower center", ncols=min(4, 2 * len(runs)))
        return save(figure, path)


def plain(name):
    """A name that a picture shows as it is: matplotlib takes $ for a formula and hides labels that begin with _."""
    return f"{' ' * name.startswith('_')}{name}".replace("$", r"\$")


def ended(rows):
    return any(row["test_loss"] is not None for row in rows)


def drawn(axes, rows, column, colour, label, **style):
    points = [(row["step"], row[column]) for row in rows if row[column] is not None]
    if points:
        style |= {"marker": "o"} if len(points) == 1 else {}
        axes.plot(*zip(*points, strict=True), color=colour, label=label, **style)


def scale_of(axes):
    """Logarithmic where all that is drawn is above 0 and spans more than a factor of twenty."""
    values = np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.lines] or [np.ones(1)])
    return "log" if values.min() > 0 and values.max() > 20 * values.min() else "linear"


def confusion(true, predicted, classes, title, path):
    """How often each class was taken for each."""
    K = len(classes)
    counts = np.zeros((K, K), int)
    np.add.at(counts, (true, predicted), 1)
    with matplotlib.rc_context(STYLE):
        names = [plain(name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…") for name in classes]
        longest = max(map(len, names))
        side = min(13.0, 4.5 + 0.65 * K)
        figure = Figure(figsize=(side + 1 + 0.15 * longest, side + 0.05 * longest), layout="constrained")
        axes = figure.subplots()
        shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        if K <= 20:
            for i, j in np.ndindex(K, K):
                colour = "white" if shares[i, j] > 0.5 else "black"
                axes.text(j, i, str(counts[i, j]), ha="center", va="center", color=colour, fontsize=18)
            slanted = longest > 3
            axes.set_xticks(range(K), names, rotation=30 * slanted, ha="right" if slanted else "center")
            axes.set_yticks(range(K), names)
        axes.set(xlabel="predicted", ylabel="true", title=plain(title))
        return save(figure, path)


def predicted_against_true(true, predicted, name, title, path):
    """A regression: each held-out row as a point, the line where both are equal."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 8), layout="constrained")
        axes = figure.subplots()
        ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
        axes.plot(ends, ends, color="black", linewidth=1.5, label="predicted = true")
        axes.plot(true, predicted, "o", color=COLOURS[0], alpha=0.7, label="held-out rows")
        axes.set(xlabel=f"true {plain(name)}", ylabel=f"predicted {plain(name)}", title=plain(title), aspect="equal")
        axes.locator_params(nbins=5)
        axes.legend()
        return save(figure, path)


def decisions(moments, x, target, features, classes, path):
    """The regions of two-dimensional data that go to each class; moments {title: function of (N, 2) to classes}.

    Of many rows some, drawn at random, are shown: more would hide the regions.
    """
    shown = np.random.default_rng(0).permutation(len(x))[:ROWS]
    low, high = x.min(axis=0), x.max(axis=0)
    margin = 0.08 * (high - low)
    across, up = (np.linspace(a, b, GRID) for a, b in zip(low - margin, high + margin, strict=True))
    points = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    K = len(classes)
    colours = [LINES[k % len(LINES)] for k in range(K)]
    pale = ListedColormap([*PALE, *("#f4d9c6", "#f0dce8", "#dcf0fb", "#dddddd")][:K])
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.4 * len(moments), 6.6), layout="constrained")
        for axes, (title, decide) in zip(
            np.atleast_1d(figure.subplots(1, len(moments), sharey=True)), moments.items(), strict=True
        ):
            regions = decide(points).reshape(GRID, GRID)
            axes.contourf(across, up, regions, np.arange(K + 1) - 0.5, cmap=pale)
            for k in range(K):
                own = shown[target[shown] == k]
                axes.plot(*x[own].T, MARKERS[k % 3], color=colours[k], markersize=6, label=plain(classes[k]))
            axes.set(title=title, xlabel=plain(features[0]))
        figure.axes[0].set_ylabel(plain(features[1]))
        some = f"{len(shown)} of {len(x):,} rows" if len(x) > len(shown) else None
        handles = figure.axes[0].get_legend_handles_labels()
        figure.legend(*handles, title=some, title_fontsize=16, loc="outside lower center", ncols=K)
        return save(figure, path)
