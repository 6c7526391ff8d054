"""Does dropout keep the right share at the right scale, take one mask there and back, and rest in evaluation?"""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import parity
import scratch
from parity_tests.beside_torch import beside_torch

RNG = np.random.default_rng(5)
X = RNG.normal(size=(40, 50))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 5), max_size=4), st.floats(0, 1))
def test_evaluation_is_torchs(shape, p):
    x = RNG.normal(size=shape)
    y, _, _ = beside_torch(scratch.Dropout(p).eval(), nn.Dropout(p).eval(), x)
    assert (y == x).all()


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.floats(0, 1), st.integers(0, 1000))
def test_entries_are_dropped_or_scaled_and_gradients_take_the_same_mask(p, seed):
    layer = scratch.Dropout(p, rng=seed)
    y, cache = layer.forward(X)
    layer.forward(X)  # another draw does not touch the pending one
    dy = RNG.normal(size=X.shape)
    dx, grads = layer.backward(dy, cache)
    held = y != 0
    scale = 1 / (1 - p) if p < 1 else 0.0
    assert y == pytest.approx(np.where(held, X * scale, 0), rel=1e-15)
    assert dx == pytest.approx(np.where(held, dy * scale, 0), rel=1e-15)
    assert grads == {}


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_kept_share_and_the_mean(p):
    """Of 200,000 entries, within 5 standard errors: √(p (1 − p)/n) of the share, √(p/(1 − p)/n) of the mean."""
    n = 200_000
    y = scratch.Dropout(p, rng=3)(np.ones(n))
    assert np.mean(y != 0) == pytest.approx(1 - p, abs=5 * np.sqrt(p * (1 - p) / n))
    assert y.mean() == pytest.approx(1, abs=5 * np.sqrt(p / (1 - p) / n))
    assert set(np.unique(y)) == {0, 1 / (1 - p)}


def test_neighbours_are_dropped_independently():
    kept = scratch.Dropout(0.5, rng=3)(np.ones((500, 400))) != 0
    for other in (kept[:, 1:], kept[1:]):
        pairs = np.mean(other & kept[: len(other), : other.shape[1]])
        assert pairs == pytest.approx(0.25, abs=5 * np.sqrt(0.25 * 0.75 / other.size))


def test_nothing_and_everything():
    """p = 0 and p = 1 as torch has them, training mode included."""
    for p in (0.0, 1.0):
        y, dx, _ = beside_torch(scratch.Dropout(p), nn.Dropout(p), X)
        assert (y == (1 - p) * X).all()
        assert y is not X
        assert not np.shares_memory(y, X)
        assert not np.shares_memory(dx, y)


def test_the_generator_is_its_own():
    before = np.random.get_state()[1].tolist()  # noqa: NPY002 (it must stay as it is)
    first, same, other = (scratch.Dropout(0.5, rng=seed)(X) for seed in (1, 1, 2))
    assert (first == same).all()
    assert (first != other).any()
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    generator = np.random.default_rng(1)
    layer = scratch.Dropout(0.5, rng=generator)
    assert layer.rng is generator
    assert (layer(X) == first).all()
    assert (layer(X) != first).any()


def test_evaluation_hands_back_arrays_of_its_own():
    layer = scratch.Dropout(0.5).eval()
    y, cache = layer.forward(X)
    dx, _ = layer.backward(y, cache)
    assert (dx == y).all()
    assert not np.shares_memory(y, X)
    assert not np.shares_memory(dx, y)


def test_evaluation_draws_nothing():
    layer = scratch.Dropout(0.5, rng=1)
    layer.eval()(X)
    assert (layer.train()(X) == scratch.Dropout(0.5, rng=1)(X)).all()


def test_float32_drops_the_same_entries_and_stays_float32():
    layer = scratch.Dropout(0.3, rng=1)
    y, cache = layer.forward(X.astype(np.float32))
    dx, _ = layer.backward(y, cache)
    assert {y.dtype, dx.dtype} == {np.dtype(np.float32)}
    assert ((y != 0) == (scratch.Dropout(0.3, rng=1)(X) != 0)).all()


def test_a_network_rests_and_wakes_as_a_whole():
    net = scratch.Sequential(scratch.Linear(4, 4, rng=0), scratch.Residual(scratch.Dropout(0.5, rng=1)))
    x = RNG.normal(size=(5, 4))
    assert (net.eval()(x) == 2 * net.layers[0](x)).all()
    assert (net.train()(x) != 2 * net.layers[0](x)).any()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_checker_finds_it_right_as_it_is_used(dtype):
    shared = scratch.Dropout(0.4, rng=2)
    net = scratch.Sequential(shared, scratch.Linear(4, 3, rng=1), scratch.Tanh(), shared)
    parity.assert_parity(net, (6, 4), dtype=dtype)


def test_one_layer_in_two_places_draws_twice():
    layer = scratch.Dropout(0.5, rng=1)
    y, caches = scratch.Sequential(layer, layer).forward(np.ones(1000))
    masks = [cache[1] for cache in caches]
    assert (masks[0] != masks[1]).any()
    assert set(np.unique(y)) == {0.0, 4.0}


def test_any_memory_layout_gives_the_same_numbers():
    layer = scratch.Dropout(0.5, rng=1)
    readonly = X.copy()
    readonly.flags.writeable = False
    expected, cache = copy.deepcopy(layer).forward(X)
    for x in (np.asfortranarray(X), X[::-1].copy()[::-1], np.repeat(X, 2, axis=1)[:, ::2], readonly):
        y, _ = copy.deepcopy(layer).forward(x)
        assert (y == expected).all()
        assert (layer.backward(x, cache)[0] == layer.backward(X, cache)[0]).all()


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan")])
def test_what_is_no_probability_is_refused(p):
    with pytest.raises(ValueError, match="Dropout: expected p as a probability from 0 to 1, got"):
        scratch.Dropout(p)
    with pytest.raises(ValueError, match="MultiheadAttention: expected dropout as a probability"):
        scratch.MultiheadAttention(4, 2, dropout=p)


@pytest.mark.parametrize("mode", [True, False])
def test_other_arrays_are_refused(mode):
    layer = scratch.Dropout(0.5).train(mode)
    for wrong, kind in ((np.ones(3, int), "int64"), (np.ones(3, bool), "bool"), (torch.ones(3), "Tensor")):
        with pytest.raises(TypeError, match=f"Dropout: expected x as .*got {kind}"):
            layer(wrong)
    _, cache = layer.forward(X)
    with pytest.raises(ValueError, match=r"Dropout: expected dy of shape \(40, 50\), got \(40,\)"):
        layer.backward(X[:, 0], cache)
    with pytest.raises(TypeError, match="dy is float32 but x is float64"):
        layer.backward(X.astype(np.float32), cache)


def test_the_repr_names_the_share():
    assert repr(scratch.Dropout(0.25)) == "Dropout(0.25)"
