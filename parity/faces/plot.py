"""A report as a picture: every gradient, ours beside theirs, and the error of each entry in units of its budget."""

import math
import textwrap
import warnings
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator, NullLocator

from parity.faces.commandline import write_whole
from parity.faces.text import row_name, share_text, visible
from parity.rows import GRADIENTS, difference, shares

ROWS = 12  # gradients in one picture: more cannot be read
CELLS = 128  # along a side: more cannot be seen, so of each block of a larger array the largest entry is drawn
TITLE = 36  # letters that fit over a panel
NUMBERS = (6, 4)  # rows and columns up to which the numbers stand in their cells without touching
FAINT = -3  # log10 of the share of a budget up to which all entries look alike
STYLE: dict = {"font.size": 13, "axes.titlesize": 14, "figure.titlesize": 16, "svg.hashsalt": "handgrad"}
BLUE_UP_TO_THE_BUDGET = [(0.0, "#f7fbff"), (0.5, "#6baed6"), (0.5, "#fdae61"), (1.0, "#a50026")]
ON_ANY_COLOUR = [withStroke(linewidth=4, foreground="white")]


def plot(report, path):
    """Draw every gradient of a report that was compared, three panels each, to an .svg or .png file.

    The panels: ours, theirs, and |ours − theirs| as a share of its budget; the entry that uses most of its budget is
    ringed. Of more than ROWS gradients those closest to their budget are drawn. Raises ValueError where none was
    compared and for another kind of file, OSError where the file cannot be written.
    """
    path = Path(path)
    if path.suffix not in (".svg", ".png"):
        raise ValueError(f"plot: expected the name of an .svg or .png file, got {path.name!r}")
    rows = [row for row in report.rows if row.kind in GRADIENTS and row.arrays is not None]
    if not rows:
        raise ValueError("plot: no gradient of this report was compared entry by entry, so there is nothing to draw")
    metadata = {"Date": None} if path.suffix == ".svg" else None  # the same picture is the same file
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name may be in any script
        figure = draw(report.title, rows)
        write_whole(path, lambda temporary: figure.savefig(temporary, dpi=110, metadata=metadata, facecolor="white"))


def draw(title, rows):
    """The figure: a title, and a line of panels for each gradient."""
    closest = sorted(rows, key=lambda row: -row.share)[:ROWS]
    shown = [row for row in rows if row in closest]
    few = f"\n{len(shown)} of {len(rows)} gradients, those closest to their budget" if len(rows) > len(shown) else ""
    figure = Figure(figsize=(15, 1 + 3.2 * len(shown)), layout="constrained")
    figure.suptitle(textwrap.fill(visible(title), 110) + few, parse_math=False)
    for panels, row in zip(figure.subplots(len(shown), 3, squeeze=False), shown, strict=True):
        draw_row(figure, panels, row)
    return figure


def draw_row(figure, panels, row):
    """The panels of one gradient: ours and theirs in one scale of colours, the share of the budget in another."""
    ours, theirs, budget = row.arrays
    size = max(np.abs(array[np.isfinite(array)]).max(initial=0) for array in (ours, theirs)) or 1.0
    values = {"cmap": colormaps["PuOr"].with_extremes(bad="black"), "vmin": -size, "vmax": size}
    titles = f"{visible(row_name(row))} {row.shape}: ours", "theirs"
    for axes, array, title in zip(panels, (ours, theirs), titles, strict=False):
        image = draw_panel(axes, array, row, values)
        axes.set_title(textwrap.fill(title, TITLE), parse_math=False)
        write_numbers(axes, array, "{:.2g}".format)
    figure.colorbar(image, ax=list(panels[:2]), aspect=12, pad=0.02)
    draw_shares(figure, panels[2], row, shares(difference(ours, theirs), budget))


def draw_shares(figure, axes, row, share):
    """The panel of the shares, in log10, with the budget marked in its bar of colours."""
    top = max(4, math.ceil(level(share[np.isfinite(share)].max(initial=0))))
    colours = LinearSegmentedColormap.from_list("shares", BLUE_UP_TO_THE_BUDGET)
    image = draw_panel(axes, share, row, {"cmap": colours, "norm": TwoSlopeNorm(0, FAINT, top)}, level)
    worst = textwrap.fill(f"worst at {row.worst.index}", TITLE)
    axes.set_title(f"|ours − theirs|: {share_text(row.share)}\n{worst}")
    write_numbers(axes, share, lambda one: share_text(one).removesuffix(" of budget").removesuffix(" x budget"))
    factors = range(math.ceil(top / 4), top + 1, math.ceil(top / 4))
    bar = figure.colorbar(image, ax=axes, aspect=12, pad=0.04, ticks=[FAINT, -2, -1, 0, *factors])
    bar.ax.set_yticklabels(["≤ 0.1%", "1%", "10%", "budget", *(f"$10^{{{n}}}$ x" for n in factors)])
    bar.ax.axhline(0, color="black", linewidth=3)


