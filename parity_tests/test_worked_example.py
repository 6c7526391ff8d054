"""Are the numbers the lecture's, to 12 digits, and are wrong small entries caught?"""

import numpy as np
import pytest
import torch

import parity
import scratch
import torch_ref
from scripts.experiments import worked_example

# Computed with 30 digits, rounded to 12. J and dJ by the quantity's name in the lecture's indices.
TRUTH = {
    "z1": 11.0,
    "z2": 1.0,
    "z3": 12.0,
    "h1": 0.999983298578,
    "h2": 0.731058578630,
    "h3": 0.999993855826,
    "a": 0.365528233590,
    "y": 0.590378001715,
    "J": 0.526992266358,
    "dJ/dy": -1.693830049723,
    "dJ/dV1": -0.409615157015,
    "dJ/dV2": -0.299457675841,
    "dJ/dV3": -0.409619481496,
    "dJ/dh1": -0.0409621998285,
    "dJ/dh2": -0.204810999143,
    "dJ/dh3": 0.0409621998285,
    "dJ/dz1": -6.84115553269e-7,
    "dJ/dz2": -0.0402682864905,
    "dJ/dz3": 2.51677361478e-7,
    "dJ/dW11": -3.42057776634e-6,
    "dJ/dW12": -0.201341432453,
    "dJ/dW13": 1.25838680739e-6,
    "dJ/dW21": -2.05234665981e-6,
    "dJ/dW22": -0.120804859472,
    "dJ/dW23": 7.55032084434e-7,
    "dJ/dx1": 0.0402683574071,
    "dJ/dx2": -0.0805381928892,
}
LOSSES = {
    1: (0.526992266358, 0.262026217811, 0.0344850622348),
    0: (0.892520499948, 0.401012432072, 0.0513899217606),
}
HALF_A_DIGIT = 5e-12  # half a unit of the twelfth digit, relative to a leading digit of 1


@pytest.mark.parametrize("name", TRUTH)
def test_by_hand(name):
    assert worked_example.entries_by_hand()[name] == pytest.approx(TRUTH[name], rel=HALF_A_DIGIT, abs=0)


@pytest.mark.parametrize("name", TRUTH)
def test_by_torch(name, device):
    """torch computes 1 − h of a saturated unit: 8.5e-12 relative for these, so one digit less is asked of it."""
    tensors = worked_example.tensors(worked_example.start(), device)
    found = worked_example.named_entries(worked_example.by_torch(tensors, 1.0))
    assert found[name] == pytest.approx(TRUTH[name], rel=10 * HALF_A_DIGIT, abs=0)


@pytest.mark.parametrize("label", LOSSES)
def test_hundred_steps(label, device):
    by_hand, lockstep = worked_example.series_by_hand(label)["loss"], worked_example.descend(label, device, 0)
    assert lockstep.ok, str(lockstep)
    for step, J in zip((1, 10, 100), LOSSES[label], strict=True):
        found = by_hand[step - 1], lockstep.steps[step - 1].ours, lockstep.steps[step - 1].theirs
        assert found == pytest.approx((J, J, J), rel=HALF_A_DIGIT, abs=0)


def test_float32_by_hand_keeps_what_torch_loses(device):
    """1 − h in float32 costs 0.9 % of an entry of dJ/dW; σ(−z) keeps float32's digits."""
    hand, twin = worked_example.float32_errors(device)
    assert hand < 4 * np.finfo(np.float32).eps
    assert twin > 1e-3


SMALL = (slice(None, None, 2),)  # rows 0 and 2 of the (3, 2) weight: the saturated units h1 and h3


def zeroed(dW):
    dW[SMALL] = 0


def flipped(dW):
    dW[SMALL] *= -1


def doubled(dW):
    dW[SMALL] *= 2


def swapped(dW):
    dW[SMALL] = dW[SMALL][::-1].copy()


def mutant(change):
    class Wrong(scratch.Sequential):
        def backward(self, dy, caches):
            dx, grads = super().backward(dy, caches)
            change(grads["0.weight"])
            return dx, grads

    return Wrong(*scratch.models.lecture_net().layers)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("change", [zeroed, flipped, doubled, swapped])
def test_wrong_small_entries_are_caught(change, dtype, device):
    x, _ = scratch.data.worked_example()
    twin = torch_ref.models.lecture_net()
    report = parity.check(mutant(change), x, against=twin, dtype=dtype, device=device)
    wrong = {row.name: row for row in report.rows if row.verdict == "fail"}
    assert list(wrong) == ["0.weight"], str(report)
    assert wrong["0.weight"].worst.index[0] in (0, 2)


@pytest.mark.parametrize("change", [zeroed, flipped, doubled, swapped])
def test_gradcheck_passes_what_is_caught_here(change):
    """Why handgrad exists: torch.autograd.gradcheck with its defaults accepts the same wrong gradients."""

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, W, V):
            ctx.save_for_backward(x, W, V)
            return torch.sigmoid(torch.sigmoid(x @ W.T) @ V.T)

        @staticmethod
        def backward(ctx, dy):
            x, W, V = (saved.detach().requires_grad_() for saved in ctx.saved_tensors)
            with torch.enable_grad():
                y = torch.sigmoid(torch.sigmoid(x @ W.T) @ V.T)
            dx, dW, dV = torch.autograd.grad(y, (x, W, V), dy)
            dW = dW.numpy(force=True).copy()
            change(dW)
            return dx, torch.from_numpy(dW), dV

    start = worked_example.start()
    inputs = [torch.tensor(start[name], requires_grad=True) for name in ("x", "W", "V")]
    assert torch.autograd.gradcheck(Wrong.apply, inputs)
