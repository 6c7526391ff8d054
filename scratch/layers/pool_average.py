"""Average pooling: of each window the mean. A mean over a window is a mean along one axis of means along the other."""

import functools
from abc import abstractmethod

import numpy as np

from scratch.checks import check_float, check_precision, check_shape
from scratch.layers.base import Layer
from scratch.layers.conv_windows import check_images, count_along, shown, taps_along
from scratch.layers.pool import pooling_windows


class Average(Layer):
    """What average poolings share: y = sums along one axis after the other, over how many pixels each stands for.

    Given dy = ∂J/∂y:   dx spreads dy over that number along the same axes, the transpose of the sums
    """

    axes: int

    def forward(self, x):
        owner, axes = type(self).__name__, self.axes
        check_float(owner, "x", x)
        check_images(owner, x, axes)
        divisor = self.divisor(x.shape[-axes:]).astype(x.real.dtype)
        sums = x
        for axis in range(-axes, 0):
            sums = self.summed(sums, axis)
        return sums / divisor, (x.shape, divisor)

    def backward(self, dy, cache):
        shape, divisor = cache
        owner, axes = type(self).__name__, self.axes
        check_float(owner, "dy", dy)
        check_shape(owner, "dy", dy, (*shape[:-axes], *divisor.shape))
        check_precision(owner, "dy", dy, "x", divisor)
        dx = dy / divisor
        for axis in range(-axes, 0):
            dx = self.spread(dx, axis, shape[axis])
        return dx, {}

    @abstractmethod
    def divisor(self, lengths):
        """By what each entry of y is divided, an array over y's spatial axes."""

    @abstractmethod
    def summed(self, x, axis):
        """The sums of x over windows along one axis."""

    @abstractmethod
    def spread(self, dy, axis, length):
        """The transpose of summed: an axis of that length, each pixel the sum of dy over the windows that hold it."""


class AvgPool(Average):
    """What AvgPool1d and AvgPool2d share: all but the number of spatial axes."""

    divisor_override: int | None = None

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
        self.windows = pooling_windows(type(self).__name__, self.axes, kernel_size, stride, padding)
        self.ceil_mode, self.count_include_pad = bool(ceil_mode), bool(count_include_pad)

    def divisor(self, lengths):
        windows = self.windows
        counts = windows.counts(type(self).__name__, lengths, self.ceil_mode)
        if self.divisor_override is not None:
            return np.full(counts, self.divisor_override)
        sizes = []
        for length, count, k, s, p in zip(lengths, counts, windows.kernel, windows.stride, windows.before, strict=True):
            first = s * np.arange(count) - p
            low, high = (-p, length + p) if self.count_include_pad else (0, length)
            sizes.append(np.minimum(first + k, high) - np.maximum(first, low))
        return functools.reduce(np.multiply.outer, sizes)

    def summed(self, x, axis):
        length, windows = x.shape[axis], self.windows
        k, s, p = windows.kernel[axis], windows.stride[axis], windows.before[axis]
        count = count_along(length, k, s, p, p, self.ceil_mode)
        y = np.zeros_like(x, shape=resized(x.shape, axis, count))
        for _, seen, pixels in taps_along(length, count, k, s, 1, p):
            y[along(axis, seen)] += x[along(axis, pixels)]
        return y

    def spread(self, dy, axis, length):
        windows = self.windows
        dx = np.zeros_like(dy, shape=resized(dy.shape, axis, length))
        taps = taps_along(length, dy.shape[axis], windows.kernel[axis], windows.stride[axis], 1, windows.before[axis])
        for _, seen, pixels in taps:
            dx[along(axis, pixels)] += dy[along(axis, seen)]
        return dx

    def __repr__(self):
        kernel = self.windows.kernel
        return shown(
            self,
            kernel,
            stride=(self.windows.stride, kernel),
            padding=(self.windows.before, (0,) * self.axes),
            ceil_mode=(self.ceil_mode, False),
            count_include_pad=(self.count_include_pad, True),
            divisor_override=(self.divisor_override, None),
        )


class AvgPool1d(AvgPool):
    """y[n, c, o] = Σ_k x[n, c, s o + k − p] / D: the mean of each window.

    D = K, the padding's zeros among it; ceil_mode: the last window may reach over the end, and D counts what it has
    left; count_include_pad=False: D counts pixels alone. s stride (kernel_size where it is None), p padding.
    Given dy = ∂J/∂y:   dx[n, c, i] = Σ dy[n, c, o] / D over the windows o that hold pixel i
    Shapes: x (N, C, L) or (C, L), y (N, C, ⌊(L + 2p − K)/s⌋ + 1), rounded up with ceil_mode.
    Raises ValueError for shapes and arguments, TypeError for anything but float arrays.
    Source: Waibel et al. 1989, whose last layer adds up over time.
    """

    axes = 1


class AvgPool2d(AvgPool):
    """y[n, c, o, q] = Σ_{k,l} x[n, c, s o + k − p, s q + l − p] / D: the mean of each window.

    D = K K′, the padding's zeros among it; ceil_mode: the last windows may reach over the end, and D counts what they
    have left; count_include_pad=False: D counts pixels alone; divisor_override: D is that number.
    s stride (kernel_size where it is None), p padding, each a number or a pair (height, width).
    Given dy = ∂J/∂y:   dx[n, c, i, j] = Σ dy[n, c, o, q] / D over the windows (o, q) that hold pixel (i, j)
    Shapes: x (N, C, H, W) or (C, H, W), y (N, C, H′, W′) with H′ = ⌊(H + 2p − K)/s⌋ + 1, rounded up with ceil_mode, and
    W′ likewise.
    Raises ValueError for shapes and arguments, TypeError for anything but float arrays.
    Source: LeCun et al. 1990, whose "averaging/subsampling" layers these are.
    """

    axes = 2

    def __init__(
        self,
        kernel_size,
        stride=None,
        padding=0,
        ceil_mode=False,
        count_include_pad=True,
        divisor_override=None,
    ):
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        if divisor_override is not None and (not isinstance(divisor_override, int) or divisor_override == 0):
            raise ValueError(
                f"AvgPool2d: expected divisor_override as a whole number other than 0, got {divisor_override!r}"
            )
        self.divisor_override = divisor_override


def along(axis, index):
    """The index that stands at an axis counted from the end, everything at the others."""
    return (..., index, *(slice(None),) * (-axis - 1))


def resized(shape, axis, length):
    """A shape with another length at an axis counted from the end."""
    return (*shape[:axis], length, *shape[len(shape) + axis + 1 :])
