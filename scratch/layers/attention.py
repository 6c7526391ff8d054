"""Attention: every place of a sequence takes a mean of all places, weighted by how well its query fits their keys."""

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from scratch.checks import check_count, check_dtype_name, check_float, check_precision, check_shape
from scratch.init import xavier_uniform
from scratch.layers.attention_scores import OWNER, hinted, mask_gradients, masks_as_added, softmax_over_keys
from scratch.layers.base import Layer
from scratch.layers.dropout import check_probability, kept
from scratch.layers.linear import Linear
from scratch.layers.norm import filled
from scratch.sums import column_sums

INPUTS = ("query", "key", "value")
SEPARATE = ("q_proj_weight", "k_proj_weight", "v_proj_weight")


class Call(NamedTuple):
    """What backward needs of a forward call; q is divided by √d, A and P have a column for each query."""

    inputs: tuple  # query, key, value
    masks: tuple  # of keys, of pairs; None where there is none
    q: np.ndarray  # (N, H, L, d)
    k: np.ndarray  # (N, H, S, d)
    v: np.ndarray  # (N, H, S, d)
    A: np.ndarray  # (N, H, S, L)
    f: np.ndarray | None  # (N, H, S, L), None for 1
    P: np.ndarray  # (N, H, S, L)
    out: np.ndarray  # the cache of out_proj
    need_weights: bool
    averaged: bool


