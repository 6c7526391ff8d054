"""Does the checker catch wrong backwards, say so plainly, and leave everything as it found it?"""

import math

import numpy as np
import pytest
import torch
from torch import nn

import parity
import scratch


class Right(scratch.Linear):
    """A Linear whose backward a mutant changes in one place."""

    def change(self, dx, grads, dz, x):
        return dx, grads

    def backward(self, dz, x):
        dx, grads = super().backward(dz, x)
        return self.change(dx, grads, dz, x)


def mutant(change):
    return type(change.__name__, (Right,), {"change": lambda self, *args: change(*args)})(4, 3, rng=0)


def sign_flipped(dx, grads, dz, x):
    return dx, grads | {"weight": -grads["weight"]}


def missing_mean(dx, grads, dz, x):
    return dx, {name: len(x) * gradient for name, gradient in grads.items()}


def bias_averaged(dx, grads, dz, x):
    return dx, grads | {"bias": grads["bias"] / len(x)}


def upstream_ignored(dx, grads, dz, x):
    return dx, grads | {"weight": np.ones_like(dz).T @ x}


def input_gradient_off_by_a_millionth(dx, grads, dz, x):
    return dx * (1 + 1e-6), grads


def one_entry_halved(dx, grads, dz, x):
    grads["weight"][1, 2] /= 2
    return dx, grads


def not_a_number(dx, grads, dz, x):
    grads["weight"][0, 0] = np.nan
    return dx, grads


def transposed(dx, grads, dz, x):
    return dx, grads | {"weight": grads["weight"].T}


def bias_not_summed(dx, grads, dz, x):
    return dx, grads | {"bias": dz}


def never_written(dx, grads, dz, x):
    return dx, {"weight": grads["weight"]}


def low_precision(dx, grads, dz, x):
    return dx.astype("float32"), grads


def misnamed(dx, grads, dz, x):
    return dx, {"W": grads["weight"], "bias": grads["bias"]}


MUTANTS = {
    sign_flipped: {"weight": "sign-flipped"},
    missing_mean: {"weight": "missing-mean", "bias": "missing-mean"},
    bias_averaged: {"bias": "bias-averaged"},
    upstream_ignored: {"weight": "upstream-ignored"},
    input_gradient_off_by_a_millionth: {"x": "constant-factor"},
    one_entry_halved: {"weight": "constant-factor"},
    not_a_number: {"weight": "non-finite"},
    transposed: {"weight": "transposed"},
    bias_not_summed: {"bias": "bias-not-summed"},
    never_written: {"bias": "never-written"},
    low_precision: {"x": "dtype-changed"},
    misnamed: {"weight": "never-written", "W": "shape-mismatch"},
}


@pytest.mark.parametrize("change", MUTANTS, ids=lambda change: change.__name__)
def test_wrong_gradients_fail_and_only_they(change, device):
    report = parity.check(mutant(change), (5, 4), against=nn.Linear(4, 3), device=device)
    assert report.verdict == "fail"
    assert not report.ok
    assert {row.name: row.cause for row in report.rows if row.verdict == "fail"} == MUTANTS[change]


class Unmasked(scratch.ReLU):
    """The commonest mistake with ReLU: dz = da."""

    def backward(self, da, slope):
        return da.copy(), {}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("seed", range(4))
def test_a_relu_without_its_mask_is_caught(seed, dtype, device):
    alone = parity.check(Unmasked(), (5, 4), against=nn.ReLU(), seed=seed, dtype=dtype, device=device)
    assert alone.verdict == "fail"
    net = scratch.Sequential(scratch.Linear(4, 6, rng=0), Unmasked(), scratch.Linear(6, 3, rng=1))
    twin = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    report = parity.check(net, (5, 4), against=twin, seed=seed, dtype=dtype, device=device)
    assert {row.name for row in report.rows if row.verdict == "fail"} == {"x", "0.weight", "0.bias"}
    right = parity.check(scratch.ReLU(), (5, 4), against=nn.ReLU(), seed=seed, dtype=dtype, device=device)
    assert right.ok
    assert right.rows[1].hides < 1e-5
    assert not right.rows[1].blurred


def test_no_gradient_proves_nothing():
    class Silent(scratch.ReLU):
        def backward(self, da, slope):
            return None, {}

    report = parity.check(Silent(), (5, 4), against=nn.ReLU())
    assert (report.verdict, report.ok) == ("void", False)
    assert "no gradient was returned" in str(report)