def level(share):
    """log10 of a share of the budget, from FAINT up; finite where the share is not."""
    return np.log10(np.clip(share, 10.0**FAINT, np.finfo(float).max))


def draw_panel(axes, array, row, options, shade=np.asarray):
    """One array as a heat map of shade(entry), its axes named, the row's worst entry ringed. Returns the image."""
    blocks, (high, wide) = largest_of_blocks(folded(array))
    down, across = folded(array).shape
    extent = (-0.5, blocks.shape[1] * wide - 0.5, blocks.shape[0] * high - 0.5, -0.5)
    shaded = shade(blocks)
    drawn = np.where(np.isfinite(shaded), shaded, np.nan)
    image = axes.imshow(drawn, aspect="auto", interpolation="nearest", extent=extent, **options)
    down_name, across_name = axis_names(row.shape)
    axes.set(xlim=(-0.5, across - 0.5), ylim=(down - 0.5, -0.5), ylabel=down_name)
    axes.set_xlabel(across_name + (f"\nthe largest of each {high} × {wide}" if high * wide > 1 else ""))
    for i, axis in enumerate((axes.xaxis, axes.yaxis)):
        named = i < len(row.shape) < 3
        axis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1) if named else NullLocator())
    _, _, height, width = tiled(row.shape)
    for line, edges in ((axes.axhline, range(height, down, height)), (axes.axvline, range(width, across, width))):
        for edge in edges:
            line(edge - 0.5, color="black", linewidth=1)
    ring(axes, row)
    return image


def axis_names(shape):
    """What runs down and what runs across: an axis, and the ones that tiles of it stand by."""
    n = len(shape)
    if n < 3:
        return "axis 0" if n == 2 else "", f"axis {n - 1}" if shape else ""
    rest = "axis 0" if n < 5 else f"axes 0 to {n - 4}"
    return f"axis {n - 2}, tiles by {rest}", f"axis {n - 1}" + (f", tiles by axis {n - 3}" if n > 3 else "")


def ring(axes, row):
    """A ring around the worst entry of a row, a frame where numbers stand in the cells."""
    mark = np.zeros(row.shape, bool)
    mark[row.worst.index] = True
    down, across = np.argwhere(folded(mark))[0]
    style: dict = {"edgecolor": "black", "linewidth": 2.5, "path_effects": ON_ANY_COLOUR}
    if fits_numbers(row.shape):
        axes.add_patch(Rectangle((across - 0.47, down - 0.47), 0.94, 0.94, facecolor="none", **style))
    else:
        axes.scatter(across, down, s=350, facecolor="none", clip_on=False, zorder=3, **style)


def write_numbers(axes, array, text):
    """text(entry) in every cell of an array that is small enough."""
    if fits_numbers(array.shape):
        for (i, j), entry in np.ndenumerate(folded(array)):
            axes.text(
                j, i, text(entry).replace("-", "−"), ha="center", va="center", size=11, path_effects=ON_ANY_COLOUR
            )


def fits_numbers(shape):
    down, across = folded(np.empty(shape)).shape
    return down <= NUMBERS[0] and across <= NUMBERS[1]


def folded(array):
    """The array in two dimensions: up to one as a row, from three on as tiles of the last two axes."""
    tiles = array.reshape(tiled(array.shape))
    return tiles.swapaxes(1, 2).reshape(tiles.shape[0] * tiles.shape[2], -1)


def tiled(shape):
    """(tiles down, tiles across, height, width) of an array's picture: three axes stand below each other."""
    *outer, height, width = (1, 1, *shape)[-max(2, len(shape)) :]
    if len(outer) < 2:
        return math.prod(outer), 1, height, width
    return math.prod(outer[:-1]), outer[-1], height, width


def largest_of_blocks(array):
    """At most CELLS by CELLS entries, of each block the one that is largest in size, and the block's height and width.

    What is not a number counts as infinite, so that it is seen.
    """
    high, wide = (math.ceil(n / CELLS) for n in array.shape)
    beyond = [(0, -n % step) for n, step in zip(array.shape, (high, wide), strict=True)]
    size = np.where(np.isfinite(array), np.abs(array), np.inf)

    def tiles(values):
        down, across = values.shape[0] // high, values.shape[1] // wide
        return values.reshape(down, high, across, wide).swapaxes(1, 2).reshape(down, across, high * wide)

    largest = tiles(np.pad(size, beyond, constant_values=-1)).argmax(axis=-1)
    return np.take_along_axis(tiles(np.pad(array, beyond)), largest[..., None], -1)[..., 0], (high, wide)
