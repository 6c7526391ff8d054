"""Torch callables with a hand-written backward, for the tests of subjects, traces and low precision."""

import functools

import numpy as np
import torch
from torch import nn

SLOPE = (2 / torch.pi) ** 0.5


class Gelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 0.5 * x * (1 + torch.erf(x / 2**0.5))

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return dy * (0.5 * (1 + torch.erf(x / 2**0.5)) + 0.5 * SLOPE * x * torch.exp(-x * x / 2))


class Affine(torch.autograd.Function):
    """A forward without ctx, three tensors, an argument with a default."""

    @staticmethod
    def forward(x, weight, bias, scale=2.0):
        return scale * (x @ weight.T + bias)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, weight, _, ctx.scale = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx, dz):
        x, weight = ctx.saved_tensors
        dz = ctx.scale * dz
        return dz @ weight, dz.T @ x, dz.sum(0), None


def function(backward, forward=lambda ctx, x, w: x * w):
    """A Function of x (5, 4) and w (5, 4), or of what forward takes, with that backward."""

    @functools.wraps(forward)
    def remembering(ctx, *inputs):
        ctx.save_for_backward(*inputs)
        return forward(ctx, *inputs)

    members = {"forward": staticmethod(remembering), "backward": staticmethod(backward)}
    return type("Product", (torch.autograd.Function,), members)


@torch.library.custom_op("handgrad_tests::cube", mutates_args=())
def cube(x: torch.Tensor) -> torch.Tensor:
    return x * x * x


cube.register_autograd(
    lambda ctx, dy: 3 * dy * ctx.x * ctx.x, setup_context=lambda ctx, inputs, output: setattr(ctx, "x", inputs[0])
)


class Block(nn.Module):
    """A module that holds a Function; a buffer; a weight that is not learnt."""

    def __init__(self):
        super().__init__()
        self.dense, self.frozen = nn.Linear(4, 3), nn.Parameter(torch.randn(3), requires_grad=False)
        self.register_buffer("shift", torch.ones(3))

    def forward(self, x):
        return Gelu.apply(self.dense(x)) * self.frozen + self.shift


class PlainBlock(Block):
    def forward(self, x):
        return nn.functional.gelu(self.dense(x)) * self.frozen + self.shift


def drawn(hand, *shapes, dtype=np.float64, seed=0):
    """{name: array} of the inputs and weights, and an upstream gradient per output."""
    rng = np.random.default_rng(seed)
    arrays = {name: rng.normal(size=shape) for name, shape in zip(hand.input_names, shapes, strict=True)}
    arrays = {name: array.astype(dtype) for name, array in (arrays | hand.parameters | hand.buffers).items()}
    return arrays, [rng.normal(size=np.shape(output)).astype(dtype) for output in hand.outputs(arrays)]
