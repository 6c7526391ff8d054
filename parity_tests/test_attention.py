"""Is attention torch's: self and cross, masks of both kinds, weights as outputs, dropout, one sequence or many?"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import parity
import scratch
from parity_tests.beside_torch import beside_torch
from parity_tests.cases import redrawn

RNG = np.random.default_rng(5)
SIZE = st.integers(1, 4)
N, H, L, S, E = 2, 2, 3, 5, 4


def built(embed_dim=E, num_heads=H, **options):
    """(ours with random weights, twin)."""
    ours = redrawn(scratch.MultiheadAttention(embed_dim, num_heads, **options))
    return ours, nn.MultiheadAttention(embed_dim, num_heads, **options)


def drawn(*shapes):
    return [RNG.normal(size=shape) for shape in shapes]


def a_mask(kind, shape):
    """A mask of that shape, boolean or float, that leaves the first key to everyone."""
    mask = RNG.random(shape) < 0.5
    mask[..., 0] = False
    if kind == "bool":
        return mask
    return np.where(mask & (kind == "inf"), -np.inf, RNG.normal(size=shape))


KIND = st.sampled_from([None, "bool", "float", "inf"])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.tuples(SIZE, SIZE, SIZE), SIZE, SIZE, st.tuples(*[st.booleans()] * 5), st.tuples(KIND, KIND), st.booleans())
def test_it_is_torchs(sizes, num_heads, width, switches, kinds, separate):
    (batch, queries, keys), (bias, batch_first, one, need_weights, average) = sizes, switches
    embed_dim, batch = num_heads * width, 1 if one else batch
    widths = (embed_dim, embed_dim + 1, 3) if separate else (embed_dim,) * 3
    options = {"kdim": widths[1], "vdim": widths[2]} if separate else {}
    ours, twin = built(embed_dim, num_heads, bias=bias, batch_first=batch_first, **options)
    lead = {n: (n,) if one else (batch, n) if batch_first else (n, batch) for n in (queries, keys)}
    inputs = drawn((*lead[queries], widths[0]), (*lead[keys], widths[1]), (*lead[keys], widths[2]))
    of_keys = a_mask(kinds[0], (keys,) if one else (batch, keys)) if kinds[0] else None
    of_pairs = (
        a_mask(kinds[1], (queries, keys) if average else (batch * num_heads, queries, keys)) if kinds[1] else None
    )
    if None not in kinds and "bool" in kinds and kinds[0] != kinds[1]:
        of_keys = None  # torch warns of two kinds
    beside_torch(ours, twin, *inputs, of_keys, need_weights, of_pairs, average)


def test_masks_of_two_kinds():
    ours, twin = built()
    inputs = drawn((L, N, E), (S, N, E), (S, N, E))
    padding, pairs = a_mask("bool", (N, S)), a_mask("float", (L, S))
    mixed = ours(*inputs, padding, True, pairs)
    both, _, _ = beside_torch(ours, twin, *inputs, np.where(padding, -np.inf, 0), True, pairs)
    assert (mixed[0] == both[0]).all()


class SelfAttention(scratch.Layer):
    """Attention of x to itself, as networks use it: query, key and value are one array."""

    def __init__(self, attention, *rest):
        self.attention, self.rest = attention, rest

    def forward(self, x):
        return self.attention.forward(x, x, x, *self.rest)

    def backward(self, dy, call):
        dinputs, grads = self.attention.backward(dy, call)
        return sum(dinputs), {f"attention.{name}": gradient for name, gradient in grads.items()}


class TorchSelfAttention(nn.Module):
    def __init__(self, attention, *rest):
        super().__init__()
        self.attention, self.rest = attention, rest

    def forward(self, x):
        outputs = self.attention(x, x, x, *self.rest)
        return outputs[0] if outputs[1] is None else outputs


CAUSAL = np.triu(np.ones((L, L), bool), 1)
WAYS = {
    "plain": (),
    "causal": (None, False, CAUSAL, True, True),
    "causal-with-weights": (None, True, CAUSAL, False, True),
    "padded": (np.array([[False, True, False], [True, False, False]]), False),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("way", WAYS)
def test_self_attention_by_one_product_is_torchs(way, dtype):
    ours, twin = built(batch_first=True)
    rest = WAYS[way]
    theirs = [torch.from_numpy(r) if isinstance(r, np.ndarray) else r for r in rest]
    parity.assert_parity(SelfAttention(ours, *rest), (N, L, E), against=TorchSelfAttention(twin, *theirs), dtype=dtype)


def test_self_attention_is_the_attention_of_three_copies():
    ours, _ = built()
    (x,) = drawn((L, N, E))
    (y, weights), call = ours.forward(x, x, x)
    (copied, _), copied_call = ours.forward(x, x.copy(), x.copy())
    assert y == pytest.approx(copied, rel=1e-12)
    both = ours.backward((y, weights), call), ours.backward((y, weights), copied_call)
    for one, other in zip(both[0][0], both[1][0], strict=True):
        assert one == pytest.approx(other, rel=1e-11, abs=1e-13)


def test_another_value_beside_one_query_and_key():
    ours, twin = built()
    x, value = drawn((L, N, E), (L, N, E))
    outputs, call = ours.forward(x, x, value)
    expected, copied_call = ours.forward(x, x.copy(), value)
    assert outputs[0] == pytest.approx(expected[0], rel=1e-13)
    beside_torch(ours, twin, x, x, value)
    assert ours.backward(outputs, call)[0][2] == pytest.approx(ours.backward(outputs, copied_call)[0][2], rel=1e-12)


def test_is_causal_is_torchs_hint():
    """Alone it stands for the causal mask, whatever attn_mask says; beside other wishes it is not read."""
    ours, twin = built()
    inputs = drawn((L, N, E), (S, N, E), (S, N, E))
    other = a_mask("bool", (L, S))
    given_wrongly, _, _ = beside_torch(ours, twin, *inputs, attn_mask=other, is_causal=True, need_weights=False)
    causal = np.triu(np.ones((L, S), bool), 1)
    assert (given_wrongly == ours(*inputs, attn_mask=causal, need_weights=False)).all()
    with_weights, _, _ = beside_torch(ours, twin, *inputs, attn_mask=other, is_causal=True)
    assert (with_weights[0] == ours(*inputs, attn_mask=other)[0]).all()
    nothing = np.zeros((N, S), bool)
    beside_torch(ours, twin, *inputs, key_padding_mask=nothing, attn_mask=other, is_causal=True, need_weights=False)


def test_nobody_looks_ahead():
    ours, _ = built(batch_first=True)
    (x,) = drawn((N, L, E))
    later = x.copy()
    later[:, -1] += 1
    before, after = (ours(a, a, a, attn_mask=CAUSAL)[0] for a in (x, later))
    assert before[:, :-1] == pytest.approx(after[:, :-1], rel=1e-13)
    assert (before[:, -1] != after[:, -1]).all()


def test_masked_keys_have_no_weight_and_no_gradient():
    ours, _ = built()
    query, key, value = drawn((L, N, E), (S, N, E), (S, N, E))
    padding = np.array([[False, False, True, False, True], [True, False, False, False, False]])
    (y, weights), call = ours.forward(query, key, value, padding)
    (_, dkey, dvalue), _ = ours.backward((y, weights), call)
    assert not weights.swapaxes(0, 1)[:, padding].any()
    assert not dkey.swapaxes(0, 1)[padding].any()
    assert not dvalue.swapaxes(0, 1)[padding].any()
    assert weights.sum(axis=-1) == pytest.approx(np.ones((N, L)), rel=1e-14)


@pytest.mark.parametrize("size", [1e-8, 30.0, 1e8])
def test_small_saturated_and_huge_inputs(size):
    """At 1e8 the scores are 1e16: one key has all the weight, the others exactly none."""
    ours, twin = built()
    query, key, value = drawn((L, N, E), (S, N, E), (S, N, E))
    (y, weights), _, _ = beside_torch(
        ours, twin, size * query, size * key, value, average_attn_weights=False, close=1e-7 if size > 30 else 1e-9
    )
    assert np.isfinite(y).all()
    assert (set(np.unique(weights)) == {0.0, 1.0}) == (size > 30)
