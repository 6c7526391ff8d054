"""nn.Modules that hold a hand-written backward, in a Function beside them."""

import torch
from torch import nn
from torch.autograd import Function


class LayerNormFunction(Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        xc = x - x.mean(-1, keepdim=True)
        rstd = torch.rsqrt(xc.square().mean(-1, keepdim=True) + 1e-5)
        xhat = xc * rstd
        ctx.save_for_backward(xhat, rstd, weight)
        return xhat * weight + bias

    @staticmethod
    def backward(ctx, dy):
        xhat, rstd, weight = ctx.saved_tensors
        g = dy * weight
        dx = rstd * (g - g.mean(-1, keepdim=True) - xhat * (g * xhat).mean(-1, keepdim=True))
        return dx, (dy * xhat).sum(0), dy.sum(0)


class LayerNorm(nn.Module):
    def __init__(self, function):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.function = function
        self.weight = nn.Parameter(0.5 + torch.rand(6, generator=generator, dtype=torch.float64))
        self.bias = nn.Parameter(torch.randn(6, generator=generator, dtype=torch.float64))

    def forward(self, x):
        return self.function.apply(x, self.weight, self.bias)


class UncentredFunction(LayerNormFunction):
    @staticmethod
    def backward(ctx, dy):
        xhat, rstd, weight = ctx.saved_tensors
        g = dy * weight
        dx = rstd * (g - xhat * (g * xhat).mean(-1, keepdim=True))  # planted
        return dx, (dy * xhat).sum(0), dy.sum(0)


class FixedStatisticsFunction(LayerNormFunction):
    @staticmethod
    def backward(ctx, dy):
        xhat, rstd, weight = ctx.saved_tensors
        dx = rstd * dy * weight  # planted
        return dx, (dy * xhat).sum(0), dy.sum(0)


class UnscaledFunction(LayerNormFunction):
    @staticmethod
    def backward(ctx, dy):
        xhat, rstd, _ = ctx.saved_tensors
        dx = rstd * (dy - dy.mean(-1, keepdim=True) - xhat * (dy * xhat).mean(-1, keepdim=True))  # planted
        return dx, (dy * xhat).sum(0), dy.sum(0)


class UnreducedFunction(LayerNormFunction):
    """Returns what autograd refuses to take for a weight of another shape."""

    @staticmethod
    def backward(ctx, dy):
        xhat, rstd, weight = ctx.saved_tensors
        g = dy * weight
        dx = rstd * (g - g.mean(-1, keepdim=True) - xhat * (g * xhat).mean(-1, keepdim=True))
        return dx, (dy * xhat).sum(1), dy.sum(0)  # planted


class TanhFunction(Function):
    @staticmethod
    def forward(ctx, z):
        a = torch.tanh(z)
        ctx.save_for_backward(z, a)
        return a

    @staticmethod
    def backward(ctx, da):
        _, a = ctx.saved_tensors
        return da * (1 - a * a)


class TanhOfInputFunction(TanhFunction):
    @staticmethod
    def backward(ctx, da):
        z, _ = ctx.saved_tensors
        return da * (1 - z * z)  # planted


class TanhTwiceFunction(TanhFunction):
    @staticmethod
    def backward(ctx, da):
        _, a = ctx.saved_tensors
        return da * (1 - a * a) ** 2  # planted


class Mlp(nn.Module):
    """Linear, a hand-written tanh, Linear."""

    def __init__(self, tanh):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.first, self.second = nn.Linear(4, 5, dtype=torch.float64), nn.Linear(5, 3, dtype=torch.float64)
        for p in self.parameters():
            nn.init.uniform_(p, -1, 1, generator=generator)
        self.tanh = tanh

    def forward(self, x):
        return self.second(self.tanh.apply(self.first(x)))


class GateFunction(Function):
    """y = x + x w: two ways from x."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x + x * w

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return dy * (1 + w), (dy * x).sum(0)


class SkipForgottenFunction(GateFunction):
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return dy * w, (dy * x).sum(0)  # planted


class GateReducedTooFarFunction(GateFunction):
    """One number for all features, as if w were a scalar."""

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        dw = (dy * x).sum().expand_as(w)  # planted
        return dy * (1 + w), dw


class Gate(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
        self.w = nn.Parameter(torch.tensor([0.7, -1.2, 0.4, 1.9], dtype=torch.float64))

    def forward(self, x):
        return self.function.apply(x, self.w)


ROWS, X = ((4, 6),), ((5, 4),)
NORM = {"against": "nn.LayerNorm(6)"}
DX = "dx = rstd * (g - g.mean(-1, keepdim=True) - xhat * (g * xhat).mean(-1, keepdim=True))"
BELOW = {"x", "first.weight", "first.bias"}
PLANTED = [
    ("centring-term-missing", "LayerNorm(UncentredFunction)", ROWS, {"x"}, DX, NORM),
    ("statistics-constant", "LayerNorm(FixedStatisticsFunction)", ROWS, {"x"}, None, NORM),
    ("scale-missing", "LayerNorm(UnscaledFunction)", ROWS, {"x"}, None, NORM),
    ("activation-derivative-wrong-input", "Mlp(TanhOfInputFunction)", X, BELOW, "return da * (1 - torch.tanh(z) ** 2)"),
    ("activation-derivative-twice", "Mlp(TanhTwiceFunction)", X, BELOW, "return da * (1 - a * a)"),
    ("path-missing", "Gate(SkipForgottenFunction)", X, {"x"}, "return dy + dy * w, (dy * x).sum(0)"),
    ("broadcast-not-reduced", "Gate(GateReducedTooFarFunction)", X, {"w"}, "dw = (dy * x).sum(0)"),
    (
        "raised",
        "LayerNorm(UnreducedFunction)",
        ROWS,
        set(),
        "return dx, (dy * xhat).sum(0), dy.sum(0)",
        NORM | {"also": ("shape-mismatch", "wrong-axis")},
    ),
]
RIGHT = [
    ("LayerNorm(LayerNormFunction)", ROWS, NORM | {"name": "layer-norm-module"}),
    ("Gate(GateFunction)", X, {"name": "gate-module"}),
    ("Mlp(TanhFunction)", X, {"name": "mlp-module"}),
]
