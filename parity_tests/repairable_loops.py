"""More right derivations for the tests of repairs: loops over time and pixels, repeated indices, losses."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class RNN:
    """h_t = tanh(x_t W + h_{t−1} U + b) over x (T, N, D); all h_t are returned."""

    params = ("W", "U", "b")

    def __init__(self):
        rng = np.random.default_rng(3)
        self.W, self.U = rng.normal(0, 0.6, size=(2, 3)), rng.normal(0, 0.6, size=(3, 3))
        self.b = rng.normal(0, 0.4, size=3)

    def forward(self, x):
        hs = [np.zeros((x.shape[1], 3))]
        for t in range(len(x)):
            hs.append(np.tanh(x[t] @ self.W + hs[t] @ self.U + self.b))
        return np.stack(hs[1:]), (x, hs)

    def backward(self, dy, cache):
        x, hs = cache
        dx, dh = np.zeros_like(x), np.zeros_like(hs[0])
        dW, dU, db = np.zeros_like(self.W), np.zeros_like(self.U), np.zeros_like(self.b)
        for t in reversed(range(len(x))):
            dz = (dy[t] + dh) * (1 - hs[t + 1] ** 2)
            dW += x[t].T @ dz
            dU += hs[t].T @ dz
            db += dz.sum(axis=0)
            dx[t] = dz @ self.W.T
            dh = dz @ self.U.T
        return dx, {"W": dW, "U": dU, "b": db}


class Conv:
    """One channel, a 2 × 2 kernel, by loops over the output."""

    params = ("w",)

    def __init__(self):
        self.w = np.random.default_rng(4).normal(size=(2, 2))

    def forward(self, x):
        H, W = x.shape[0] - 1, x.shape[1] - 1
        y = np.zeros((H, W), x.dtype)
        for i in range(H):
            for j in range(W):
                y[i, j] = np.sum(x[i : i + 2, j : j + 2] * self.w)
        return y, x

    def backward(self, dy, x):
        dx, dw = np.zeros_like(x), np.zeros_like(self.w)
        for i in range(dy.shape[0]):
            for j in range(dy.shape[1]):
                dx[i : i + 2, j : j + 2] += dy[i, j] * self.w
                dw += dy[i, j] * x[i : i + 2, j : j + 2]
        return dx, {"w": dw}


class Embedding:
    params = ("table",)

    def __init__(self):
        self.table = np.random.default_rng(5).normal(size=(5, 3))

    def forward(self, index):
        return self.table[index], index

    def backward(self, dy, index):
        d = np.zeros_like(self.table)
        np.add.at(d, index, dy)
        return None, {"table": d}


def mse(y, t):
    r = y - t
    return np.mean(r * r), 2 * r / r.size


def bce(p, t):
    J = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
    return J, (p - t) / (p * (1 - p)) / p.size


def logistic(z, t):
    p = sigmoid(z)
    J = -np.sum(t * np.log(p) + (1 - t) * np.log(1 - p)) / len(z)
    dz = (p - t) / len(z)
    return J, dz


def cross_entropy(z, label):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    J = -np.log(p[np.arange(len(z)), label]).mean()
    hot = np.eye(z.shape[1])[label]
    return J, (p - hot) / len(z)
