"""Group normalisation: groups of channels of one sample share their statistics."""

import math

from scratch.checks import check_count, check_dtype_name, check_float, check_precision
from scratch.layers.base import Layer
from scratch.layers.norm import channel_sums, check_eps, check_upstream, filled, standardised, standardised_back


class GroupNorm(Layer):
    """y = γ x̂ + β,  x̂ = (x − m) r,  m = mean x,  r = 1/√(mean (x − m)² + ε), over the values of each group.

    A group is num_channels/num_groups neighbouring channels of one sample with all their pixels: one group is layer
    norm without its own γ for every pixel, one channel to a group is instance norm.

    Given dy = ∂J/∂y:   dγ = Σ dy x̂      dβ = Σ dy      dx̂ = γ dy      dx = r (dx̂ − mean dx̂ − x̂ mean(dx̂ x̂))
    The sums run over samples and pixels, one for each channel, the means over a group. γ is `weight`, β is `bias`.
    Shapes: x, y (N, num_channels, ...), weight and bias (num_channels,).
    Starts with γ = 1 and β = 0; affine=False has neither.
    Raises ValueError for shapes (num_groups must divide num_channels; a single value has no spread) and TypeError for
    dtypes that do not fit; float32 stays float32. Source: Wu and He, 2018.
    """

    params = ("weight", "bias")

    def __init__(self, num_groups, num_channels, eps=1e-5, affine=True, dtype="float64"):
        dtype = check_dtype_name("GroupNorm", dtype)
        check_count("GroupNorm", 1, num_groups=num_groups, num_channels=num_channels)
        check_eps("GroupNorm", eps)
        if num_channels % num_groups:
            raise ValueError(f"GroupNorm: {num_channels} channels cannot be shared evenly among {num_groups} groups")
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, float(eps)
        self.weight = filled(affine, num_channels, 1, dtype)
        self.bias = filled(affine, num_channels, 0, dtype)

    def forward(self, x):
        self.check(x)
        N, C, pixels = len(x), self.num_channels, math.prod(x.shape[2:])
        xhat, r = standardised(x.reshape(N * self.num_groups, C // self.num_groups * pixels), self.eps)
        if self.weight is None:
            return xhat.copy().reshape(x.shape), (xhat, r, x.shape)
        y = xhat.reshape(N, C, pixels) * self.weight[:, None] + self.bias[:, None]
        return y.reshape(x.shape), (xhat, r, x.shape)

    def backward(self, dy, cache):
        xhat, r, shape = cache
        check_upstream("GroupNorm", dy, shape, xhat)
        dxhat, grads = dy.reshape(xhat.shape), {}
        if self.weight is not None:
            channels = (shape[0], self.num_channels, math.prod(shape[2:]))
            dy = dy.reshape(channels)
            grads = {"weight": channel_sums(dy * xhat.reshape(channels)), "bias": channel_sums(dy)}
            dxhat = (dy * self.weight[:, None]).reshape(xhat.shape)
        return standardised_back(dxhat, xhat, r).reshape(shape), grads

    def check(self, x):
        check_float("GroupNorm", "x", x)
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise ValueError(f"GroupNorm: expected x of shape (N, {self.num_channels}, ...), got {x.shape}")
        if self.weight is not None:
            check_precision("GroupNorm", "x", x, "weight", self.weight)
        if x.size == self.num_groups:
            raise ValueError(f"GroupNorm: expected more than one value in a group, got x of shape {x.shape}")

    def __repr__(self):
        affine = "" if self.weight is not None else ", affine=False"
        return f"GroupNorm({self.num_groups}, {self.num_channels}, eps={self.eps:g}{affine})"
