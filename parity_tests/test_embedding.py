"""Is the embedding torch's: repeated indices add up, the padding row rests, indices have no gradient?"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import parity
import scratch
from parity_tests.beside_torch import assert_close, beside_torch

RNG = np.random.default_rng(5)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.data(), st.integers(1, 9), st.integers(1, 5), st.lists(st.integers(0, 4), max_size=3), st.booleans())
def test_it_is_torchs(data, rows, width, shape, short):
    padding = data.draw(st.none() | st.integers(-rows, rows - 1))
    x = RNG.integers(0, rows, shape).astype("int32" if short else "int64")
    ours = scratch.Embedding(rows, width, padding, rng=1)
    y, dx, grads = beside_torch(ours, nn.Embedding(rows, width, padding), x)
    assert dx is None
    assert not np.shares_memory(y, ours.weight)
    if padding is not None:
        assert not grads["weight"][padding].any()
        assert not ours.weight[padding].any()


@pytest.mark.parametrize("rows", [1, 255, 256, 257, 65_535, 65_536, 65_537])
def test_any_size_of_table(rows):
    """Indices are sorted in 8, 16 or 32 bits, whichever hold them: the last row of each size."""
    x = np.concatenate([RNG.integers(0, rows, 50), [rows - 1, 0, rows - 1, 0]])
    beside_torch(scratch.Embedding(rows, 2, rng=1), nn.Embedding(rows, 2), x)


def test_one_index_that_is_a_number():
    layer = scratch.Embedding(5, 3, rng=1)
    y, cache = layer.forward(np.int64(2))
    assert (y == layer.weight[2]).all()
    assert not np.shares_memory(y, layer.weight)
    assert (layer.backward(y, cache)[1]["weight"][2] == y).all()


def test_one_index_many_times_adds_up():
    layer = scratch.Embedding(5, 3, rng=1)
    _, x = layer.forward(np.full((20, 30), 2))
    _, grads = layer.backward(np.ones((20, 30, 3)), x)
    assert (grads["weight"] == np.where(np.arange(5)[:, None] == 2, 600.0, 0)).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_checker_agrees_where_the_padding_row_is_met(dtype):
    """No derivative of the forward, but what torch defines it to be: the twin decides."""
    words = np.array([[2, 0, 0], [1, 2, 4]])
    ours = scratch.Embedding(5, 3, padding_idx=2, rng=1)
    parity.assert_parity(ours, words, against=nn.Embedding(5, 3, padding_idx=2), dtype=dtype)


def test_it_stands_before_other_layers():
    net = scratch.Sequential(scratch.Embedding(6, 4, rng=1), scratch.LayerNorm(4), scratch.Linear(4, 2, rng=2))
    twin = nn.Sequential(nn.Embedding(6, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    dx, grads = beside_torch(net, twin, RNG.integers(0, 6, (3, 7)))[1:]
    assert dx is None
    assert list(grads) == ["2.weight", "2.bias", "1.weight", "1.bias", "0.weight"]


def test_two_pending_calls():
    layer = scratch.Embedding(6, 4, rng=1)
    x, other = np.array([1, 1, 3]), np.array([0, 2])
    y, cache = layer.forward(x)
    _, later = layer.forward(other)
    layer.backward(np.ones((2, 4)), later)
    assert_close(layer.backward(y, cache)[1]["weight"], reference(layer.weight, x, y), 1e-15, 1)


def reference(weight, x, dy):
    table = torch.from_numpy(weight.copy()).requires_grad_()
    nn.functional.embedding(torch.from_numpy(x), table).backward(torch.from_numpy(dy))
    return table.grad


def test_any_memory_layout_gives_the_same_numbers():
    layer = scratch.Embedding(6, 4, rng=1)
    x = RNG.integers(0, 6, (5, 7))
    dy = RNG.normal(size=(5, 7, 4))
    expected = reference(layer.weight, x, dy)
    readonly = dy.copy()
    readonly.flags.writeable = False
    for indices in (np.asfortranarray(x), x[::-1].copy()[::-1], np.repeat(x, 2, axis=1)[:, ::2]):
        y, cache = layer.forward(indices)
        assert (y == layer.weight[x]).all()
        for g in (readonly, np.asfortranarray(dy), dy[:, ::-1].copy()[:, ::-1]):
            assert_close(layer.backward(g, cache)[1]["weight"], expected, 1e-15, 1)


def test_float32_stays_float32():
    layer = scratch.Embedding(6, 4, rng=1, dtype="float32")
    y, cache = layer.forward(np.array([[1, 1], [2, 5]]))
    _, grads = layer.backward(y, cache)
    assert {layer.weight.dtype, y.dtype, grads["weight"].dtype} == {np.dtype(np.float32)}


def test_huge_and_small_gradients_keep_their_digits():
    """Rows are added one to another only: a huge one does not reach a small one."""
    layer = scratch.Embedding(3, 2, rng=1)
    sizes = np.array([1e8, 1e-8, 1e8, 1e-8])
    _, cache = layer.forward(np.array([0, 1, 0, 1]))
    _, grads = layer.backward(np.stack([sizes, -sizes], axis=1), cache)
    assert grads["weight"] == pytest.approx(np.array([[2e8, -2e8], [2e-8, -2e-8], [0, 0]]), rel=1e-15)


def test_weights_cross_both_ways():
    ours, twin = scratch.Embedding(6, 4, padding_idx=1, rng=1), nn.Embedding(6, 4, padding_idx=1).double()
    parity.to_torch(ours, twin)
    assert (twin.weight.detach().numpy() == ours.weight).all()
    other = parity.to_scratch(nn.Embedding(6, 4).double(), ours)
    assert other.weight[1].any()


def test_rows_start_normal_but_for_the_padding_row():
    """Mean and variance of 40,000 draws within 5 standard errors, 1/√n and √(2/n)."""
    weight = scratch.Embedding(401, 100, padding_idx=-1, rng=0).weight
    assert not weight[-1].any()
    drawn = weight[:-1]
    assert abs(drawn.mean()) < 5 / np.sqrt(drawn.size)
    assert drawn.var() == pytest.approx(1, abs=5 * np.sqrt(2 / drawn.size))
    assert np.abs(drawn).max() > 3.5  # no uniform distribution of that variance reaches 1.8
    assert (scratch.Embedding(401, 100, padding_idx=-1, rng=np.random.default_rng(0)).weight == weight).all()


TABLE = scratch.Embedding(6, 4, rng=1)
REFUSED = {
    "float": (
        lambda: TABLE(np.array([1.0])),
        TypeError,
        "Embedding: expected x as an int64 or int32 array, got float64",
    ),
    "bytes": (lambda: TABLE(np.array([1], np.uint8)), TypeError, "got uint8"),
    "bool": (lambda: TABLE(np.array([True])), TypeError, "got bool"),
    "list": (lambda: TABLE([1, 2]), TypeError, "got list"),
    "tensor": (lambda: TABLE(torch.tensor([1])), TypeError, "got Tensor"),
    "high": (lambda: TABLE(np.array([[1, 2], [6, 0]])), ValueError, r"x\[1, 0\] is 6; expected every entry in 0\.\.5"),
    "low": (lambda: TABLE(np.array([0, -1])), ValueError, r"x\[1\] is -1; expected every entry in 0\.\.5"),
    "padding": (lambda: scratch.Embedding(6, 4, 6), ValueError, "expected padding_idx inside 6 rows, got 6"),
    "padding-low": (lambda: scratch.Embedding(6, 4, -7), ValueError, "expected padding_idx inside 6 rows, got -7"),
    "no-rows": (lambda: scratch.Embedding(0, 4), ValueError, "num_embeddings as a whole number from 1 up, got 0"),
    "dy": (lambda: TABLE.backward(np.ones(4), np.array([1])), ValueError, r"dy of shape \(1, 4\), got \(4,\)"),
    "dy-dtype": (
        lambda: TABLE.backward(np.ones((1, 4), "f"), np.array([1])),
        TypeError,
        "dy is float32 but weight is float64",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        call()


def test_reprs_name_the_arguments():
    assert repr(scratch.Embedding(6, 4)) == "Embedding(6, 4)"
    assert repr(scratch.Embedding(6, 4, padding_idx=-1)) == "Embedding(6, 4, padding_idx=5)"
