"""Convolution: one small set of weights looks at every window of an image."""

import math

import numpy as np

from scratch.checks import check_count, check_dtype_name, check_float, check_precision, check_shape
from scratch.init import uniform_fan_in
from scratch.layers.base import Layer
from scratch.layers.conv_windows import (
    Windows,
    check_images,
    folded,
    inward,
    numbers,
    outward,
    product,
    shown,
    unfolded,
)
from scratch.sums import row_sums


class Convolution(Layer):
    """What Conv1d and Conv2d share: all but the number of spatial axes. The channels stand in g groups of their own.

    X, the columns: what each window sees, (g, C/g · K, windows).   Z = W X + b   with W as g matrices (F/g, C/g · K)
    Given dZ = ∂J/∂Z:   dW = dZ Xᵀ      db = Σ dZ over all windows      dX = Wᵀ dZ
    A pixel lies in several windows, and dx adds up what dX holds for it: `folded`, the transpose of `unfolded`.
    The cache holds X, as many times larger than x as a kernel has places, so that backward gathers nothing again.
    """

    params = ("weight", "bias")
    axes: int

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        bias=True,
        padding_mode="zeros",
        rng=None,
        dtype="float64",
    ):
        owner = type(self).__name__
        dtype = check_dtype_name(owner, dtype)
        check_channels(owner, in_channels, out_channels, groups, padding_mode)
        sizes = numbers(owner, self.axes, 1, kernel_size=kernel_size, stride=stride, dilation=dilation)
        self.windows = padded(owner, padding, *sizes)
        self.padding, self.groups = padding, groups
        shape = (in_channels // groups, *self.windows.kernel)
        draw = uniform_fan_in(math.prod(shape), rng, dtype)
        self.weight = draw((out_channels, *shape))
        self.bias = draw((out_channels,)) if bias else None

    def forward(self, x):
        owner, axes = type(self).__name__, self.axes
        check_float(owner, "x", x)
        check_images(owner, x, axes, self.weight.shape[1] * self.groups)
        check_precision(owner, "x", x, "weight", self.weight)
        counts = self.windows.counts(owner, x.shape[-axes:])
        columns = unfolded(inward(x, axes), self.windows, counts)
        N, W = columns.shape[-1], self.matrices()
        columns = columns.reshape(self.groups, W.shape[2], math.prod(counts) * N)
        z = product(W, columns)
        if self.bias is not None:
            z = z.astype(np.result_type(z, self.bias), copy=False)
            z += self.bias.reshape(*W.shape[:2], 1)
        z = z.reshape(len(self.weight), *counts, N)
        return outward(z, (*x.shape[: -axes - 1], *z.shape[:-1])), (x.shape, columns)

    def backward(self, dz, cache):
        (shape, _), axes, W = cache, self.axes, self.matrices()
        dz, counts, grads = self.weighed(dz, cache)
        dcolumns = product(W.swapaxes(1, 2), dz).reshape(shape[-axes - 1], *self.windows.kernel, *counts, -1)
        return outward(folded(dcolumns, self.windows, shape[-axes:]), shape), grads

    def gradients(self, dz, cache):
        return self.weighed(dz, cache)[2]

    def weighed(self, dz, cache):
        """(dz as a matrix a group, the counts of windows along the axes, the gradients by the parameters)."""
        shape, columns = cache
        owner, axes, W = type(self).__name__, self.axes, self.matrices()
        counts = self.windows.counts(owner, shape[-axes:])
        check_float(owner, "dz", dz)
        check_shape(owner, "dz", dz, (*shape[: -axes - 1], len(self.weight), *counts))
        check_precision(owner, "dz", dz, "weight", self.weight)
        dz = inward(dz, axes).reshape(*W.shape[:2], columns.shape[2])
        grads = {"weight": (dz @ columns.swapaxes(1, 2)).reshape(self.weight.shape)}
        if self.bias is not None:
            grads["bias"] = row_sums(dz).reshape(-1)
        return dz, counts, grads

    def matrices(self):
        """W as one matrix a group: (g, F/g, C/g · K)."""
        F, *seen = self.weight.shape
        return self.weight.reshape(self.groups, F // self.groups, math.prod(seen))

    def __repr__(self):
        (F, C, *_), ones = self.weight.shape, (1,) * self.axes
        return shown(
            self,
            C * self.groups,
            F,
            self.windows.kernel,
            stride=(self.windows.stride, ones),
            padding=(self.padding, 0),
            dilation=(self.windows.dilation, ones),
            groups=(self.groups, 1),
            bias=(self.bias is not None, True),
        )


class Conv1d(Convolution):
    """z[n, f, o] = b[f] + Σ_{c,k} W[f, c, k] x[n, c, s o + d k − p]: a correlation, the kernel is not turned over.

    s stride, d dilation, p padding (zeros outside of x); c runs over the C/g channels of f's group, g = groups.
    Given dz = ∂J/∂z:   dW[f, c, k] = Σ_{n,o} dz[n, f, o] x[n, c, s o + d k − p]      db[f] = Σ_{n,o} dz[n, f, o]
                        dx[n, c, i] = Σ_f Σ_{o,k: s o + d k − p = i} W[f, c, k] dz[n, f, o]
    Shapes: x (N, C, L) or (C, L), z (N, F, ⌊(L + 2p − d (K − 1) − 1)/s⌋ + 1), weight (F, C/g, K), bias (F,).
    padding "same" (stride 1 alone) keeps L, the odd zero at the end; "valid" is 0.
    Starts as torch does: every entry uniform in ±1/√(C/g · K), drawn from rng (a Generator, a seed or None).
    Raises ValueError for shapes and arguments, TypeError for dtypes that do not fit; padding_mode is "zeros" alone.
    Source: lecture 18, "Types of Neural Network Layers"; along time Waibel et al. 1989.
    """

    axes = 1


class Conv2d(Convolution):
    """z[n, f, o, q] = b[f] + Σ_{c,k,l} W[f, c, k, l] x[n, c, i, j]   with   i = s o + d k − p,   j = s q + d l − p.

    Neuron (f, o, q) sees one window of the image, and all of one f share their weights. A correlation: the kernel is
    not turned over. s stride, d dilation, p padding (zeros outside of x), each a number or a pair (height, width);
    c runs over the C/g channels of f's group, g = groups.
    Given dz = ∂J/∂z:   dW[f, c, k, l] = Σ_{n,o,q} dz[n, f, o, q] x[n, c, i, j]      db[f] = Σ_{n,o,q} dz[n, f, o, q]
                        dx[n, c, i, j] = Σ_f Σ W[f, c, k, l] dz[n, f, o, q]   over all o, q, k, l that lead to (i, j)
    Shapes: x (N, C, H, W) or (C, H, W), z (N, F, H′, W′) with H′ = ⌊(H + 2p − d (K − 1) − 1)/s⌋ + 1 and W′ likewise,
    weight (F, C/g, K, K′), bias (F,). padding "same" (stride 1 alone) keeps H and W, the odd zero at the end.
    Starts as torch does: every entry uniform in ±1/√(C/g · K K′), drawn from rng (a Generator, a seed or None).
    Raises ValueError for shapes and arguments, TypeError for dtypes that do not fit; padding_mode is "zeros" alone.
    Source: lecture 18, "Types of Neural Network Layers"; LeCun et al. 1989.
    """

    axes = 2


def padded(owner, padding, kernel, stride, dilation):
    """The windows with torch's padding: numbers, "valid" for none, "same" for as many zeros as keep the size."""
    if padding == "same":
        if max(stride) > 1:
            raise ValueError(f"{owner}: padding='same' keeps the size only with stride 1, got {stride}")
        total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        before = tuple([zeros // 2 for zeros in total])
        after = tuple([zeros - zeros // 2 for zeros in total])
    elif isinstance(padding, str) and padding != "valid":
        raise ValueError(f"{owner}: expected padding as numbers, 'same' or 'valid', got {padding!r}")
    else:
        (before,) = numbers(owner, len(kernel), 0, padding=0 if padding == "valid" else padding)
        after = before
    return Windows(kernel, stride, dilation, before, after)


def check_channels(owner, in_channels, out_channels, groups, padding_mode):
    """Refuse channels that the groups do not divide, and a padding other than by zeros (ValueError)."""
    counts = {"in_channels": in_channels, "out_channels": out_channels}
    check_count(owner, 1, **counts, groups=groups)
    for name, channels in counts.items():
        if channels % groups:
            raise ValueError(f"{owner}: expected {name} as a multiple of groups = {groups}, got {channels}")
    if padding_mode != "zeros":
        raise ValueError(f"{owner}: expected padding_mode 'zeros', the only one here, got {padding_mode!r}")
