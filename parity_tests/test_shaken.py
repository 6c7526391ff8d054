"""Does shaken arithmetic move what it must, by one unit in the last place, and nothing else?"""

import numpy as np
import pytest
import torch
from torch import nn

import parity
import scratch
from parity.rounding.budget import FEWEST, SOME, measure
from parity.rounding.shaken import Directions, ShakenArray, moved, shaken
from parity.rounding.shaken_torch import ShakenTorch

DRAWS = 40


def spread(compute, base):
    """The set of distances from base over many runs, in units in the last place of base."""
    runs = [np.asarray(compute(Directions(seed)), float) for seed in range(DRAWS)]
    return [sorted({float(run.flat[i] - b) for run in runs}) for i, b in enumerate(np.ravel(base))]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_move_is_one_unit_and_never_crosses_an_edge(dtype):
    values = np.array([0.3, -7.0, 1e30, 0.0, 1.0, -1.0, np.inf, -np.inf], dtype)
    unit = [float(u) for u in np.spacing(np.abs(values[:6]))]
    with np.errstate(invalid="ignore"):
        found = spread(lambda directions: moved(values, directions), values)
    for i in range(3):
        assert found[i] == [-unit[i], 0.0, unit[i]]
    assert found[3] == [0.0]
    assert found[4] == [-unit[4], 0.0]
    assert found[5] == [0.0, unit[5]]
    assert all(np.isnan(distance) for i in (6, 7) for distance in found[i])  # inf − inf: they stayed


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_zero_moves_only_where_it_is_an_underflow(dtype):
    """A mask's 0 is exact: moved, it would open what is closed, and a ReLU without its mask would pass."""
    small, mask = np.array([np.finfo(dtype).tiny] * 2), np.array([1.0, 0.0], dtype)
    runs = [np.asarray(shaken_exactly(small, seed) * small * mask) for seed in range(DRAWS)]
    assert {bool(run[0]) for run in runs} == {False, True}
    assert max(run[0] for run in runs) <= 2 * np.finfo(dtype).smallest_subnormal
    assert {float(run[1]) for run in runs} == {0.0}
    opened = [np.asarray(np.maximum(shaken_exactly(-small, seed), 0)) for seed in range(DRAWS)]
    assert not any(run.any() for run in opened)


def test_every_arithmetic_result_is_moved_and_stays_shaken():
    x = np.array([1.5, 2.5, 3.5])
    for compute in (lambda a: a + a, lambda a: np.exp(a), lambda a: a @ a, lambda a: a.dot(a), lambda a: a.sum()):
        results = [compute(shaken_exactly(x, seed)) for seed in range(DRAWS)]
        assert all(isinstance(result, ShakenArray) for result in results)
        assert len({np.asarray(result).tobytes() for result in results}) > 1


def shaken_exactly(x, seed):
    """A ShakenArray that still holds x itself, so that only what is computed from it moves."""
    array = shaken(x, Directions(seed))
    np.asarray(array)[...] = x
    return array


def test_moving_data_moves_no_value():
    x = np.arange(6.0).reshape(2, 3) + 0.1
    array = shaken_exactly(x, 0)
    for view in (array.T, array[0], array.reshape(3, 2), np.broadcast_to(array, (4, 2, 3)), np.transpose(array)):
        assert isinstance(view, ShakenArray)
        assert np.shares_memory(view, array)
    assert (np.asarray(array.T) == x.T).all()


def test_in_place_results_are_moved_in_place():
    found = set()
    for seed in range(DRAWS):
        array = shaken_exactly(np.array([1.5]), seed)
        alias = np.asarray(array)
        array *= 3
        np.add(array, 0.1, out=array)
        np.dot(array[:, None], np.array([1.0]), out=array)
        found.add(float(alias[0]))
    assert len(found) > 3
    assert all(value == pytest.approx(4.6, rel=1e-14) for value in found)


def test_integers_and_booleans_are_left_alone():
    array = shaken_exactly(np.array([0.5, -0.5]), 0)
    assert (array > 0).tolist() == [True, False]
    assert array.argmax() == 0


