"""Group norm over images, attention to another sequence, in several heads, and to keys that a mask leaves."""

import numpy as np


class GroupNorm:
    """Two groups of two channels; images x (N, 4, H, W), one γ and β for each channel."""

    params = ("weight", "bias")
    eps = 1e-5

    def __init__(self):
        rng = np.random.default_rng(31)
        self.weight, self.bias = rng.uniform(0.5, 2, 4), rng.normal(size=4)

    def forward(self, x):
        N, C, H, W = x.shape
        groups = x.reshape(N, 2, C // 2, H, W)
        centred = groups - groups.mean(axis=(2, 3, 4), keepdims=True)
        istd = 1 / np.sqrt((centred**2).mean(axis=(2, 3, 4), keepdims=True) + self.eps)
        xhat = centred * istd
        return xhat.reshape(x.shape) * self.weight[:, None, None] + self.bias[:, None, None], (xhat, istd)

    def backward(self, dy, cache):
        xhat, istd = cache
        dxhat = (dy * self.weight[:, None, None]).reshape(xhat.shape)
        mean = dxhat.mean(axis=(2, 3, 4), keepdims=True)
        along = (dxhat * xhat).mean(axis=(2, 3, 4), keepdims=True)
        dx = (dxhat - mean - xhat * along) * istd
        dgamma = (dy * xhat.reshape(dy.shape)).sum(axis=(0, 2, 3))
        return dx.reshape(dy.shape), {"weight": dgamma, "bias": dy.sum(axis=(0, 2, 3))}


class GroupNormPixelsAlone(GroupNorm):
    """Divided by the pixels of one channel, though a group has two."""

    def backward(self, dy, cache):
        xhat, istd = cache
        dxhat = (dy * self.weight[:, None, None]).reshape(xhat.shape)
        m = xhat.shape[3] * xhat.shape[4]  # planted
        total = dxhat.sum(axis=(2, 3, 4), keepdims=True)
        along = (dxhat * xhat).sum(axis=(2, 3, 4), keepdims=True)
        dx = (dxhat - (total + xhat * along) / m) * istd
        dgamma = (dy * xhat.reshape(dy.shape)).sum(axis=(0, 2, 3))
        return dx.reshape(dy.shape), {"weight": dgamma, "bias": dy.sum(axis=(0, 2, 3))}


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_back(dA, A):
    return A * (dA - (dA * A).sum(axis=-1, keepdims=True))


class CrossAttention:
    """One head: a text x (L, 4) asks a memory (S, 3), which gives keys and values."""

    def __init__(self):
        rng = np.random.default_rng(32)
        self.W_q = rng.normal(0, 0.7, size=(4, 3))
        self.W_k, self.W_v = rng.normal(0, 0.7, size=(3, 3)), rng.normal(size=(3, 2))

    def forward(self, x, memory):
        self.x, self.memory = x, memory
        self.q, self.k, self.v = x @ self.W_q, memory @ self.W_k, memory @ self.W_v
        self.A = softmax(self.q @ self.k.T / np.sqrt(3))
        return self.A @ self.v

    def backward(self, dy):
        dv = self.A.T @ dy
        dS = softmax_back(dy @ self.v.T, self.A) / np.sqrt(3)
        dq, dk = dS @ self.k, dS.T @ self.q
        self.dW_q, self.dW_k, self.dW_v = self.x.T @ dq, self.memory.T @ dk, self.memory.T @ dv
        dmemory = dk @ self.W_k.T + dv @ self.W_v.T
        return dq @ self.W_q.T, dmemory


class CrossAttentionValuesForgotten(CrossAttention):
    def backward(self, dy):
        dv = self.A.T @ dy
        dS = softmax_back(dy @ self.v.T, self.A) / np.sqrt(3)
        dq, dk = dS @ self.k, dS.T @ self.q
        self.dW_q, self.dW_k, self.dW_v = self.x.T @ dq, self.memory.T @ dk, self.memory.T @ dv
        dmemory = dk @ self.W_k.T  # planted
        return dq @ self.W_q.T, dmemory


class Heads:
    """Two heads of width 2 over q, k, v (T, 4), which other layers made; the outputs stand side by side again."""

    def split(self, a):
        return a.reshape(len(a), 2, 2).transpose(1, 0, 2)

    def forward(self, q, k, v):
        q, k, v = self.split(q), self.split(k), self.split(v)
        A = softmax(q @ k.transpose(0, 2, 1) / np.sqrt(2))
        y = (A @ v).transpose(1, 0, 2)
        return y.reshape(len(y), 4), (q, k, v, A)

    def merge(self, a):
        return a.transpose(1, 0, 2).reshape(a.shape[1], 4)

    def backward(self, dy, cache):
        q, k, v, A = cache
        dO = self.split(dy)
        dS = softmax_back(dO @ v.transpose(0, 2, 1), A) / np.sqrt(2)
        dq, dk, dv = dS @ k, dS.transpose(0, 2, 1) @ q, A.transpose(0, 2, 1) @ dO
        return (self.merge(dq), self.merge(dk), self.merge(dv)), {}


class HeadsValuesUntransposed(Heads):
    def backward(self, dy, cache):
        q, k, v, A = cache
        dO = self.split(dy)
        dS = softmax_back(dO @ v.transpose(0, 2, 1), A) / np.sqrt(2)
        dq, dk = dS @ k, dS.transpose(0, 2, 1) @ q
        dv = A @ dO  # planted
        return (self.merge(dq), self.merge(dk), self.merge(dv)), {}


class PaddedScores:
    """Attention of scores s (L, S) to values (S, D); padded keys are taken out after the softmax."""

    kept = np.array([1.0, 1.0, 0.0, 1.0, 0.0])

    def forward(self, s, values):
        A = softmax(s)
        return A * self.kept @ values, (A, values)

    def backward(self, dy, cache):
        A, values = cache
        dA = dy @ values.T * self.kept
        return (softmax_back(dA, A), (A * self.kept).T @ dy), {}


class PaddedScoresUnmasked(PaddedScores):
    def backward(self, dy, cache):
        A, values = cache
        dA = dy @ values.T  # planted
        return (softmax_back(dA, A), (A * self.kept).T @ dy), {}


IMAGES, TEXTS, QKV, SCORES = ((2, 4, 3, 2),), ((4, 4), (5, 3)), ((5, 4), (5, 4), (5, 4)), ((4, 5), (5, 3))
GROUPS = {"against": "nn.GroupNorm(2, 4)"}
HEADS = {
    "against": "lambda *qkv: F.scaled_dot_product_attention(*(a.unflatten(1, (2, 2)).transpose(0, 1) for a in qkv))"
    ".transpose(0, 1).flatten(1)"
}
PADDED = {"against": "lambda s, values: (F.softmax(s, 1) * torch.tensor([1, 1, 0, 1, 0])) @ values"}
PLANTED = [
    (
        "wrong-count",
        "GroupNormPixelsAlone()",
        IMAGES,
        {"x"},
        "m = xhat.shape[2] * xhat.shape[3] * xhat.shape[4]",
        GROUPS,
    ),
    (
        "path-missing",
        "CrossAttentionValuesForgotten()",
        TEXTS,
        {"memory"},
        "dmemory = dk @ self.W_k.T + dv @ self.W_v.T",
    ),
    ("transposed", "HeadsValuesUntransposed()", QKV, {"v"}, "dv = A.transpose(0, 2, 1) @ dO", HEADS),
    ("mask-wrong", "PaddedScoresUnmasked()", SCORES, {"s"}, "dA = dy @ values.T * self.kept", PADDED),
]
RIGHT = [
    ("GroupNorm()", IMAGES, GROUPS | {"name": "group-norm-of-images"}),
    ("CrossAttention()", TEXTS),
    ("Heads()", QKV, HEADS),
    ("PaddedScores()", SCORES, PADDED),
]
