"""Are inputs, masks and gradients that do not fit attention refused by name, early, with what was expected?"""

import numpy as np
import pytest

import scratch

N, H, L, S, E = 2, 2, 3, 5, 4
OURS = scratch.MultiheadAttention(E, H, rng=1)
FIRST = scratch.MultiheadAttention(E, H, rng=1, batch_first=True)
Q, K = np.ones((L, N, E)), np.ones((S, N, E))
REFUSED = {
    "heads": (lambda: scratch.MultiheadAttention(4, 3), ValueError, "embed_dim 4 cannot be cut evenly into 3 heads"),
    "bias-kv": (
        lambda: scratch.MultiheadAttention(4, 2, add_bias_kv=True),
        ValueError,
        "add_bias_kv and add_zero_attn",
    ),
    "zero": (lambda: scratch.MultiheadAttention(4, 2, add_zero_attn=True), ValueError, "are left out here"),
    "no-width": (lambda: scratch.MultiheadAttention(0, 1), ValueError, "embed_dim as a whole number from 1 up, got 0"),
    "query": (
        lambda: OURS(Q[..., :3], K, K),
        ValueError,
        r"expected query of shape \(L, N, 4\), or \(L, 4\) where all",
    ),
    "key": (lambda: OURS(Q, K[..., :3], K), ValueError, r"expected key of shape \(S, N, 4\).*got \(5, 2, 3\)"),
    "value": (lambda: OURS(Q, K, K[:4]), ValueError, r"expected value of shape \(5, 2, 4\), got \(4, 2, 4\)"),
    "first": (lambda: FIRST(Q[..., :3], K, K), ValueError, r"expected query of shape \(N, L, 4\)"),
    "batches": (lambda: OURS(Q, K[:, :1], K[:, :1]), ValueError, r"expected key of N = 2 sequences .*\(5, 1, 4\)"),
    "no-keys": (lambda: OURS(Q, K[:0], K[:0]), ValueError, "at least one place"),
    "axes": (lambda: OURS(Q, K[:, 0], K[:, 0]), ValueError, r"expected key of shape \(S, N, 4\), or \(S, 4\)"),
    "padding": (lambda: OURS(Q, K, K, np.zeros((S, N), bool)), ValueError, r"key_padding_mask of shape \(2, 5\), got"),
    "pairs": (lambda: OURS(Q, K, K, attn_mask=np.zeros((S, L), bool)), ValueError, r"attn_mask of shape \(3, 5\), got"),
    "pairs-3d": (lambda: OURS(Q, K, K, attn_mask=np.zeros((N, L, S), bool)), ValueError, r"of shape \(4, 3, 5\), got"),
    "causal": (lambda: OURS(Q, Q, Q, is_causal=True), ValueError, "is_causal needs attn_mask; pass np.triu"),
    "bytes": (lambda: OURS(Q, K, K, attn_mask=np.zeros((L, S), np.uint8)), TypeError, r"attn_mask as bool \(True: not"),
    "mask-dtype": (lambda: OURS(Q, K, K, attn_mask=np.zeros((L, S), "f")), TypeError, "attn_mask is float32 but query"),
    "mask-list": (lambda: OURS(Q, K, K, [[True] * S] * N), TypeError, "expected key_padding_mask as bool .* got list"),
    "dtype": (lambda: OURS(Q, K.astype("f"), K), TypeError, r"key is float32 but out_proj\.weight is float64"),
    "integers": (lambda: OURS(Q.astype(int), K, K), TypeError, "expected query as float32 or float64, got int64"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=f"MultiheadAttention: .*{message}"):
        call()


def test_other_gradients_are_refused():
    outputs, call = OURS.forward(Q, K, K)
    with pytest.raises(ValueError, match=r"expected dy of shape \(3, 2, 4\), got \(3, 2\)"):
        OURS.backward((outputs[0][..., 0], outputs[1]), call)
    with pytest.raises(ValueError, match=r"expected dweights of shape \(2, 3, 5\), got \(2, 3\)"):
        OURS.backward((outputs[0], outputs[1][..., 0]), call)
    with pytest.raises(TypeError, match="dweights is float32 but query is float64"):
        OURS.backward((outputs[0], outputs[1].astype("f")), call)


@pytest.mark.parametrize("need_weights", [True, False])
def test_a_query_without_keys_is_refused(need_weights):
    """torch answers NaN with weights, and without them something else."""
    padding, pairs = np.zeros((N, S), bool), np.zeros((L, S))
    padding[1] = True
    pairs[2] = -np.inf
    with pytest.raises(ValueError, match=r"every key of query 0 is masked \(sequence 1\)"):
        OURS(Q, K, K, key_padding_mask=padding, need_weights=need_weights)
    with pytest.raises(ValueError, match=r"every key of query 2 is masked \(sequence 0\)"):
        OURS(Q, K, K, attn_mask=pairs, need_weights=need_weights)