def test_torchs_backward_is_moved_too(device):
    z = torch.tensor([0.3, -2.0], dtype=torch.float64, device=device)

    def gradient():
        leaf = z.clone().requires_grad_()
        return torch.autograd.grad(torch.sigmoid(leaf).sum(), leaf)[0].cpu()

    base, found = gradient(), []
    for seed in range(DRAWS):
        with ShakenTorch(Directions(seed)):
            found.append(gradient())
    assert len({tuple(run.tolist()) for run in found}) > 3
    assert all(torch.allclose(run, base, rtol=1e-14, atol=0) for run in found)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("side", ["ours", "torch"])
def test_sums_and_products_hide_no_rounding(side, dtype):
    """The terms of one call round inside it; the moves must still explain the error of 20,000 of them."""
    rng = np.random.default_rng(0)
    terms = rng.uniform(0.5, 1.5, (20_000, 3)).astype(dtype)
    weights = rng.uniform(0.5, 1.5, (20_000, 2)).astype(dtype)

    def compute(a, b):
        return [a.T @ b, a.sum(0), a.sum(), a[:, 0] @ b[:, 0]]

    def run(seed):
        if side == "ours":
            return [np.asarray(result, float) for result in compute(shaken_exactly(terms, seed), weights)]
        with ShakenTorch(Directions(seed)):
            return [result.double().numpy() for result in compute(torch.tensor(terms), torch.tensor(weights))]

    exact = [
        np.asarray(result, float) for result in compute(terms.astype(np.longdouble), weights.astype(np.longdouble))
    ]
    base = [np.asarray(result, float) for result in compute(torch.tensor(terms), torch.tensor(weights))]
    if side == "ours":
        base = [np.asarray(result, float) for result in compute(terms, weights)]
    runs = [run(seed) for seed in range(16)]
    for i in range(len(base)):
        largest = np.max([np.abs(found[i] - base[i]) for found in runs], axis=0)
        assert (np.abs(base[i] - exact[i]) <= 2 * largest + np.spacing(exact[i])).all()


def test_fused_kernels_hide_no_rounding(device):
    """In log-softmax's backward 1 − p cancels inside one kernel; the moves must still explain its error."""
    rng = np.random.default_rng(0)
    target = torch.tensor(rng.integers(0, 3, 60), device=device)
    logits = rng.normal(0, 2, (60, 3))
    logits[np.arange(60), target.cpu()] += 8
    z = torch.tensor(logits, device=device)

    def gradient():
        leaf = z.clone().requires_grad_()
        return torch.autograd.grad(torch.nn.functional.cross_entropy(leaf, target), leaf)[0].cpu().numpy()

    from scratch.losses import cross_entropy

    _, exact = cross_entropy(logits, target.cpu().numpy())
    base, largest = gradient(), np.zeros_like(exact)
    for seed in range(16):
        with ShakenTorch(Directions(seed)):
            largest = np.maximum(largest, np.abs(gradient() - base))
    assert (np.abs(base - exact) > 64 * np.spacing(np.abs(exact))).any()  # torch does lose digits here
    assert (np.abs(base - exact) <= 2 * largest).all()


def test_no_entry_of_many_is_never_moved():
    """Below −8.3 torch's 1 + erf is 0 exactly; a move of erf by one unit explains it, in every one of 16,000."""
    z = np.random.default_rng(0).uniform(-10, -8.3, 16_000)
    report = parity.check(scratch.GELU(), z, against=nn.GELU())
    assert report.ok, str(report)


@pytest.mark.parametrize(("off", "looks"), [(0.0, 0), (1e-6, FEWEST)])
def test_a_large_reference_is_shaken_only_where_ours_does_not_explain_the_difference(off, looks):
    x, seen = np.random.default_rng(0).normal(size=SOME + 1), []

    def theirs(arrays, directions):
        seen.append(arrays["x"])
        return {"dx": 2 * moved(arrays["x"], directions) + off}

    budget = measure(lambda arrays: {"dx": 2 * arrays["x"]}, theirs, {"x": x}, {"dx": 2 * x}, {"dx": 2 * x + off}, 0)
    assert len(seen) == looks
    assert (budget["dx"] > 0).all()
    assert budget["dx"].max() < 1e-6


def test_a_large_array_of_ones_own_is_moved_where_it_is_and_anothers_is_not():
    for dtype in (float, complex):
        theirs = np.ones((200, 200), dtype)
        assert not np.shares_memory(moved(theirs, Directions(0)), theirs)
        assert (theirs == 1).all()
        ours = theirs.copy()
        assert np.shares_memory(moved(ours, Directions(0), own=True), ours)
        assert 0 < np.abs(ours - 1).max() < 1e-15
