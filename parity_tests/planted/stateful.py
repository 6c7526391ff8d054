"""Layers that keep state, and what goes wrong between two calls, in place, and in the order of updates."""

import numpy as np


class Affine:
    """Gradients dW and db."""

    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        self.W, self.b = rng.normal(size=(4, 3)), rng.normal(size=3)
        self.dW, self.db = np.zeros_like(self.W), np.zeros_like(self.b)

    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return np.dot(dout, self.W.T)


class AffineAccumulating(Affine):
    def backward(self, dout):
        self.dW += np.dot(self.x.T, dout)  # planted
        self.db = np.sum(dout, axis=0)
        return np.dot(dout, self.W.T)


class AffineUpdatesFirst(Affine):
    lr = 0.1

    def backward(self, dout):
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        self.W = self.W - self.lr * self.dW  # planted
        return np.dot(dout, self.W.T)


class AffineOfOneExample(Affine):
    """np.outer flattens the batch."""

    def backward(self, dout):
        self.dW = np.outer(self.x[0], dout)[:, : self.W.shape[1]]  # planted
        self.db = np.sum(dout, axis=0)
        return np.dot(dout, self.W.T)


class AffineOfAnotherName(Affine):
    """Backward asks for what forward kept under another name."""

    def backward(self, dout):
        self.dW = np.dot(self.inputs.T, dout)  # planted
        self.db = np.sum(dout, axis=0)
        return np.dot(dout, self.W.T)


class DictsOfGradients:
    """Parameters and gradients in dicts, as in `params` and `grads`."""

    def __init__(self):
        rng = np.random.default_rng(24)
        self.params = {"W": rng.normal(size=(4, 3)), "b": rng.normal(size=3)}
        self.grads = {"W": np.zeros((4, 3)), "b": np.zeros(3)}

    def forward(self, x):
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dout):
        self.grads["W"] = self.x.T @ dout
        self.grads["b"] = dout.sum(0)
        return dout @ self.params["W"].T


class DictAccumulating(DictsOfGradients):
    def backward(self, dout):
        self.grads["W"] = self.x.T @ dout
        self.grads["b"] += dout.sum(0)  # planted
        return dout @ self.params["W"].T


class DictDescendsFirst(DictsOfGradients):
    """One step of descent in each backward, in place."""

    def backward(self, dout):
        self.grads["W"] = self.x.T @ dout
        self.grads["b"] = dout.sum(0)
        for name in self.params:
            self.params[name] -= 0.05 * self.grads[name]  # planted
        return dout @ self.params["W"].T


class Relu:
    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dx = dout.copy()
        dx[self.mask] = 0
        return dx


class ReluZeroesItsUpstream(Relu):
    def backward(self, dout):
        dout[self.mask] = 0  # planted
        dx = dout
        return dx


class ReluZeroesItsInput(Relu):
    def forward(self, x):
        self.mask = x <= 0
        x[self.mask] = 0  # planted
        return x


class Centre:
    """x minus the mean of its column; in place, as the caller will find out."""

    def forward(self, x):
        x -= x.mean(axis=0)  # planted
        return x, None

    def backward(self, dy, _):
        return dy - dy.mean(axis=0), {}


class TanhSlopeInPlace:
    """Saves an array by writing the slope over the output that was kept."""

    def forward(self, x):
        self.out = np.tanh(x)
        return self.out.copy()

    def backward(self, dout):
        squared = np.square(self.out, out=self.out)  # planted
        return dout * (1 - squared)


class ScaledCachePopped:
    """y = x w; the cache is a list, and backward takes from it."""

    params = ("w",)

    def __init__(self):
        self.w = np.random.default_rng(25).normal(size=4)

    def forward(self, x):
        return x * self.w, [x]

    def backward(self, dy, cache):
        x = cache.pop()  # planted
        return dy * self.w, {"w": (dy * x).sum(axis=0)}


class SigmoidCacheOverwritten:
    def forward(self, z):
        a = 1 / (1 + np.exp(-z))
        return a, a.copy()

    def backward(self, da, slope):
        slope *= 1 - slope  # planted
        return da * slope, {}


class SumOfOnes:
    """y = Σ w x of each row; the gradient of J = Σ y was taken."""

    def __init__(self):
        self.w = np.random.default_rng(26).normal(size=4)
        self.grad_w = np.zeros(4)

    def forward(self, x):
        self.x = x
        return x.dot(self.w)

    def backward(self, dy):
        self.grad_w = self.x.sum(axis=0)  # planted
        return np.outer(dy, self.w)


X = ((5, 4),)
LINEAR = {"against": "nn.Linear(4, 3)"}
PLANTED = [
    ("accumulated", "AffineAccumulating()", X, {"W"}, "self.dW = np.dot(self.x.T, dout)", LINEAR),
    ("accumulated", "DictAccumulating()", X, {"b"}, 'self.grads["b"] = dout.sum(0)', LINEAR),
    ("updated-weights", "AffineUpdatesFirst()", X, {"x"}, "pass", LINEAR),
    ("updated-weights", "DictDescendsFirst()", X, {"x"}, "pass", LINEAR),
    ("batch-of-one-only", "AffineOfOneExample()", X, {"W"}, "self.dW = np.dot(self.x.T, dout)", LINEAR),
    ("raised", "AffineOfAnotherName()", X, set(), "self.dW = np.dot(self.x.T, dout)", LINEAR),
    (
        "input-mutated",
        "ReluZeroesItsUpstream()",
        X,
        set(),
        "dout = np.where(self.mask, 0, dout)",
        {"against": "nn.ReLU()"},
    ),
    ("input-mutated", "ReluZeroesItsInput()", X, set(), "x = np.where(self.mask, 0, x)", {"against": "nn.ReLU()"}),
    ("input-mutated", "Centre()", X, set(), "x = x - x.mean(axis=0)", {"against": "lambda x: x - x.mean(0)"}),
    ("cache-mutated", "TanhSlopeInPlace()", X, {"x"}, "squared = np.square(self.out)", {"against": "nn.Tanh()"}),
    ("cache-mutated", "ScaledCachePopped()", X, {"x", "w"}, "(x,) = cache"),
    ("cache-mutated", "SigmoidCacheOverwritten()", X, {"z"}, "slope = slope * (1 - slope)"),
    ("upstream-ignored", "SumOfOnes()", X, {"w"}, "self.grad_w = dy @ self.x"),
]
RIGHT = [
    ("Affine()", X, LINEAR | {"name": "affine-with-state"}),
    ("DictsOfGradients()", X, LINEAR | {"name": "dicts-of-gradients"}),
    ("Relu()", X, {"name": "relu-with-state"}),
]
