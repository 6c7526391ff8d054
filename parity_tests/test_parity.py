"""Is every layer, neuron, model and loss by hand what autograd computes of its twin?"""

import numpy as np
import pytest
from torch import nn

import parity
import scratch
from parity_tests.cases import CASES, Case

DTYPES = ("float64", "float32")


def check(case: Case, seed, **options):
    inputs = case.given(np.random.default_rng(seed))
    return parity.check(case.hand(), *inputs, against=case.twin() if case.against else None, seed=seed, **options)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_gradient_agrees(case, dtype, device):
    report = check(case, seed=3, dtype=dtype, device=device)
    assert report.ok, str(report)
    floats = any(array.dtype.kind == "f" for array in case.drawn(np.random.default_rng(3)))
    assert {row.kind for row in report.rows} >= {"output", "input" if floats else "parameter"}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", [1, 2, 150])
def test_batches_of_one_and_many(batch, dtype, device):
    net = scratch.models.mlp((4, 5, 3), rng=batch)
    twin = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    parity.assert_parity(net, (batch, 4), against=twin, dtype=dtype, device=device, seed=batch)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1e-8, 1e-4, 30.0, 100.0, 800.0])
@pytest.mark.parametrize(
    ("layer", "twin"), [(scratch.Sigmoid, nn.Sigmoid), (scratch.Tanh, nn.Tanh), (scratch.ReLU, nn.ReLU)]
)
def test_saturated_activations_never_fail(layer, twin, size, dtype, device):
    """Warnings are errors here, so this also shows that nothing overflows. At 800 the true slopes round to 0."""
    z = size * np.array([[1.0, -1.0, 0.5, -0.25, 0.125]])
    report = parity.check(layer(), z, against=twin(), dtype=dtype, device=device)
    assert report.ok or (report.verdict == "void" and size == 800), str(report)


def test_saturated_entries_are_still_judged():
    """torch's 1 − y keeps 5 digits at z = 25: the budget says so, and an entry that is half its value still fails."""

    class Halved(scratch.Sigmoid):
        def backward(self, da, slope):
            return da * slope / 2, {}

    report = parity.check(Halved(), np.array([[25.0, -25.0]]), against=nn.Sigmoid())
    assert report.verdict == "fail"
    # at z = 25, 1 − y = 1.4e-11 is known to an ulp of y, 1.1e-16: 8e-6 of it; y is rounded up to 4 times
    right = parity.check(scratch.Sigmoid(), np.array([[25.0]]), against=nn.Sigmoid())
    assert 8e-6 < right.rows[1].hides < 16 * 8e-6
