"""Max pooling: of each window the largest pixel."""

import numpy as np

from scratch.checks import check_float, check_precision, check_shape
from scratch.layers.base import Layer
from scratch.layers.conv_windows import Windows, check_images, numbers, shown


class MaxPool(Layer):
    """What MaxPool1d and MaxPool2d share: all but the number of spatial axes."""

    axes: int

    def __init__(self, kernel_size, stride=None, padding=0, dilation=1, *, ceil_mode=False):
        self.windows = pooling_windows(type(self).__name__, self.axes, kernel_size, stride, padding, dilation)
        self.ceil_mode = bool(ceil_mode)

    def forward(self, x):
        owner, axes = type(self).__name__, self.axes
        check_float(owner, "x", x)
        check_images(owner, x, axes)
        lengths = x.shape[-axes:]
        counts = self.windows.counts(owner, lengths, self.ceil_mode)
        taps = self.windows.taps(lengths, counts)
        y = np.full_like(x, -np.inf, shape=(*x.shape[:-axes], *counts))
        for _, seen, pixels in taps:
            np.maximum(y[..., *seen], x[..., *pixels], out=y[..., *seen])
        return y, (x.shape, y, taps, hits_of(x, y, taps))

    def backward(self, dy, cache):
        shape, y, taps, hits = cache
        owner = type(self).__name__
        check_float(owner, "dy", dy)
        check_shape(owner, "dy", dy, y.shape)
        check_precision(owner, "dy", dy, "x", y)
        dx = np.zeros_like(y, dtype=dy.dtype, shape=shape)
        for hit, (_, seen, pixels) in zip(hits, taps, strict=True):
            if self.windows.disjoint:
                np.multiply(dy[..., *seen], hit, out=dx[..., *pixels])
            else:
                dx[..., *pixels] += dy[..., *seen] * hit
        return dx, {}

    def __repr__(self):
        kernel, ones = self.windows.kernel, (1,) * self.axes
        return shown(
            self,
            kernel,
            stride=(self.windows.stride, kernel),
            padding=(self.windows.before, (0,) * self.axes),
            dilation=(self.windows.dilation, ones),
            ceil_mode=(self.ceil_mode, False),
        )


class MaxPool1d(MaxPool):
    """y[n, c, o] = max_k x[n, c, s o + d k − p]: of each window the largest pixel; the padding is never the largest.

    Given dy = ∂J/∂y:   dx[n, c, i] = Σ dy[n, c, o] over the windows o whose largest pixel is i; of equal ones the first
    s stride (kernel_size where it is None), d dilation, p padding; ceil_mode: the last window may reach over the end.
    A NaN counts as the largest, the last of several, as in torch. return_indices is left out.
    Shapes: x (N, C, L) or (C, L), y (N, C, ⌊(L + 2p − d (K − 1) − 1)/s⌋ + 1), rounded up with ceil_mode.
    Raises ValueError for shapes and arguments, TypeError for anything but float arrays.
    Source: Yamaguchi et al. 1990, who take the maximum over time.
    """

    axes = 1


class MaxPool2d(MaxPool):
    """y[n, c, o, q] = max_{k,l} x[n, c, s o + d k − p, s q + d l − p]: of each window the largest pixel, never padding.

    Given dy = ∂J/∂y:   dx[n, c, i, j] = Σ dy[n, c, o, q] over the windows (o, q) whose largest pixel is (i, j); of
    equal ones the first, row by row.
    s stride (kernel_size where it is None), d dilation, p padding, each a number or a pair (height, width); ceil_mode:
    the last windows may reach over the end. A NaN counts as the largest, the last of several, as in torch.
    return_indices is left out.
    Shapes: x (N, C, H, W) or (C, H, W), y (N, C, H′, W′) with H′ = ⌊(H + 2p − d (K − 1) − 1)/s⌋ + 1, rounded up with
    ceil_mode, and W′ likewise.
    Raises ValueError for shapes and arguments, TypeError for anything but float arrays.
    Source: Weng, Ahuja and Huang 1992.
    """

    axes = 2


def hits_of(x, y, taps):
    """For each place in a window an array of y's shape, windows by windows: whether the largest pixel is there."""
    free, hits = np.ones_like(y, dtype=bool), []
    for _, seen, pixels in taps:
        hit = x[..., *pixels] == y[..., *seen]
        hit &= free[..., *seen]
        free[..., *seen] ^= hit
        hits.append(hit)
    if free.any():  # NaN equals nothing, itself included
        for hit, (_, seen, pixels) in zip(reversed(hits), reversed(taps), strict=True):
            hit |= free[..., *seen] & np.isnan(x[..., *pixels])
            free[..., *seen] &= ~hit
    return hits


def pooling_windows(owner, axes, kernel_size, stride, padding, dilation=1):
    """The windows of a pooling; ValueError for more padding than half a window, as in torch."""
    stride = kernel_size if stride is None else stride
    kernel, stride, dilation = numbers(owner, axes, 1, kernel_size=kernel_size, stride=stride, dilation=dilation)
    (padding,) = numbers(owner, axes, 0, padding=padding)
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise ValueError(f"{owner}: expected padding of at most half of kernel_size {kernel}, got {padding}")
    return Windows(kernel, stride, dilation, padding, padding)
