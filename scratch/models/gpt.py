"""A small decoder-only transformer: every position looks back at those before it."""

import numpy as np

from scratch.checks import check_shape
from scratch.layers import GELU, Embedding, Layer, LayerNorm, Linear, MultiheadAttention
from scratch.naming import collected, prefixed
from scratch.sequential import Sequential


class Block(Layer):
    """h = x + attention(norm1(x)),   y = h + mlp(norm2(h)),   mlp = Linear, GELU, Linear (four times as wide inside).

    A sum hands its gradient to both terms, so the one that reaches x is dx = dh + norm1.backward(…), with
    dh = dy + norm2.backward(mlp.backward(dy)):   nothing has to pass through the layers to get by.
    Causal: position t attends to positions 0..t alone. Shapes: x and y (N, T, width).
    Source: Vaswani et al. 2017; norms before, as in GPT-2 (Radford et al. 2019).
    """

    def __init__(self, width, heads, rng=None, dtype="float64"):
        rng = np.random.default_rng(rng)
        self.norm1 = LayerNorm(width, dtype=dtype)
        self.attention = MultiheadAttention(width, heads, batch_first=True, rng=rng, dtype=dtype)
        self.norm2 = LayerNorm(width, dtype=dtype)
        first, last = Linear(width, 4 * width, rng=rng, dtype=dtype), Linear(4 * width, width, rng=rng, dtype=dtype)
        self.mlp = Sequential(first, GELU(), last)

    def forward(self, x):
        mask = ~np.tri(x.shape[-2], dtype=bool)  # True: t may not look at a later position
        a, of_norm1 = self.norm1.forward(x)
        a, of_attention = self.attention.forward(a, a, a, attn_mask=mask, need_weights=False)
        h = x + a
        b, of_norm2 = self.norm2.forward(h)
        b, of_mlp = self.mlp.forward(b)
        return h + b, (of_norm1, of_attention, of_norm2, of_mlp)

    def backward(self, dy, cache):
        of_norm1, of_attention, of_norm2, of_mlp = cache
        db, mlp = self.mlp.backward(dy, of_mlp)
        db, norm2 = self.norm2.backward(db, of_norm2)
        dh = dy + db
        (dq, dk, dv, *_), attention = self.attention.backward(dh, of_attention)
        da, norm1 = self.norm1.backward(dq + dk + dv, of_norm1)
        return dh + da, dict(prefixed(norm1=norm1, attention=attention, norm2=norm2, mlp=mlp))


class GPT(Layer):
    """x = token(ids) + position(0..T−1),   y = norm(blocks(x)),   logits = y Eᵀ   with E the token embedding (tied).

    E is used twice, so its gradient is the sum of both uses:   dE = dlogitsᵀ y  +  token.backward(dx)
    and   dy = dlogits E,   dx = blocks.backward(norm.backward(dy)),   dposition = Σₙ dx.
    Both embeddings start from N(0, 0.02²), so that logits start small. Ids have no gradient (None).
    Shapes: ids (N, T) int64 with T ≤ context, logits (N, T, vocabulary). Parameters `token.weight`,
    `position.weight`, `blocks.0.norm1.weight`, …, `norm.bias`. Raises ValueError for a text longer than the context.
    Source: Radford et al. 2019; tied weights: Press and Wolf 2017.
    """

    def __init__(self, vocabulary, layers=4, width=128, heads=4, context=64, rng=None, dtype="float64"):
        rng = np.random.default_rng(rng)
        self.token = Embedding(vocabulary, width, rng=rng, dtype=dtype)
        self.position = Embedding(context, width, rng=rng, dtype=dtype)
        for embedding in (self.token, self.position):
            embedding.weight *= embedding.weight.dtype.type(0.02)
        self.blocks = Sequential(*(Block(width, heads, rng, dtype) for _ in range(layers)))
        self.norm = LayerNorm(width, dtype=dtype)

    def forward(self, ids):
        context = len(self.position.weight)
        if ids.ndim != 2 or ids.shape[1] > context:
            raise ValueError(f"GPT: expected ids of shape (N, T) with T up to {context}, got {ids.shape}")
        x, of_token = self.token.forward(ids)
        places, of_position = self.position.forward(np.arange(ids.shape[1]))
        x, of_blocks = self.blocks.forward(x + places)
        y, of_norm = self.norm.forward(x)
        rows = y.reshape(-1, y.shape[-1])
        logits = (rows @ self.token.weight.T).reshape(*ids.shape, -1)
        return logits, (of_token, of_position, of_blocks, of_norm, rows)

    def backward(self, dlogits, cache):
        of_token, of_position, of_blocks, of_norm, rows = cache
        E = self.token.weight
        drows = dlogits.reshape(-1, len(E))
        check_shape("GPT", "dlogits", drows, (len(rows), len(E)))
        dy = (drows @ E).reshape(*dlogits.shape[:-1], -1)
        dy, norm = self.norm.backward(dy, of_norm)
        dx, blocks = self.blocks.backward(dy, of_blocks)
        _, token = self.token.backward(dx, of_token)
        _, position = self.position.backward(dx.sum(axis=0), of_position)
        token = {"weight": token["weight"] + drows.T @ rows}
        return None, collected(self, prefixed(token=token, position=position, blocks=blocks, norm=norm))


def gpt(vocabulary, layers=4, width=128, heads=4, context=64, rng=None, dtype="float64"):
    """A GPT. context: the longest text that it takes; width must be a multiple of heads."""
    return GPT(vocabulary, layers, width, heads, context, rng, dtype)
