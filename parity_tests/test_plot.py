"""Does the picture of a report show what the report says, at any shape, readable from the last row?"""

import subprocess
import sys
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.image
import numpy as np
import pytest

from parity import Report
from parity.faces.plot import CELLS, ROWS, STYLE, draw, largest_of_blocks, plot
from parity.rows import judge

BUDGET = 1e-15
ROOT = Path(__file__).parent.parent


def row(shape, name="weight", wrong=None, value=None):
    """A gradient that is right but for one entry, which is off by a millionth or has this value."""
    theirs = np.random.default_rng(0).uniform(0.5, 2.0, shape)
    ours = theirs + BUDGET / 4
    if wrong is not None:
        ours[wrong] = ours[wrong] + 1e-6 if value is None else value
    return judge(name, "parameter", ours, theirs, BUDGET)


def report(*rows):
    return Report("mine against theirs", "float64", rows)


@pytest.fixture(scope="module")
def mixed():
    """Every kind of shape, one entry wrong in some."""
    return [
        row((3, 4), "0.weight", (2, 1)),
        row((3,), "0.bias"),
        row((), "scale"),
        row((40,), "b", 7),
        row((8, 3, 3, 3), "conv.weight", (7, 2, 0, 1), np.nan),
        row((300, 200), "1.weight", (299, 3)),
    ]


def panels(figure):
    """The heat maps of a figure: (axes, image) in order, without the bars of colours."""
    return [(axes, axes.images[0]) for axes in figure.axes if axes.images]


@pytest.mark.parametrize("name", ["picture.png", "picture.svg"])
def test_a_picture_is_whole_not_blank_and_the_same_twice(name, mixed, tmp_path):
    for folder in ("first", "again"):
        (tmp_path / folder).mkdir()
        plot(report(*mixed), tmp_path / folder / name)
    assert [path.name for path in (tmp_path / "first").iterdir()] == [name]
    assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    if name.endswith("svg"):
        assert ElementTree.parse(tmp_path / "first" / name).getroot().tag.endswith("svg")
    else:
        picture = matplotlib.image.imread(tmp_path / "first" / name)[..., :3]
        assert (picture < 0.9).any(axis=2).mean() > 0.1


def test_three_panels_a_gradient_with_the_worst_entry_in_title_and_ring(mixed):
    figure = draw("mine against theirs", mixed)
    found = panels(figure)
    assert len(found) == 3 * len(mixed)
    folded = [(2, 1), (0, 0), (0, 0), (0, 7), (7 * 3 + 0, 2 * 3 + 1), (299, 3)]
    for i, one in enumerate(mixed):
        (ours, _), (theirs, _), (error, _) = found[3 * i : 3 * i + 3]
        assert ours.get_title() == f"grad {one.name} {one.shape}: ours"
        assert theirs.get_title() == "theirs"
        assert error.get_title().endswith(f"worst at {one.worst.index}")
        for axes in (ours, theirs, error):
            rings = [tuple(patch.get_center()[::-1]) for patch in axes.patches]
            rings += [tuple(points.get_offsets()[0][::-1]) for points in axes.collections]
            assert rings == [folded[i]] if one.verdict == "fail" else len(rings) == 1


def test_nothing_overlaps_and_nothing_is_small(mixed):
    deep = row((2, 3, 4, 5, 6), "blocks.10.attention.projection.weight", wrong=(1, 2, 3, 4, 5))
    with matplotlib.rc_context(STYLE):
        figure = draw("mine against theirs", [*mixed, deep])
        figure.draw_without_rendering()
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts(figure) if text.get_text().strip()]
    assert len(boxes) > 200
    assert min(text.get_fontsize() for text in texts(figure)) >= 11
    for (one, box), (other, beside) in combinations(boxes, 2):
        assert not box.overlaps(beside), (one, other)
    assert all(figure.bbox.contains(*corner) for _, box in boxes for corner in (box.min, box.max))


def texts(figure):
    """Every text of a figure that is drawn; a tick beyond the end of its axis is not."""
    yield from figure.texts
    for axes in figure.axes:
        yield from (axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts)
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                if low <= tick.get_loc() <= high:
                    yield from (label for label in (tick.label1, tick.label2) if label.get_visible())


