"""One head of attention over a sequence x (T, D): A = softmax(Q Kᵀ / √d), y = A V."""

import numpy as np


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class Attention:
    params = ("Wq", "Wk", "Wv")

    def __init__(self):
        rng = np.random.default_rng(16)
        self.Wq, self.Wk = rng.normal(0, 0.7, size=(4, 3)), rng.normal(0, 0.7, size=(4, 3))
        self.Wv = rng.normal(size=(4, 2))

    def forward(self, x):
        q, k, v = x @ self.Wq, x @ self.Wk, x @ self.Wv
        A = softmax(q @ k.T / np.sqrt(q.shape[1]))
        return A @ v, (x, q, k, v, A)

    def backward(self, dy, cache):
        x, q, k, v, A = cache
        dA, dv = dy @ v.T, A.T @ dy
        dS = A * (dA - (dA * A).sum(axis=1, keepdims=True)) / np.sqrt(q.shape[1])
        dq, dk = dS @ k, dS.T @ q
        dx = dq @ self.Wq.T + dk @ self.Wk.T + dv @ self.Wv.T
        return dx, {"Wq": x.T @ dq, "Wk": x.T @ dk, "Wv": x.T @ dv}


class AttentionUnscaled(Attention):
    def backward(self, dy, cache):
        x, q, k, v, A = cache
        dA, dv = dy @ v.T, A.T @ dy
        dS = A * (dA - (dA * A).sum(axis=1, keepdims=True))  # planted
        dq, dk = dS @ k, dS.T @ q
        dx = dq @ self.Wq.T + dk @ self.Wk.T + dv @ self.Wv.T
        return dx, {"Wq": x.T @ dq, "Wk": x.T @ dk, "Wv": x.T @ dv}


class AttentionDiagonal(Attention):
    def backward(self, dy, cache):
        x, q, k, v, A = cache
        dA, dv = dy @ v.T, A.T @ dy
        dS = dA * A * (1 - A)  # planted
        dS = dS / np.sqrt(q.shape[1])
        dq, dk = dS @ k, dS.T @ q
        dx = dq @ self.Wq.T + dk @ self.Wk.T + dv @ self.Wv.T
        return dx, {"Wq": x.T @ dq, "Wk": x.T @ dk, "Wv": x.T @ dv}


class AttentionOverQueries(Attention):
    def backward(self, dy, cache):
        x, q, k, v, A = cache
        dA, dv = dy @ v.T, A.T @ dy
        inner = (dA * A).sum(axis=0, keepdims=True)  # planted
        dS = A * (dA - inner) / np.sqrt(q.shape[1])
        dq, dk = dS @ k, dS.T @ q
        dx = dq @ self.Wq.T + dk @ self.Wk.T + dv @ self.Wv.T
        return dx, {"Wq": x.T @ dq, "Wk": x.T @ dk, "Wv": x.T @ dv}


class AttentionExchanged(Attention):
    def backward(self, dy, cache):
        x, q, k, v, A = cache
        dA, dv = dy @ v.T, A.T @ dy
        dS = A * (dA - (dA * A).sum(axis=1, keepdims=True)) / np.sqrt(q.shape[1])
        dq, dk = dS.T @ q, dS @ k  # planted
        dx = dq @ self.Wq.T + dk @ self.Wk.T + dv @ self.Wv.T
        return dx, {"Wq": x.T @ dq, "Wk": x.T @ dk, "Wv": x.T @ dv}


class AttentionScoresUntransposed(Attention):
    def backward(self, dy, cache):
        x, q, k, v, A = cache
        dA, dv = dy @ v.T, A.T @ dy
        dS = A * (dA - (dA * A).sum(axis=1, keepdims=True)) / np.sqrt(q.shape[1])
        dq = dS @ k
        dk = dS @ q  # planted
        dx = dq @ self.Wq.T + dk @ self.Wk.T + dv @ self.Wv.T
        return dx, {"Wq": x.T @ dq, "Wk": x.T @ dk, "Wv": x.T @ dv}


class AttentionOfQueriesAlone(Attention):
    """x feeds queries, keys and values."""

    def backward(self, dy, cache):
        x, q, k, v, A = cache
        dA, dv = dy @ v.T, A.T @ dy
        dS = A * (dA - (dA * A).sum(axis=1, keepdims=True)) / np.sqrt(q.shape[1])
        dq, dk = dS @ k, dS.T @ q
        dx = dq @ self.Wq.T  # planted
        return dx, {"Wq": x.T @ dq, "Wk": x.T @ dk, "Wv": x.T @ dv}


