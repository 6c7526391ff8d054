"""Right derivations of layers in several styles; the tests of repairs plant mistakes in this source."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class Net:
    """Three layers in one class: tanh, sigmoid, none; what backward needs is in a dict."""

    params = ("W1", "b1", "W2", "b2", "W3", "b3")

    def __init__(self):
        rng = np.random.default_rng(0)
        self.W1, self.b1 = rng.normal(0, 0.6, size=(4, 5)), rng.normal(size=5)
        self.W2, self.b2 = rng.normal(0, 0.6, size=(5, 5)), rng.normal(size=5)
        self.W3, self.b3 = rng.normal(0, 0.6, size=(5, 2)), rng.normal(size=2)

    def forward(self, x):
        z1 = x @ self.W1 + self.b1
        h1 = np.tanh(z1)
        z2 = h1 @ self.W2 + self.b2
        h2 = sigmoid(z2)
        return h2 @ self.W3 + self.b3, {"x": x, "z1": z1, "h1": h1, "z2": z2, "h2": h2}

    def backward(self, dy, cache):
        x, h1, h2 = (cache[name] for name in ("x", "h1", "h2"))
        dW3, db3 = h2.T @ dy, dy.sum(axis=0)
        dz2 = (dy @ self.W3.T) * h2 * (1 - h2)  # σ′
        dW2 = h1.T @ dz2
        db2 = np.sum(dz2, axis=0)
        dh1 = dz2 @ self.W2.T
        dz1 = dh1 * (1 - h1**2)  # tanh′ = 1 − tanh²
        dW1, db1 = np.dot(x.T, dz1), dz1.sum(0)
        dx = dz1 @ self.W1.T
        return dx, {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2, "W3": dW3, "b3": db3}


class ReluDense:
    """a = max(0, x W + b), with a dict for a cache and names of its own for the mask."""

    params = ("W", "b")

    def __init__(self):
        rng = np.random.default_rng(1)
        self.W, self.b = rng.normal(size=(4, 3)), rng.normal(size=3)

    def forward(self, x):
        z = x.dot(self.W) + self.b
        return np.maximum(z, 0), {"x": x, "z": z}

    def backward(self, da, cache):
        x, z = cache["x"], cache["z"]
        dz = np.where(z > 0, da, 0.0)
        grads = {"W": x.T.dot(dz)}
        grads["b"] = np.sum(dz, axis=0)
        return dz.dot(self.W.T), grads


class Tanh:
    def forward(self, z):
        a = np.tanh(z)
        return a, (z, a)

    def backward(self, da, cache):
        a = cache[1]
        slope = 1 - a * a
        dz = da * slope
        return dz, {}


class Leaky:
    def forward(self, z):
        return np.where(z > 0, z, 0.1 * z), z

    def backward(self, da, z):
        return da * np.where(z > 0, 1.0, 0.1), {}


class Bounded:
    def forward(self, x):
        return np.clip(x, -0.8, 0.8), x

    def backward(self, dy, x):
        return dy * (np.abs(x) < 0.8), {}


class Scale:
    """y = γ x + β, one of each for a feature; what is handed on is the upstream gradient itself."""

    params = ("gamma", "beta")

    def __init__(self):
        rng = np.random.default_rng(2)
        self.gamma, self.beta = rng.uniform(0.5, 2, 4), rng.normal(size=4)

    def forward(self, x):
        return self.gamma * x + self.beta, x

    def backward(self, dy, x):
        dgamma = (dy * x).sum(axis=0)
        return dy * self.gamma, {"gamma": dgamma, "beta": dy.sum(axis=0)}


class BatchNorm:
    def forward(self, x):
        std = np.sqrt(x.var(axis=0) + 1e-3)
        y = (x - x.mean(axis=0)) / std
        return y, (y, std)

    def backward(self, dy, cache):
        y, std = cache
        N = len(y)
        return (dy - dy.sum(axis=0) / N - y * (dy * y).sum(axis=0) / N) / std, {}


class Softmax:
    def forward(self, z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        s = e / e.sum(axis=1, keepdims=True)
        return s, s

    def backward(self, ds, s):
        total = (ds * s).sum(axis=1, keepdims=True)
        return s * (ds - total), {}


class Attention:
    """y = softmax(q kᵀ / √d) v for the rows of one sequence."""

    def forward(self, q, k, v):
        A = np.exp(q @ k.T / np.sqrt(q.shape[1]))
        A = A / A.sum(axis=1, keepdims=True)
        return A @ v, (q, k, v, A)

    def backward(self, dy, cache):
        q, k, v, A = cache
        dA = dy @ v.T
        dS = A * (dA - (dA * A).sum(axis=1, keepdims=True)) / np.sqrt(q.shape[1])
        return (dS @ k, dS.T @ q, A.T @ dy), {}
