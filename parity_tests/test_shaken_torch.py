"""Is every rounding step of torch moved by one unit of its own type, on its own device, and nothing else?"""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from parity.rounding.shaken import Directions, moved
from parity.rounding.shaken_torch import ShakenTorch, moved_tensor, on_its_device

DRAWS = 40
LOW = (torch.bfloat16, torch.float16)
UNIT = {torch.bfloat16: 2.0**-7, torch.float16: 2.0**-10, torch.float32: 2.0**-23, torch.float64: 2.0**-52}


@pytest.mark.parametrize("dtype", UNIT)
def test_a_move_is_one_unit_of_the_tensors_own_dtype(dtype, device):
    values = torch.tensor([1.5, -3.0, 0.0, 1.0, -1.0, torch.inf], dtype=dtype, device=device)
    runs = [moved_tensor(values, Directions(seed)) for seed in range(DRAWS)]
    found = [sorted({float(run[i].double() - values[i].double()) for run in runs}) for i in range(5)]
    u = UNIT[dtype]
    assert found == [[-u, 0, u], [-2 * u, 0, 2 * u], [0], [-u, 0], [0, u]]
    assert all(run.dtype == dtype and run.device == values.device and run[5] == torch.inf for run in runs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensors_are_moved_as_arrays_are(dtype):
    values = torch.randn(50, generator=torch.Generator().manual_seed(0)).relu().to(dtype)
    values[:4] = torch.tensor([0.0, 1.0, -1.0, 1e-40])
    for seed in range(8):
        expected = moved(values.numpy(), Directions(seed), [values.numpy(), np.float64(2)])
        for own in (moved_tensor, on_its_device):
            assert own(values, Directions(seed), [values, 2.0]).tolist() == expected.tolist()


@pytest.mark.parametrize("dtype", LOW)
def test_an_underflow_is_moved_up_and_a_masks_zero_stays(dtype, device):
    small = torch.tensor([torch.finfo(dtype).tiny] * 2, dtype=dtype, device=device)
    mask = torch.tensor([1, 0], dtype=dtype, device=device)
    product = small * small * mask
    runs = [moved_tensor(product, Directions(seed), [small, mask]) for seed in range(DRAWS)]
    assert {bool(run[0]) for run in runs} == {False, True}
    assert {float(run[1]) for run in runs} == {0.0}


STEPS = {
    "cast": lambda x: x.double().to(x.dtype),
    "add_": lambda x: x.clone().add_(x / 3),
    "pow_": lambda x: x.clone().pow_(x),
    "index_add_": lambda x: torch.zeros_like(x).index_add_(0, torch.tensor([0, 0, 1], device=x.device), x),
    "sigmoid": torch.sigmoid,
    "gelu": nn.functional.gelu,
    "mean": lambda x: x.mean(),
}


@pytest.mark.parametrize("dtype", LOW)
@pytest.mark.parametrize("name", STEPS)
def test_every_rounding_step_is_moved(name, dtype, device):
    x = torch.tensor([0.3, 1.7, 2.2], dtype=torch.float64, device=device)
    runs = set()
    for seed in range(DRAWS):
        with ShakenTorch(Directions(seed)):
            result = STEPS[name](x.to(dtype) if name != "cast" else x.float()).to(dtype)
        runs.add(tuple(result.flatten().tolist()))
    assert len(runs) > 2


def test_a_cast_to_more_digits_is_exact():
    x = torch.tensor([0.3], dtype=torch.bfloat16)
    with ShakenTorch(Directions(0)):
        assert all(torch.equal(x.float(), x.float()) and x.double().item() == x.item() for _ in range(DRAWS))


def test_arithmetic_in_place_stays_in_place_under_autograd():
    x = torch.tensor([0.3, 0.7], dtype=torch.float64, requires_grad=True)
    with ShakenTorch(Directions(0)):
        y = x * 2
        alias = y.view(2)
        y.mul_(3)
        (gradient,) = torch.autograd.grad(y.sum(), x)
    assert alias.tolist() == y.tolist() == pytest.approx([1.8, 4.2], rel=1e-15)
    assert gradient.tolist() == pytest.approx([6, 6], rel=1e-15)


def test_moves_are_dealt_in_one_order():
    """The backward pass of a CUDA device would have a thread of its own."""
    assert torch.autograd.is_multithreading_enabled()
    with ShakenTorch(Directions(0)):
        torch.sigmoid(torch.ones(2))  # which is taken apart, in the same context entered again
        assert not torch.autograd.is_multithreading_enabled()
    assert torch.autograd.is_multithreading_enabled()


CAUSAL = torch.ones(3, 3, dtype=torch.bool).tril()


@pytest.mark.parametrize(
    "options",
    [{}, {"is_causal": True}, {"attn_mask": CAUSAL}, {"attn_mask": torch.log(CAUSAL.double())}],
    ids=["full", "causal", "mask", "added mask"],
)
def test_fused_attention_moves_by_rounding_alone(options):
    """Its decomposition alone leaves its kernel's backward without the log-sum-exp: moves as large as the gradient."""
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(1, 2, 3, 4, dtype=torch.float64, generator=generator).requires_grad_() for _ in range(3)]
    g = torch.randn(1, 2, 3, 4, dtype=torch.float64, generator=generator)

    def gradients():
        return torch.autograd.grad(F.scaled_dot_product_attention(*inputs, **options), inputs, g)

    base = gradients()
    for seed in range(4):
        with ShakenTorch(Directions(seed)):
            moved = gradients()
        for one, other in zip(moved, base, strict=True):
            assert 0 < float((one - other).abs().max()) < 1e-13 * float(other.abs().max())