def test_the_wrong_entry_is_named():
    report = parity.check(mutant(one_entry_halved), (5, 4), against=nn.Linear(4, 3))
    (row,) = (row for row in report.rows if row.verdict == "fail")
    assert row.worst.index == (1, 2)
    assert row.worst.ours == pytest.approx(row.worst.theirs / 2)


def test_a_wrong_forward_is_not_blamed_on_backward():
    class Shifted(scratch.Linear):
        def forward(self, x):
            z, cache = super().forward(x)
            return z + 0.5, cache

    report = parity.check(Shifted(4, 3, rng=0), (5, 4), against=nn.Linear(4, 3))
    assert [cause.code for cause in report.causes] == ["forward-mismatch"]
    assert "the mistake is in backward" not in str(report)


def test_void_where_nothing_is_proved():
    silent = parity.check(scratch.ReLU(), -np.ones((2, 3)), against=nn.ReLU())
    empty = parity.check(scratch.ReLU(), (0, 3), against=nn.ReLU())
    assert (silent.verdict, silent.ok) == (empty.verdict, empty.ok) == ("void", False)
    assert "Nothing was proved" in str(silent)


def test_wrt_chooses_the_inputs_that_are_judged():
    x, target = np.ones((2, 3)) / 4, np.ones((2, 3))
    report = parity.check(scratch.losses.bce, x, target, against=nn.functional.binary_cross_entropy, wrt="output")
    assert [(row.kind, row.name) for row in report.rows] == [("output", "output"), ("input", "output")]
    both = parity.check(scratch.losses.mse, x, target, against=nn.functional.mse_loss, wrt=["output", "target"])
    assert {row.name: row.cause for row in both.rows if row.verdict == "fail"} == {"target": "never-written"}


def test_same_seed_same_report_other_seed_other_numbers():
    first, again, other = (
        str(parity.check(scratch.Linear(4, 3, rng=0), (5, 4), against=nn.Linear(4, 3), seed=seed)) for seed in (1, 1, 2)
    )
    assert first == again != other


def test_assert_parity_raises_the_report():
    with pytest.raises(parity.GradientMismatch, match="1 of 4 differ") as caught:
        parity.assert_parity(mutant(sign_flipped), (5, 4), against=nn.Linear(4, 3))
    assert isinstance(caught.value, AssertionError)
    assert caught.value.report.verdict == "fail"
    assert parity.assert_parity(Right(4, 3, rng=0), (5, 4), against=nn.Linear(4, 3)).ok


def test_tensors_and_integers_are_taken_as_inputs():
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert parity.check(scratch.Linear(4, 3), x, against=nn.Linear(4, 3)).ok
    target = torch.tensor([0, 2, 1, 1, 0])
    loss = scratch.losses.cross_entropy
    assert parity.check(loss, x.detach(), target, against=nn.functional.cross_entropy).ok


def test_compare_judges_any_computation():
    def ours(arrays):
        return {"square": arrays["x"] * arrays["x"]}

    def theirs(tensors):
        return {"square": tensors["x"].square()}

    x = {"x": np.array([1.5, -2.25, 1e-200])}
    assert parity.compare(ours, theirs, x, "squares").ok
    report = parity.compare(lambda a: {"square": a["x"] ** 2 * (1 + 1e-12)}, theirs, x, "squares")
    assert report.verdict == "fail"
    assert report.worst.share > 1
    assert not math.isinf(report.worst.share)


def test_a_forward_of_another_size_is_a_finding():
    class Doubled(scratch.Linear):
        def forward(self, x):
            z, cache = super().forward(x)
            return np.concatenate([z, z]), cache

        def backward(self, dz, x):
            return super().backward(dz[: len(x)] + dz[len(x) :], x)

    report = parity.check(Doubled(4, 3, rng=0), (5, 4), against=nn.Linear(4, 3))
    first = report.rows[0]
    assert (first.name, first.cause, first.note) == (
        "output",
        "shape-mismatch",
        "expected (5, 3)",
    )
    assert [row.verdict for row in report.rows] == [
        "fail",
        "pass",
        "pass",
        "pass",
    ]  # backward is right for this forward
    assert report.verdict == "fail"


def test_a_loss_that_promotes_float32_is_seen():
    def promoting(output, target):
        J, dy = scratch.losses.mse(output, target)
        return np.float64(J), dy.astype("float64")

    report = parity.check(promoting, (4, 2), (4, 2), against=nn.functional.mse_loss, dtype="float32")
    assert [row.cause for row in report.rows] == ["dtype-changed"] * 2