class MultiheadAttention(Layer):
    """y = [P₁V₁ … P_H V_H] Wₒᵀ + bₒ,   A = softmax(QKᵀ/√d + M) over the keys,   P = A f (f = 1, or that of dropout).

    Q = query W_qᵀ + b_q, K = key W_kᵀ + b_k and V = value W_vᵀ + b_v are cut into H heads of d = embed_dim/num_heads.
    M is 0 or −∞ for a boolean mask (True: not attended), a float mask itself, or the sum of both masks.

    Given dy = ∂J/∂y and dP, the gradient of the weights where they are returned (0 where not), in each head:
        dO = dy Wₒ      dV = Pᵀ dO      dA = f (dO Vᵀ + dP)      dS = A (dA − Σ_keys dA A)      dM = Σ dS
        dQ = dS K/√d    dK = dSᵀ Q/√d   dW_q = dQᵀ query         db_q = Σ dQ                    dquery = dQ W_q
    and for key and value as for query; dWₒ, dbₒ as in Linear. dM is added up over what shares an entry of the mask.

    Shapes: query (L, N, embed_dim), key (S, N, kdim), value (S, N, vdim), y like query; with batch_first (N, L, …); or
    one sequence (L, …). key_padding_mask (N, S), attn_mask (L, S) or (N·H, L, S), weights (N, L, S), one for each head
    (N, H, L, S) unless average_attn_weights. They are those after dropout, as in torch, and returned if need_weights.
    is_causal is torch's hint that attn_mask is the causal one, which must be given all the same: where neither weights
    nor a key_padding_mask are asked for, the causal mask stands in its place, elsewhere the hint is not read.
    Parameters are torch's: W_q, W_k, W_v are the thirds of in_proj_weight, or q_proj_weight, k_proj_weight and
    v_proj_weight where kdim or vdim is another than embed_dim; in_proj_bias, out_proj.weight, out_proj.bias.
    Starts as torch does: in-projections uniform in ±√(6/(rows + columns)), out_proj.weight as Linear's, biases 0.
    Raises ValueError for shapes, for a query whose keys are all masked (torch answers NaN or 0) and for add_bias_kv and
    add_zero_attn, which are left out; TypeError for dtypes that do not fit. rng serves the weights and dropout.
    Source: Vaswani et al., 2017.
    """

    params = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_bias")

    def __init__(
        self,
        embed_dim,
        num_heads,
        dropout=0.0,
        bias=True,
        add_bias_kv=False,
        add_zero_attn=False,
        kdim=None,
        vdim=None,
        batch_first=False,
        rng=None,
        dtype="float64",
    ):
        dtype = check_dtype_name(OWNER, dtype)
        check_count(OWNER, 1, embed_dim=embed_dim, num_heads=num_heads, kdim=kdim, vdim=vdim)
        check_probability(OWNER, "dropout", dropout)
        if add_bias_kv or add_zero_attn:
            raise ValueError(f"{OWNER}: add_bias_kv and add_zero_attn are left out here; keep them False")
        if embed_dim % num_heads:
            raise ValueError(f"{OWNER}: embed_dim {embed_dim} cannot be cut evenly into {num_heads} heads")
        self.num_heads, self.dropout, self.batch_first = num_heads, float(dropout), batch_first
        self.widths = (embed_dim, kdim or embed_dim, vdim or embed_dim)
        self.rng = np.random.default_rng(rng)
        packed = set(self.widths) == {embed_dim}
        draw = partial(xavier_uniform, rng=self.rng, dtype=dtype)
        self.in_proj_weight = draw((3 * embed_dim, embed_dim)) if packed else None
        separate = [None if packed else draw((embed_dim, width)) for width in self.widths]
        self.q_proj_weight, self.k_proj_weight, self.v_proj_weight = separate
        self.in_proj_bias = filled(bias, 3 * embed_dim, 0, dtype)
        self.out_proj = Linear(embed_dim, embed_dim, bias, self.rng, dtype)
        self.out_proj.bias = filled(bias, embed_dim, 0, dtype)

    def forward(
        self,
        query,
        key,
        value,
        key_padding_mask=None,
        need_weights=True,
        attn_mask=None,
        average_attn_weights=True,
        is_causal=False,
    ):
        inputs = (query, key, value)
        N, L, S = self.check(*inputs)
        if is_causal:
            attn_mask = hinted(attn_mask, (L, S), alone=key_padding_mask is None and not need_weights)
        masks = (key_padding_mask, attn_mask)
        added = masks_as_added(masks, query, (N, self.num_heads, S, L))
        q, k, v = self.projected(inputs)
        q *= 1 / math.sqrt(q.shape[-1])
        A = softmax_over_keys(k @ q.swapaxes(-1, -2), added)
        f = kept(self.rng, A.shape, self.dropout, A.dtype) if self.training and self.dropout else None
        P = A if f is None else A * f
        y, out = self.out_proj.forward(rows_of(P.swapaxes(-1, -2) @ v, self.layout(query)))
        call = Call(inputs, masks, q, k, v, A, f, P, out, bool(need_weights), bool(average_attn_weights))
        return (y.reshape(query.shape), weights_of(call)) if need_weights else y.reshape(query.shape), call

    def backward(self, doutputs, call):
        q, k, v, A, layout = call.q, call.k, call.v, call.A, self.layout(call.inputs[0])
        dy, dweights = doutputs if call.need_weights else (doutputs, None)
        check_float(OWNER, "dy", dy)
        check_shape(OWNER, "dy", dy, call.inputs[0].shape)
        check_precision(OWNER, "dy", dy, "query", q)
        drows, dout = self.out_proj.backward(dy.reshape(-1, dy.shape[-1]), call.out)
        dO = heads_of(drows, layout, self.num_heads)
        dA = v @ dO.swapaxes(-1, -2)
        if dweights is not None:
            dA += dweights_of(dweights, call)
        if call.f is not None:
            dA *= call.f
        dS = dA
        dS -= np.einsum("nhsl,nhsl->nhl", dA, A)[:, :, None]
        dS *= A
        dq, dk, dv = dS.swapaxes(-1, -2) @ k, dS @ q, call.P @ dO
        dq *= 1 / math.sqrt(q.shape[-1])
        dinputs, grads = self.projected_back((dq, dk, dv), call.inputs)
        return dinputs + mask_gradients(dS, call.masks), grads | {f"out_proj.{name}": g for name, g in dout.items()}

    def projected(self, inputs):
        """Q, K, V in heads: of one and the same input by one product."""
        query, key, value = inputs
        biases = (None,) * 3 if self.in_proj_bias is None else np.split(self.in_proj_bias, 3)
        if query is key and key is value and self.in_proj_weight is not None:
            parts = np.split(query.reshape(-1, query.shape[-1]) @ self.in_proj_weight.T, 3, axis=1)
        else:
            parts = [x.reshape(-1, x.shape[-1]) @ W.T for x, W in zip(inputs, self.in_weights(), strict=True)]
        three = zip(parts, inputs, biases, strict=True)
        return [heads_of(part, self.layout(x), self.num_heads, bias) for part, x, bias in three]

    def projected_back(self, dheads, inputs):
        """(input gradients, gradients of the in-projections)."""
        dinputs, dweights, dbiases = [], [], []
        for d, x, W in zip(dheads, inputs, self.in_weights(), strict=True):
            drows = rows_of(d, self.layout(x))
            dinputs.append((drows @ W).reshape(x.shape))
            dweights.append(drows.T @ x.reshape(-1, x.shape[-1]))
            dbiases.append(column_sums(drows))
        packed = self.in_proj_weight is not None
        grads = {"in_proj_weight": np.concatenate(dweights)} if packed else dict(zip(SEPARATE, dweights, strict=True))
        if self.in_proj_bias is not None:
            grads["in_proj_bias"] = np.concatenate(dbiases)
        return tuple(dinputs), grads

    def in_weights(self):
        """W_q, W_k, W_v."""
        if self.in_proj_weight is None:
            return [getattr(self, name) for name in SEPARATE]
        return np.split(self.in_proj_weight, 3)

    def layout(self, x):
        """(N, length, whether time is the first axis) of an input."""
        if x.ndim == 2:
            return 1, len(x), False
        return (*x.shape[:2], False) if self.batch_first else (x.shape[1], x.shape[0], True)

    def check(self, query, key, value):
        """N, L, S of inputs that fit; others are refused."""
        lead = "(N, {}, {})" if self.batch_first else "({}, N, {})"
        for name, x, length, width in zip(INPUTS, (query, key, value), "LSS", self.widths, strict=True):
            check_float(OWNER, name, x)
            check_precision(OWNER, name, x, "out_proj.weight", self.out_proj.weight)
            if x.ndim not in (2, 3) or x.ndim != query.ndim or x.shape[-1] != width:
                shapes = f"{lead.format(length, width)}, or ({length}, {width}) where all are one sequence"
                raise ValueError(f"{OWNER}: expected {name} of shape {shapes}, got {x.shape}")
        (N, L, _), (M, S, _) = self.layout(query), self.layout(key)
        check_shape(OWNER, "value", value, (*key.shape[:-1], value.shape[-1]))
        if M != N or S == 0:
            raise ValueError(f"{OWNER}: expected key of N = {N} sequences with at least one place, got {key.shape}")
        return N, L, S

    def __call__(self, *inputs, **options):
        """The outputs alone."""
        return self.forward(*inputs, **options)[0]

    def __repr__(self):
        embed_dim, kdim, vdim = self.widths
        options = f", dropout={self.dropout:g}" if self.dropout else ""
        options += ", bias=False" if self.in_proj_bias is None else ""
        options += f", kdim={kdim}, vdim={vdim}" if self.in_proj_weight is None else ""
        options += ", batch_first=True" if self.batch_first else ""
        return f"{OWNER}({embed_dim}, {self.num_heads}{options})"


