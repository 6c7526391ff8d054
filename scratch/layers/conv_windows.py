"""Windows that slide over an image: what convolution and pooling have in common, for any number of spatial axes.

Along one axis, place k of window o lies on pixel   i = stride · o + dilation · k − before ,   `before` zeros ahead of
pixel 0. For one k the windows whose pixel belongs to the image are neighbours, and so are their pixels, a stride apart:
two slices. So layers loop over the places of one window, never over pixels, and no padding is ever built.

The arrays that convolutions make have the batch innermost in memory, (C, *lengths, N), and are handed out as views
(N, C, *lengths): all windows of a batch are then the columns of one matrix, and slices are copied in long runs.
"""

import functools
import itertools
from dataclasses import dataclass

import numpy as np

LETTERS = {1: "L", 2: "H, W"}  # torch's names of the spatial axes


@dataclass(frozen=True)
class Windows:
    """Windows of `kernel` places, `dilation` apart, `stride` from one to the next: each a tuple, a number for an axis.

    before, after: the zeros at either end of an axis.
    """

    kernel: tuple
    stride: tuple
    dilation: tuple
    before: tuple
    after: tuple

    @property
    def spans(self):
        """The pixels from the first place of a window to its last, both counted."""
        return tuple([d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True)])

    @property
    def disjoint(self):
        """Whether no two windows share a pixel."""
        return all(s >= span for s, span in zip(self.stride, self.spans, strict=True))

    def counts(self, owner, lengths, ceil_mode=False):
        """How many windows there are along each axis; ValueError where none fits.

        ceil_mode: the last window may reach over the end, if it begins on a pixel or ahead of pixel 0.
        """
        axes = zip(lengths, self.spans, self.stride, self.before, self.after, strict=True)
        found = tuple([count_along(*axis, ceil_mode) for axis in axes])
        if min(found) < 1:
            raise ValueError(f"{owner}: expected x with at least {self.spans} pixels, padding included, got {lengths}")
        return found

    def taps(self, lengths, counts):
        """Triples (place, windows, pixels) for each place in a window, row by row, but those that meet padding alone.

        They are indices into the axes of the kernel, of the windows (`counts` of them) and of an image of `lengths`.
        """
        axes = zip(lengths, counts, self.kernel, self.stride, self.dilation, self.before, strict=True)
        return [tuple(zip(*place, strict=True)) for place in itertools.product(*itertools.starmap(taps_along, axes))]


def count_along(length, span, stride, before, after, ceil_mode):
    """How many windows there are along one axis."""
    count = (length + before + after - span + (stride - 1 if ceil_mode else 0)) // stride + 1
    return count - 1 if ceil_mode and (count - 1) * stride >= length + before else count


@functools.lru_cache(maxsize=256)
def taps_along(length, count, kernel, stride, dilation, before):
    """Triples (k, slice of windows, slice of pixels) along one axis.

    0 ≤ stride · o + shift < length   for   ⌈−shift / stride⌉ ≤ o ≤ ⌊(length − 1 − shift) / stride⌋,
    shift = dilation · k − before
    """
    found = []
    for k in range(kernel):
        shift = dilation * k - before
        low, high = max(0, -(shift // stride)), min(count - 1, (length - 1 - shift) // stride)
        if low <= high:
            pixels = slice(stride * low + shift, stride * high + shift + 1, stride)
            found.append((k, slice(low, high + 1), pixels))
    return found


def unfolded(x, windows, counts):
    """The columns of x, what each window sees: (C, *lengths, N) -> (C, *kernel, *counts, N), 0 in the padding."""
    columns = np.zeros((x.shape[0], *windows.kernel, *counts, x.shape[-1]), x.dtype)
    for place, seen, pixels in windows.taps(x.shape[1:-1], counts):
        columns[:, *place, *seen] = x[:, *pixels]
    return columns


def folded(columns, windows, lengths):
    """The transpose of unfolded: each pixel adds up what all windows hold for it; (C, *lengths, N)."""
    counts = columns.shape[1 + len(lengths) : -1]
    x = np.zeros((columns.shape[0], *lengths, columns.shape[-1]), columns.dtype)
    for place, seen, pixels in windows.taps(lengths, counts):
        x[:, *pixels] += columns[:, *place, *seen]
    return x


def product(a, b):
    """a @ b, matrix by matrix. Sums of one term are no sums: there NumPy's a * b is some ten times as fast."""
    return a * b if a.shape[-1] == 1 else a @ b


def inward(x, axes):
    """(N, C, *lengths), or one image (C, *lengths), as (C, *lengths, N); a view."""
    images = x if x.ndim == axes + 2 else x[None]
    return images.transpose(*range(1, axes + 2), 0)


def outward(x, shape):
    """(C, *lengths, N) as (N, C, *lengths), or as one image where `shape` has no batch; a view."""
    return x.transpose(-1, *range(x.ndim - 1)).reshape(shape)


def numbers(owner, axes, least, **values):
    """Each value as a tuple of `axes` whole numbers from `least` up; one number stands for all. ValueError else."""
    tuples = []
    for name, value in values.items():
        found = tuple(value) if isinstance(value, tuple | list) else (value,) * axes
        whole = all(isinstance(n, int | np.integer) and not isinstance(n, bool) and n >= least for n in found)
        if not whole or len(found) != axes:
            form = "a whole number" if axes == 1 else f"a whole number or {axes} of them,"
            raise ValueError(f"{owner}: expected {name} as {form} from {least} up, got {value!r}")
        tuples.append(tuple([int(n) for n in found]))
    return tuples


def check_images(owner, x, axes, channels=None):
    """Refuse (ValueError) an x that is not (N, C, *lengths) or (C, *lengths), with a guess at what was meant."""
    ranked = x.ndim in (axes + 1, axes + 2)
    if ranked and 0 not in x.shape[-axes - 1 :] and channels in (None, x.shape[-axes - 1]):
        return
    if ranked and channels is not None and x.shape[-1] == channels:
        guess = f"; did you mean np.moveaxis(x, -1, {-axes - 1})?"
    elif channels == 1 and x.ndim in (axes, axes + 1):
        guess = f"; did you mean {'x[None]' if x.ndim == axes else 'x[:, None]'}?"
    else:
        guess = ""
    shape = f"{'C' if channels is None else channels}, {LETTERS[axes]}"
    raise ValueError(f"{owner}: expected x of shape (N, {shape}) or ({shape}), only N may be 0, got {x.shape}{guess}")


def shown(layer, *arguments, **options):
    """`Name(arguments, option=value …)`, with those options {name: (value, default)} that differ from their default."""
    others = [f"{name}={value!r}" for name, (value, default) in options.items() if value != default]
    return f"{type(layer).__name__}({', '.join([*map(repr, arguments), *others])})"
