"""Are right gradients with many entries right in bfloat16, float16 and float32 as well?"""

import pytest
import torch

import parity


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return dy * (s + x * s * (1 - s))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_forward_that_rounds_is_no_other_forward(dtype, seed):
    report = parity.check(Swish.apply, (60, 50), dtype=dtype, seed=seed)
    assert report.verdict in ("pass", "void"), report
    assert report.rows[0].verdict == "pass"