def heads_of(rows, layout, num_heads, bias=None):
    """Rows of features as heads (N, H, length, d), the bias added on the way; contiguous, which products want."""
    (N, length, time_first), d = layout, rows.shape[1] // num_heads
    heads = rows.reshape(*((length, N) if time_first else (N, length)), num_heads, d)
    heads = heads.transpose((1, 2, 0, 3) if time_first else (0, 2, 1, 3))
    return heads.copy() if bias is None else np.add(heads, bias.reshape(num_heads, 1, d), order="C")


def rows_of(heads, layout):
    """Heads (N, H, length, d) as rows of features, in the order of the input."""
    N, num_heads, length, d = heads.shape
    return heads.transpose((2, 0, 1, 3) if layout[2] else (0, 2, 1, 3)).reshape(N * length, num_heads * d)


def weights_of(call):
    """P as it is returned: a row for each query, averaged over heads or for each."""
    P = (call.P.sum(axis=1) / call.P.shape[1] if call.averaged else call.P).swapaxes(-1, -2).copy()
    return P[0] if call.inputs[0].ndim == 2 else P


def dweights_of(dweights, call):
    """The gradient of what weights_of returned, by P."""
    check_float(OWNER, "dweights", dweights)
    check_precision(OWNER, "dweights", dweights, "query", call.q)
    N, H, S, L = call.P.shape
    expected = (N, L, S) if call.averaged else (N, H, L, S)
    check_shape(OWNER, "dweights", dweights, expected[1:] if call.inputs[0].ndim == 2 else expected)
    dP = dweights.reshape(expected).swapaxes(-1, -2)
    return dP[:, None] / H if call.averaged else dP
