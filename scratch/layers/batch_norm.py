"""Batch normalisation: every channel by its statistics over the batch, and by running ones where nothing is learnt."""

import math
from typing import ClassVar

import numpy as np

from scratch.checks import check_count, check_dtype_name, check_float, check_precision
from scratch.layers.base import Layer
from scratch.layers.norm import channel_sums, check_eps, check_upstream, filled


class BatchNorm(Layer):
    """What BatchNorm1d and BatchNorm2d share: all of it but the number of axes that x may have."""

    params = ("weight", "bias")
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    axes: ClassVar[dict[int, str]] = {}  # how an x of so many axes is written

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True, dtype="float64"):
        owner, dtype = type(self).__name__, check_dtype_name(type(self).__name__, dtype)
        check_count(owner, 1, num_features=num_features)
        check_eps(owner, eps)
        if momentum is not None and not 0 <= momentum <= 1:
            raise ValueError(f"{owner}: expected momentum from 0 to 1 or None, got {momentum}")
        self.num_features, self.eps = num_features, float(eps)
        self.momentum = None if momentum is None else float(momentum)
        self.weight, self.bias = filled(affine, num_features, 1, dtype), filled(affine, num_features, 0, dtype)
        self.running_mean = filled(track_running_stats, num_features, 0, dtype)
        self.running_var = filled(track_running_stats, num_features, 1, dtype)
        self.num_batches_tracked = filled(track_running_stats, (), 0, np.int64)

    def forward(self, x):
        self.check(x)
        by_batch = self.training or self.running_mean is None
        rows = x.reshape(len(x), self.num_features, math.prod(x.shape[2:]))
        d, variance = self.by_batch(rows, x.shape) if by_batch else self.by_running_statistics(rows)
        r = 1 / np.sqrt(variance + self.eps)
        if self.weight is None:
            y = d * r[:, None]
        else:
            y = d * (self.weight * r)[:, None]
            y = y + self.bias[:, None]
        return y.reshape(x.shape), (d, r, by_batch, x.shape)

    def by_batch(self, rows, shape):
        """(d, mean d²) with d = x − mean x; the running statistics follow in training."""
        count = len(rows) * rows.shape[2]
        if count < 2:
            raise ValueError(
                f"{type(self).__name__}: expected more than one value per channel in training, got x of shape {shape}"
            )
        mean = channel_sums(rows) / count
        d = rows - mean[:, None]
        variance = channel_sums(d * d) / count
        if self.training and self.running_mean is not None:
            self.num_batches_tracked += 1
            share = 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum
            self.running_mean += share * (mean.real - self.running_mean)
            self.running_var += share * (variance.real * (count / (count - 1)) - self.running_var)
        return d, variance

    def by_running_statistics(self, rows):
        return rows - self.running_mean[:, None], self.running_var

    def backward(self, dy, cache):
        d, r, by_batch, shape = cache
        check_upstream(type(self).__name__, dy, shape, d)
        dy, grads, scale = dy.reshape(d.shape), {}, r
        along, total = channel_sums(dy * d), channel_sums(dy)
        if self.weight is not None:
            grads, scale = {"weight": along * r, "bias": total}, self.weight * r
        if not by_batch:
            return (dy * scale[:, None]).reshape(shape), grads
        count = len(d) * d.shape[2]
        dx = d * (along * r * r / -count)[:, None]
        dx += dy
        dx -= (total / count)[:, None]
        dx *= scale[:, None]
        return dx.reshape(shape), grads

    def check(self, x):
        owner = type(self).__name__
        check_float(owner, "x", x)
        if x.ndim not in self.axes or x.shape[1] != self.num_features:
            expected = " or ".join(axes.format(self.num_features) for axes in self.axes.values())
            raise ValueError(f"{owner}: expected x of shape {expected}, got {x.shape}")
        held = self.weight if self.weight is not None else self.running_mean
        if held is not None:
            check_precision(owner, "x", x, "running_mean" if self.weight is None else "weight", held)

    def __repr__(self):
        options = f", eps={self.eps:g}, momentum={self.momentum}"
        options += "" if self.weight is not None else ", affine=False"
        options += "" if self.running_mean is not None else ", track_running_stats=False"
        return f"{type(self).__name__}({self.num_features}{options})"


class BatchNorm1d(BatchNorm):
    """y = γ x̂ + β,  x̂ = (x − m) r,  r = 1/√(v + ε), channel by channel, over the batch (and the length, if any).

    In training m = mean x and v = mean (x − m)². Then, with the momentum μ, or 1/number of batches where it is None,
    running_mean ← (1 − μ) running_mean + μ m and running_var ← (1 − μ) running_var + μ v n/(n − 1), the unbiased
    variance of the n values. In evaluation these two stand for m and v: constants, one sample does not move another.

    Given dy = ∂J/∂y:   dγ = Σ dy x̂      dβ = Σ dy      dx̂ = γ dy
        in training dx = r (dx̂ − mean dx̂ − x̂ mean(dx̂ x̂)), in evaluation dx = r dx̂.
    γ is `weight`, β is `bias`.
    Shapes: x, y (N, num_features) or (N, num_features, L), all parameters and statistics (num_features,).
    Starts with γ = 1, β = 0, running_mean = 0, running_var = 1; affine=False has no γ and β. Without running statistics
    (track_running_stats=False) those of the batch are taken in evaluation, too.
    Raises ValueError for shapes, and for fewer than two values per channel where their spread is needed; TypeError for
    dtypes that do not fit; float32 stays float32. Source: Ioffe and Szegedy, 2015.
    """

    axes: ClassVar = {2: "(N, {})", 3: "(N, {}, L)"}


class BatchNorm2d(BatchNorm):
    """y = γ x̂ + β,  x̂ = (x − m) r,  r = 1/√(v + ε), channel by channel, over the batch and all pixels.

    In training m = mean x and v = mean (x − m)², and the running statistics follow as BatchNorm1d says; in evaluation
    these stand for m and v.

    Given dy = ∂J/∂y:   dγ = Σ dy x̂      dβ = Σ dy      dx̂ = γ dy
        in training dx = r (dx̂ − mean dx̂ − x̂ mean(dx̂ x̂)), in evaluation dx = r dx̂.
    γ is `weight`, β is `bias`.
    Shapes: x, y (N, num_features, H, W), all parameters and statistics (num_features,).
    Starts with γ = 1, β = 0, running_mean = 0, running_var = 1; affine=False has no γ and β.
    Raises ValueError for shapes, and for fewer than two values per channel where their spread is needed; TypeError for
    dtypes that do not fit; float32 stays float32. Source: Ioffe and Szegedy, 2015.
    """

    axes: ClassVar = {4: "(N, {}, H, W)"}