class AttentionTwoMistakes(Attention):
    def backward(self, dy, cache):
        x, q, k, v, A = cache
        dA, dv = dy @ v.T, A.T @ dy
        dS = A * (dA - (dA * A).sum(axis=1, keepdims=True))  # planted
        dq, dk = dS @ k, dS.T @ q
        dx = dq @ self.Wq.T + dv @ self.Wv.T  # planted
        return dx, {"Wq": x.T @ dq, "Wk": x.T @ dk, "Wv": x.T @ dv}


class CausalAttention(Attention):
    """Nothing attends to what comes later."""

    def forward(self, x):
        q, k, v = x @ self.Wq, x @ self.Wk, x @ self.Wv
        later = np.triu(np.ones((len(x), len(x)), bool), k=1)
        A = softmax(np.where(later, -np.inf, q @ k.T / np.sqrt(q.shape[1])))
        return A @ v, (x, q, k, v, A)


class Softmax:
    def forward(self, z):
        s = softmax(z)
        return s, s

    def backward(self, ds, s):
        return s * (ds - np.sum(ds * s, axis=1, keepdims=True)), {}


class SoftmaxByJacobian(Softmax):
    """Row by row with the full Jacobian diag(s) − s sᵀ."""

    def backward(self, ds, s):
        dz = np.empty_like(ds)
        for i, row in enumerate(s):
            dz[i] = (np.diag(row) - np.outer(row, row)) @ ds[i]
        return dz, {}


class SoftmaxDiagonal(Softmax):
    def backward(self, ds, s):
        return ds * s * (1 - s), {}  # planted


class SoftmaxOverBatch(Softmax):
    def backward(self, ds, s):
        return s * (ds - (ds * s).sum(axis=0)), {}  # planted


X, ROWS = ((5, 4),), ((5, 3),)
SOFTMAX = {"against": "nn.Softmax(dim=1)"}
SCORES = "dS = A * (dA - (dA * A).sum(axis=1, keepdims=True))"
PLANTED = [
    ("constant-factor", "AttentionUnscaled()", X, {"x", "Wq", "Wk"}, f"{SCORES} / np.sqrt(q.shape[1])"),
    ("softmax-diagonal", "AttentionDiagonal()", X, {"x", "Wq", "Wk"}, SCORES),
    ("wrong-axis", "AttentionOverQueries()", X, {"x", "Wq", "Wk"}, "inner = (dA * A).sum(axis=1, keepdims=True)"),
    ("permuted", "AttentionExchanged()", X, {"x", "Wq", "Wk"}, "dq, dk = dS @ k, dS.T @ q"),
    ("transposed", "AttentionScoresUntransposed()", X, {"x", "Wk"}, "dk = dS.T @ q"),
    (
        "path-missing",
        "AttentionOfQueriesAlone()",
        X,
        {"x"},
        "dx = dq @ self.Wq.T + dk @ self.Wk.T + dv @ self.Wv.T",
    ),
    (
        "softmax-diagonal",
        "SoftmaxDiagonal()",
        ROWS,
        {"z"},
        "return s * (ds - (ds * s).sum(axis=1, keepdims=True)), {}",
        SOFTMAX,
    ),
    (
        "wrong-axis",
        "SoftmaxOverBatch()",
        ROWS,
        {"z"},
        "return s * (ds - (ds * s).sum(axis=1, keepdims=True)), {}",
        SOFTMAX,
    ),
]
RIGHT = [
    ("Attention()", X),
    ("CausalAttention()", X),
    ("Softmax()", ROWS, SOFTMAX),
    ("SoftmaxByJacobian()", ROWS, SOFTMAX),
]
TWO_MISTAKES = [
    (
        ("constant-factor", "path-missing"),
        "AttentionTwoMistakes()",
        X,
        {"x", "Wq", "Wk"},
        (f"{SCORES} / np.sqrt(q.shape[1])", "dx = dq @ self.Wq.T + dk @ self.Wk.T + dv @ self.Wv.T"),
        {"x"},
    ),
]
