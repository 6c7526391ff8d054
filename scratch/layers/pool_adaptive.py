"""Adaptive average pooling: as many bins as are asked for, whatever the size of the image."""

import numpy as np

from scratch.layers.conv_windows import numbers, shown
from scratch.layers.pool_average import Average, along, resized


class AdaptiveAvgPool2d(Average):
    """y[n, c, o, q] = mean of x[n, c, i, j] over bin o of the rows and bin q of the columns, whatever the size of x.

    Bin o of H′ over H pixels:   ⌊o H / H′⌋ ≤ i < ⌈(o + 1) H / H′⌉   ; neighbours overlap where H′ does not divide H
    Given dy = ∂J/∂y:   dx[n, c, i, j] = Σ dy[n, c, o, q] / (pixels of the bin) over the bins (o, q) that hold (i, j)
    output_size: H′ and W′, one number for both, None where x's own is kept.
    Shapes: x (N, C, H, W) or (C, H, W), y (N, C, H′, W′) or (C, H′, W′).
    Raises ValueError for shapes and arguments, TypeError for anything but float arrays.
    Source: He et al. 2014, spatial pyramid pooling; with output_size 1 Lin et al. 2013, global average pooling.
    """

    axes = 2

    def __init__(self, output_size):
        pair = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size, output_size)
        numbers("AdaptiveAvgPool2d", 2, 1, output_size=tuple(1 if n is None else n for n in pair))
        self.output_size = pair

    def divisor(self, lengths):
        counts = [length if n is None else n for n, length in zip(self.output_size, lengths, strict=True)]
        sizes = [[high - low for low, high in bins(*axis)] for axis in zip(lengths, counts, strict=True)]
        return np.multiply.outer(*sizes)

    def summed(self, x, axis):
        count = self.output_size[axis]
        if count is None:
            return x
        y = np.empty_like(x, shape=resized(x.shape, axis, count))
        for o, (low, high) in enumerate(bins(x.shape[axis], count)):
            y[along(axis, o)] = x[along(axis, slice(low, high))].sum(axis=axis)
        return y

    def spread(self, dy, axis, length):
        if self.output_size[axis] is None:
            return dy
        dx = np.zeros_like(dy, shape=resized(dy.shape, axis, length))
        for o, (low, high) in enumerate(bins(length, dy.shape[axis])):
            dx[along(axis, slice(low, high))] += dy[along(axis, slice(o, o + 1))]
        return dx

    def __repr__(self):
        return shown(self, self.output_size)


def bins(length, count):
    """[(first pixel, one past the last)] of `count` bins over an axis of that length."""
    return [(o * length // count, -(-(o + 1) * length // count)) for o in range(count)]
