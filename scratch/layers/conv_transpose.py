"""Transposed convolution: each pixel writes a window, where in a convolution each window reads its pixels."""

import math

import numpy as np

from scratch.checks import check_dtype_name, check_float, check_precision, check_shape
from scratch.init import uniform_fan_in
from scratch.layers.base import Layer
from scratch.layers.conv import check_channels
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


class ConvTranspose2d(Layer):
    """z[n, f, i, j] = b[f] + Σ W[c, f, k, l] x[n, c, o, q] over all that meet:  i = s o + d k − p,  j = s q + d l − p.

    Each pixel (o, q) of x writes a window of z; where windows overlap they add up. It is the gradient of a Conv2d of
    the same weight by its input: what is forward there is backward here.
    s stride, d dilation, p padding (rows and columns cut off all around), each a number or a pair (height, width);
    c runs over the C/g channels of f's group, g = groups. As matrices, with W as (C/g, F/g · K K′) for each group:
        Z = Wᵀ X, the windows that the pixels write; z adds up, pixel by pixel, what they hold (`folded`)
    Given dz = ∂J/∂z, dZ its columns (`unfolded`):   dX = W dZ      dW = X dZᵀ      db[f] = Σ_{n,i,j} dz[n, f, i, j]
    Shapes: x (N, C, H, W) or (C, H, W), z (N, F, H′, W′) with H′ = (H − 1) s − 2p + d (K − 1) + output_padding + 1 and
    W′ likewise, weight (C, F/g, K, K′), bias (F,).
    Starts as torch does: every entry uniform in ±1/√(F/g · K K′), drawn from rng (a Generator, a seed or None).
    Raises ValueError for shapes and arguments, TypeError for dtypes that do not fit; padding_mode is "zeros" alone.
    Source: Zeiler et al. 2010; Dumoulin and Visin 2016.
    """

    params = ("weight", "bias")
    axes = 2

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        output_padding=0,
        groups=1,
        bias=True,
        dilation=1,
        padding_mode="zeros",
        rng=None,
        dtype="float64",
    ):
        owner = type(self).__name__
        dtype = check_dtype_name(owner, dtype)
        check_channels(owner, in_channels, out_channels, groups, padding_mode)
        sizes = numbers(owner, self.axes, 1, kernel_size=kernel_size, stride=stride, dilation=dilation)
        self.windows, self.output_padding = cropped(owner, padding, output_padding, *sizes)
        self.groups = groups
        shape = (out_channels // groups, *self.windows.kernel)
        draw = uniform_fan_in(math.prod(shape), rng, dtype)
        self.weight = draw((in_channels, *shape))
        self.bias = draw((out_channels,)) if bias else None

    def forward(self, x):
        owner, axes, W = type(self).__name__, self.axes, self.matrices()
        check_float(owner, "x", x)
        check_images(owner, x, axes, len(self.weight))
        check_precision(owner, "x", x, "weight", self.weight)
        lengths = self.lengths(x.shape[-axes:])
        X = inward(x, axes)
        _, *counts, N = X.shape
        X = X.reshape(*W.shape[:2], math.prod(counts) * N)
        Z = product(W.swapaxes(1, 2), X).reshape(self.out_channels, *self.windows.kernel, *counts, N)
        z = folded(Z, self.windows, lengths)
        if self.bias is not None:
            z = z.astype(np.result_type(z, self.bias), copy=False)
            z += self.bias.reshape(-1, *(1,) * (axes + 1))
        return outward(z, (*x.shape[: -axes - 1], *z.shape[:-1])), (x.shape, X)

    def backward(self, dz, cache):
        shape, X = cache
        owner, axes, W = type(self).__name__, self.axes, self.matrices()
        counts = shape[-axes:]
        check_float(owner, "dz", dz)
        check_shape(owner, "dz", dz, (*shape[: -axes - 1], self.out_channels, *self.lengths(counts)))
        check_precision(owner, "dz", dz, "weight", self.weight)
        dz = inward(dz, axes)
        dZ = unfolded(dz, self.windows, counts).reshape(self.groups, W.shape[2], X.shape[2])
        grads = {"weight": (X @ dZ.swapaxes(1, 2)).reshape(self.weight.shape)}
        if self.bias is not None:
            grads["bias"] = row_sums(dz.reshape(self.out_channels, math.prod(dz.shape[1:])))
        return outward(product(W, dZ).reshape(shape[-axes - 1], *counts, dz.shape[-1]), shape), grads

    @property
    def out_channels(self):
        return self.weight.shape[1] * self.groups

    def matrices(self):
        """W as one matrix a group: (g, C/g, F/g · K K′)."""
        C, *written = self.weight.shape
        return self.weight.reshape(self.groups, C // self.groups, math.prod(written))

    def lengths(self, counts):
        """How many pixels z has along each axis; ValueError where padding leaves none."""
        windows = self.windows
        sizes = zip(counts, windows.stride, windows.before, windows.spans, self.output_padding, strict=True)
        found = tuple([(count - 1) * s - 2 * p + span + more for count, s, p, span, more in sizes])
        if min(found) < 1:
            raise ValueError(f"ConvTranspose2d: expected less padding than {windows.before} for x of {counts} pixels")
        return found

    def __repr__(self):
        pair, windows = (1,) * self.axes, self.windows
        return shown(
            self,
            len(self.weight),
            self.out_channels,
            windows.kernel,
            stride=(windows.stride, pair),
            padding=(windows.before, (0,) * self.axes),
            output_padding=(self.output_padding, (0,) * self.axes),
            groups=(self.groups, 1),
            bias=(self.bias is not None, True),
            dilation=(windows.dilation, pair),
        )


def cropped(owner, padding, output_padding, kernel, stride, dilation):
    """(the windows that are written, the rows and columns more at the end); ValueError for more than a step of them."""
    padding, more = numbers(owner, len(kernel), 0, padding=padding, output_padding=output_padding)
    if any(n >= max(s, d) for n, s, d in zip(more, stride, dilation, strict=True)):
        raise ValueError(
            f"{owner}: expected output_padding smaller than stride {stride} or dilation {dilation}, got {more}"
        )
    return Windows(kernel, stride, dilation, padding, padding), more
