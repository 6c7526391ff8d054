"""Does attention keep the contract: dropout in its cache, pending calls, layouts, float32, torch's names and start?"""

import numpy as np
import pytest
from torch import nn

import parity
import scratch
from parity_tests.beside_torch import beside_torch
from parity_tests.cases import redrawn
from parity_tests.test_attention import RNG, E, H, L, N, S, built, drawn


def test_dropout_keeps_the_right_share_and_returns_the_dropped_weights():
    """Within 5 standard errors of the share 1 − p for 40,000 weights."""
    p, n = 0.3, 100
    ours = scratch.MultiheadAttention(8, 4, dropout=p, rng=1, batch_first=True)
    x = RNG.normal(size=(1, n, 8))
    (y, weights), call = ours.forward(x, x, x, average_attn_weights=False)
    held = weights != 0
    assert held.mean() == pytest.approx(1 - p, abs=5 * np.sqrt(p * (1 - p) / held.size))
    full = ours.eval()(x, x, x, average_attn_weights=False)[1]
    assert weights[held] == pytest.approx(full[held] / (1 - p), rel=1e-14)
    assert y.shape == x.shape
    first, again = (ours.backward((y, weights), call)[0][0] for _ in range(2))
    assert (first == again).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_gradients_pass_through_the_dropped_weights(dtype):
    """Both of the output and of the weights; the checker runs copies, so each of its calls draws the same."""
    ours = redrawn(scratch.MultiheadAttention(E, H, dropout=0.4, rng=1))
    parity.assert_parity(ours, (L, N, E), (S, N, E), (S, N, E), dtype=dtype)


def test_evaluation_and_no_dropout_draw_nothing():
    x = RNG.normal(size=(L, N, E))
    ours = scratch.MultiheadAttention(E, H, dropout=0.5, rng=1)
    state = ours.rng.bit_generator.state
    ours.eval()(x, x, x)
    assert ours.rng.bit_generator.state == state
    ours.train()(x, x, x)
    assert ours.rng.bit_generator.state != state


def test_two_pending_calls():
    ours, _ = built()
    (x,) = drawn((L, N, E))
    (y, weights), call = ours.forward(x, x, x)
    expected = ours.backward((y, weights), call)
    (_, _), later = ours.forward(2 * x, x, x)
    ours.backward((y, weights), later)
    again = ours.backward((y, weights), call)
    for one, other in zip((*expected[0], *expected[1].values()), (*again[0], *again[1].values()), strict=True):
        assert (one == other).all()
        assert not np.shares_memory(one, other)


def test_any_memory_layout_gives_the_same_numbers():
    ours, _ = built()
    inputs = drawn((L, N, E), (S, N, E), (S, N, E))
    mask = RNG.normal(size=(L, S))
    outputs, call = ours.forward(*inputs, attn_mask=mask)
    expected = ours.backward(outputs, call)
    for way in (np.asfortranarray, reversed_twice, strided, readonly):
        other, other_call = ours.forward(*map(way, inputs), attn_mask=way(mask))
        found = ours.backward(tuple(map(way, outputs)), other_call)
        assert other[0] == pytest.approx(outputs[0], rel=1e-12)
        for one, two in zip((*expected[0], *expected[1].values()), (*found[0], *found[1].values()), strict=True):
            assert (one is two is None) or two == pytest.approx(one, rel=1e-11, abs=1e-13)


def reversed_twice(array):
    return array[::-1].copy()[::-1]


def strided(array):
    return np.repeat(array, 2, axis=-1)[..., ::2]


def readonly(array):
    copied = array.copy()
    copied.flags.writeable = False
    return copied


@pytest.mark.parametrize("options", [{}, {"kdim": 3, "vdim": 5}, {"bias": False, "dropout": 0.2}])
def test_float32_stays_float32(options):
    ours = scratch.MultiheadAttention(E, H, rng=1, dtype="float32", **options)
    query, key, value, mask = (
        x.astype("f") for x in drawn((L, N, E), (S, N, options.get("kdim", E)), (S, N, options.get("vdim", E)), (L, S))
    )
    outputs, call = ours.forward(query, key, value, attn_mask=mask)
    dinputs, grads = ours.backward(outputs, call)
    arrays = [*outputs, *(d for d in dinputs if d is not None), *grads.values(), *scratch.state_dict(ours).values()]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_without_weights_the_output_stands_alone():
    ours, _ = built()
    inputs = drawn((L, N, E), (S, N, E), (S, N, E))
    y = ours(*inputs, need_weights=False)
    assert isinstance(y, np.ndarray)
    assert (y == ours(*inputs)[0]).all()


def test_an_empty_batch_and_no_queries():
    ours, twin = built()
    beside_torch(ours, twin, *drawn((L, 0, E), (S, 0, E), (S, 0, E)))
    beside_torch(ours, twin, *drawn((0, N, E), (S, N, E), (S, N, E)))


@pytest.mark.parametrize("options", [{}, {"kdim": 3}, {"vdim": 7, "bias": False}, {"kdim": 4, "vdim": 4}])
def test_weights_have_torchs_names_and_cross_both_ways(options):
    ours, twin = scratch.MultiheadAttention(4, 2, rng=1, **options), nn.MultiheadAttention(4, 2, **options).double()
    assert list(scratch.state_dict(ours)) == list(twin.state_dict())
    parity.to_torch(ours, twin)
    back = parity.to_scratch(twin, scratch.MultiheadAttention(4, 2, rng=2, **options))
    assert all((scratch.state_dict(back)[name] == w).all() for name, w in scratch.state_dict(ours).items())


def test_weights_start_as_torchs():
    """Bounds as torch's, √(6/(rows + columns)) and 1/√columns; variances b²/3 within 5 standard errors, √(0.8/n)."""
    packed, apart = scratch.MultiheadAttention(128, 4, rng=0), scratch.MultiheadAttention(128, 4, kdim=64, rng=0)
    bounds = {"in_proj_weight": np.sqrt(6 / 512), "out_proj.weight": 1 / np.sqrt(128)}
    bounds |= {"q_proj_weight": np.sqrt(6 / 256), "k_proj_weight": np.sqrt(6 / 192), "v_proj_weight": np.sqrt(6 / 256)}
    twins = nn.MultiheadAttention(128, 4), nn.MultiheadAttention(128, 4, kdim=64)
    for ours, twin in zip((packed, apart), twins, strict=True):
        for name, w in scratch.state_dict(ours).items():
            if "bias" in name:
                assert not w.any()
                assert not twin.state_dict()[name].any()
                continue
            assert 0.99 * bounds[name] < np.abs(w).max() <= bounds[name]
            assert 0.99 * bounds[name] < twin.state_dict()[name].abs().max() <= np.float32(bounds[name])
            assert w.var() == pytest.approx(bounds[name] ** 2 / 3, rel=5 * np.sqrt(0.8 / w.size))


def test_reprs_name_the_arguments():
    assert repr(scratch.MultiheadAttention(4, 2)) == "MultiheadAttention(4, 2)"
    assert repr(scratch.MultiheadAttention(4, 2, 0.1, bias=False, vdim=3, batch_first=True)) == (
        "MultiheadAttention(4, 2, dropout=0.1, bias=False, kdim=4, vdim=3, batch_first=True)"
    )
