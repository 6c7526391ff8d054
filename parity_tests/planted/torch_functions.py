"""torch.autograd.Function with a hand-written backward."""

import math

import torch
from torch.autograd import Function


class Linear(Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return x @ weight.t() + bias

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return grad_output @ weight, grad_output.t() @ x, grad_output.sum(0)


class LinearBiasAveraged(Linear):
    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad_bias = grad_output.mean(0)  # planted
        return grad_output @ weight, grad_output.t().mm(x), grad_bias


class LinearTransposed(Linear):
    """For a square weight."""

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad_x = grad_output @ weight.t()  # planted
        return grad_x, grad_output.t() @ x, grad_output.sum(0)


class LinearWithoutUpstream(Linear):
    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad_weight = torch.ones_like(grad_output).t() @ x  # planted
        return grad_output @ weight, grad_weight, grad_output.sum(0)


class LinearWithoutWeightGradient(Linear):
    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad_weight = torch.zeros_like(weight)  # planted
        return grad_output @ weight, grad_weight, grad_output.sum(0)


class Sigmoid(Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.sigmoid(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output * y * (1 - y)


class SigmoidSlopeForgotten(Sigmoid):
    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.clone()  # planted


class SigmoidInSingle(Sigmoid):
    """The slope is taken in float32."""

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        y = y.float()  # planted
        return grad_output * (y * (1 - y)).to(grad_output.dtype)


class GELU(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        cdf = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
        pdf = torch.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
        return grad_output * (cdf + x * pdf)


class GELUDensityUnscaled(GELU):
    """The normal density without its 1/√(2π)."""

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        cdf = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
        pdf = torch.exp(-0.5 * x * x)  # planted
        return grad_output * (cdf + x * pdf)


class GELUByTanh(GELU):
    """The derivative of the approximation."""

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        t = torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
        inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
        return grad_output * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * inner)  # planted


class Clamp(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(-1, 1)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * (x.abs() <= 1)


class ClampStraightThrough(Clamp):
    @staticmethod
    def backward(ctx, grad_output):
        grad_x = 1 * grad_output  # planted
        return grad_x


class ClampInPlace(Clamp):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad_output[x.abs() > 1] = 0  # planted
        return grad_output


X, LINEAR, SQUARE = ((5, 4),), ((5, 4), (3, 4), (3,)), ((5, 4), (4, 4), (4,))
F_LINEAR, CLAMP = {"against": "F.linear"}, {"against": "nn.Hardtanh()"}
PDF = "pdf = torch.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)"
PLANTED = [
    ("bias-averaged", "LinearBiasAveraged.apply", LINEAR, {"bias"}, "grad_bias = grad_output.sum(0)", F_LINEAR),
    ("transposed", "LinearTransposed.apply", SQUARE, {"x"}, "grad_x = grad_output @ weight", F_LINEAR),
    (
        "upstream-ignored",
        "LinearWithoutUpstream.apply",
        LINEAR,
        {"weight"},
        "grad_weight = grad_output.t() @ x",
        F_LINEAR,
    ),
    (
        "never-written",
        "LinearWithoutWeightGradient.apply",
        LINEAR,
        {"weight"},
        "grad_weight = grad_output.t() @ x",
        F_LINEAR,
    ),
    (
        "activation-derivative-missing",
        "SigmoidSlopeForgotten.apply",
        X,
        {"x"},
        "return grad_output * ctx.saved_tensors[0] * (1 - ctx.saved_tensors[0])",
        {"against": "torch.sigmoid"},
    ),
    ("low-precision", "SigmoidInSingle.apply", X, {"x"}, "y = y.double()", {"against": "torch.sigmoid"}),
    (
        "constant-factor",
        "GELUDensityUnscaled.apply",
        X,
        {"x"},
        PDF,
        {"against": "nn.GELU()", "also": ("activation-derivative-wrong",)},  # the factor is lost in one term alone
    ),
    ("variant-mismatch", "GELUByTanh.apply", X, {"x"}, None, {"against": "nn.GELU()"}),
    (
        "clip-mismatch",
        "ClampStraightThrough.apply",
        X,
        {"x"},
        "grad_x = grad_output * (ctx.saved_tensors[0].abs() <= 1)",
        CLAMP | {"also": ("mask-wrong",)},
    ),
    (
        "input-mutated",
        "ClampInPlace.apply",
        X,
        set(),
        "grad_output = torch.where(x.abs() > 1, 0, grad_output)",
        CLAMP,
    ),
]
RIGHT = [
    ("Linear.apply", LINEAR, F_LINEAR | {"name": "linear-function"}),
    ("Sigmoid.apply", X, {"against": "torch.sigmoid", "name": "sigmoid-function"}),
    ("GELU.apply", X, {"against": "nn.GELU()", "name": "gelu-function"}),
    ("Clamp.apply", X, CLAMP),
]
