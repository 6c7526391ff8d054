"""Right layers in plain NumPy, as a student writes them: the mistakes of test_structure_*.py are planted in these."""

import numpy as np


def weights(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class Dense:
    params = ("W", "b")

    def __init__(self, inputs=4, outputs=3):
        self.W, self.b = weights(0, (outputs, inputs), (outputs,))

    def forward(self, x):
        return x @ self.W.T + self.b, x

    def backward(self, dz, x):
        return dz @ self.W, {"W": dz.T @ x, "b": dz.sum(axis=0)}


class Softmax:
    axis = -1

    def forward(self, z):
        e = np.exp(z - z.max(axis=self.axis, keepdims=True))
        s = e / e.sum(axis=self.axis, keepdims=True)
        return s, s

    def backward(self, ds, s):
        return s * (ds - (ds * s).sum(axis=self.axis, keepdims=True)), {}


class LogSoftmax:
    def forward(self, z):
        z = z - z.max(axis=1, keepdims=True)
        y = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return y, y

    def backward(self, dy, y):
        return dy - np.exp(y) * dy.sum(axis=1, keepdims=True), {}


class CrossEntropy:
    """Mean cross-entropy of logits and whole-number labels."""

    def forward(self, z, labels):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        rows = np.arange(len(z))
        return -np.log(p[rows, labels]).mean(), (p, labels, rows)

    def backward(self, dJ, cache):
        p, labels, rows = cache
        dz = p.copy()
        dz[rows, labels] -= 1
        return (dJ * dz / len(p), None), {}


def cross_entropy_of_one_hot(z, target):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return np.asarray(-(target * np.log(p)).sum() / len(z)), (p - target) / len(z)


class LayerNorm:
    params = ("gamma", "beta")
    axis = 1
    eps = 1e-5

    def __init__(self, features=5):
        self.gamma, self.beta = weights(1, (features,), (features,))

    def forward(self, x):
        mean = x.mean(axis=self.axis, keepdims=True)
        centred = x - mean
        var = (centred**2).mean(axis=self.axis, keepdims=True)
        std = np.sqrt(var + self.eps)
        xhat = centred / std
        return self.gamma * xhat + self.beta, (xhat, std)

    def backward(self, dy, cache):
        xhat, std = cache
        dxhat = dy * self.gamma
        terms = dxhat.mean(axis=self.axis, keepdims=True), (dxhat * xhat).mean(axis=self.axis, keepdims=True)
        dx = (dxhat - terms[0] - xhat * terms[1]) / std
        return dx, {"gamma": (dy * xhat).sum(axis=0), "beta": dy.sum(axis=0)}


class BatchNorm(LayerNorm):
    axis = 0

    def forward(self, x):
        mean, var = x.mean(axis=0), x.var(axis=0)
        std = np.sqrt(var + self.eps)
        xhat = (x - mean) / std
        return self.gamma * xhat + self.beta, (xhat, std)


class RMSNorm:
    params = ("gamma",)

    def __init__(self, features=5):
        (self.gamma,) = weights(1, (features,))

    def forward(self, x):
        rms = np.sqrt(np.mean(x * x, axis=1, keepdims=True) + 1e-6)
        xhat = x / rms
        return self.gamma * xhat, (xhat, rms)

    def backward(self, dy, cache):
        xhat, rms = cache
        d = dy * self.gamma
        return (d - xhat * (d * xhat).mean(axis=1, keepdims=True)) / rms, {"gamma": (dy * xhat).sum(axis=0)}


class Embedding:
    params = ("W",)

    def __init__(self, rows=4, features=3):
        (self.W,) = weights(2, (rows, features))

    def forward(self, index):
        return self.W[index], index

    def backward(self, dy, index):
        dW = np.zeros_like(self.W)
        np.add.at(dW, index, dy)
        return None, {"W": dW}


class Residual:
    """y = x + tanh(x Wᵀ) Vᵀ."""

    params = ("W", "V")

    def __init__(self, features=4, hidden=5):
        self.W, self.V = weights(7, (hidden, features), (features, hidden))

    def forward(self, x):
        h = np.tanh(x @ self.W.T)
        return x + h @ self.V.T, (x, h)

    def backward(self, dy, cache):
        x, h = cache
        dh = (dy @ self.V) * (1 - h**2)
        return dy + dh @ self.W, {"W": dh.T @ x, "V": dy.T @ h}


class Tied:
    """z = (x Wᵀ) W: an autoencoder with one weight used twice."""

    params = ("W",)

    def __init__(self, features=4, hidden=3):
        (self.W,) = weights(8, (hidden, features))

    def forward(self, x):
        h = x @ self.W.T
        return h @ self.W, (x, h)

    def backward(self, dz, cache):
        x, h = cache
        dh = dz @ self.W.T
        return dh @ self.W, {"W": dh.T @ x + h.T @ dz}


class Activation:
    """y = act(x); dx = dy·slope(x, y)."""

    @staticmethod
    def act(x):
        return sigmoid(x)

    @staticmethod
    def slope(x, y):
        return y * (1 - y)

    def forward(self, x):
        y = self.act(x)
        return y, (x, y)

    def backward(self, dy, cache):
        return dy * self.slope(*cache), {}


def mean_squares(y, t):
    return np.asarray(((y - t) ** 2).mean()), 2 * (y - t) / y.size


def sum_of_squares(y, t):
    return np.asarray(((y - t) ** 2).sum()), 2 * (y - t)