def test_a_million_entries_keep_their_worst_one():
    wrong = row((1000, 1000), wrong=(123, 456))
    (*_, (axes, image)) = panels(draw("large", [wrong]))
    drawn = image.get_array()
    assert max(drawn.shape) <= CELLS
    assert drawn.max() == pytest.approx(np.log10(wrong.share))
    down, across = np.unravel_index(drawn.argmax(), drawn.shape)
    assert (down, across) == (123 // 8, 456 // 8)
    assert "the largest of each 8 × 8" in axes.get_xlabel()


@pytest.mark.parametrize("shape", [(1, 1), (1, 1000), (129, 257), (128, 128)])
def test_blocks_keep_the_largest_and_what_is_no_number(shape):
    array = np.random.default_rng(1).normal(size=shape)
    blocks, (high, _) = largest_of_blocks(array)
    assert np.abs(blocks).max() == np.abs(array).max()
    assert set(blocks.ravel()) <= set(array.ravel())
    assert (len(blocks) - 1) * high < shape[0] <= len(blocks) * high
    array[-1, -1] = np.nan
    assert np.isnan(largest_of_blocks(array)[0][-1, -1])


def test_more_than_two_dimensions_are_tiles_and_the_labels_say_so():
    rows = [row((8, 2, 3, 4), "conv.weight"), row((5, 3, 4), "x"), row((2, 3, 2, 3, 4), "y")]
    labels = [(axes.get_ylabel(), axes.get_xlabel()) for axes, _ in panels(draw("tiles", rows))[::3]]
    across = "axis 3, tiles by axis 1"
    assert labels[:2] == [("axis 2, tiles by axis 0", across), ("axis 1, tiles by axis 0", "axis 2")]
    assert labels[2] == ("axis 3, tiles by axes 0 to 1", "axis 4, tiles by axis 2")


def test_right_and_wrong_have_colours_of_their_own():
    """An entry just within its budget and one just beyond it are told apart at a glance."""
    theirs = np.ones((1, 2))
    error = judge("x", "input", theirs + BUDGET * np.array([[0.6, 1.4]]), theirs, BUDGET * np.ones((1, 2)))
    _, _, (_, image) = panels(draw("edge", [error]))
    (within, beyond), _ = image.cmap(image.norm(image.get_array()))[0][:, [0, 2]].tolist(), None
    assert within[0] < within[1]  # more blue than red
    assert beyond[0] > beyond[1]  # more red than blue


def test_what_is_no_number_is_black():
    (_, image), *_ = panels(draw("nan", [row((3, 4), wrong=(1, 2), value=np.inf)]))
    assert image.get_array().mask[1, 2]
    assert image.cmap.get_bad().tolist() == [0, 0, 0, 1]


def test_of_many_gradients_those_closest_to_their_budget_are_drawn(tmp_path):
    many = [row((2, 2), f"{i}.weight", wrong=(0, 0) if i == ROWS + 3 else None) for i in range(ROWS + 5)]
    figure = draw("deep", many)
    assert len(panels(figure)) == 3 * ROWS
    assert f"{ROWS} of {ROWS + 5} gradients" in figure.get_suptitle()
    assert any(axes.get_title().startswith(f"grad {ROWS + 3}.weight") for axes, _ in panels(figure))


def test_names_in_any_script_are_drawn_as_they_are(tmp_path):
    plot(Report("$x_{$ 層 🙂\n", "", (row((2, 2), "$\\frac{$ 層"),)), tmp_path / "a.png")
    assert (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    ("rows", "name", "message"),
    [
        ([row((2, 2))], "a.pdf", "expected the name of an .svg or .png file, got 'a.pdf'"),
        ([], "a.png", "no gradient of this report was compared"),
        ([judge("x", "input", None, np.ones(2), BUDGET)], "a.png", "no gradient of this report was compared"),
        ([judge("output", "output", np.ones(2), np.ones(2), BUDGET)], "a.png", "no gradient of this report"),
    ],
)
def test_what_cannot_be_drawn_is_refused(rows, name, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        plot(report(*rows), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_no_window_system_is_touched():
    code = "import parity.report, sys; assert 'matplotlib' not in sys.modules; "
    code += "import parity.faces.plot; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "matplotlib.figure" in done.stdout.split()
    assert "matplotlib.pyplot" not in done.stdout.split()
