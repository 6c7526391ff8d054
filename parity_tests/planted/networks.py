"""Whole networks in one class: every layer's derivative in one backward, gradients in attributes or dicts."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class TwoLayerNet:
    """Dense, ReLU, dense; weights in `params`, gradients in `grads`."""

    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        self.params = {"W1": rng.normal(size=(4, 6)), "b1": rng.normal(size=6)}
        self.params |= {"W2": rng.normal(size=(6, 3)), "b2": rng.normal(size=3)}
        self.grads = {}

    def forward(self, X):
        self.X = X
        self.z1 = X @ self.params["W1"] + self.params["b1"]
        self.h1 = np.maximum(0, self.z1)
        return self.h1 @ self.params["W2"] + self.params["b2"]

    def backward(self, dscores):
        dh1 = dscores @ self.params["W2"].T
        dz1 = dh1 * (self.z1 > 0)
        self.grads = {"W2": self.h1.T @ dscores, "b2": dscores.sum(axis=0)}
        self.grads |= {"W1": self.X.T @ dz1, "b1": dz1.sum(axis=0)}
        return dz1 @ self.params["W1"].T


class TwoLayerNetMaskOfGradient(TwoLayerNet):
    def backward(self, dscores):
        self.grads["W2"] = self.h1.T @ dscores
        self.grads["b2"] = np.sum(dscores, axis=0)
        dh1 = dscores @ self.params["W2"].T
        dh1[dh1 < 0] = 0  # planted
        self.grads["W1"] = self.X.T @ dh1
        self.grads["b1"] = np.sum(dh1, axis=0)
        return dh1 @ self.params["W1"].T


class TwoLayerNetAveragesAgain(TwoLayerNet):
    def backward(self, dscores):
        N = len(self.X)
        self.grads["W2"] = np.dot(self.h1.T, dscores)
        self.grads["b2"] = dscores.sum(axis=0)
        dz1 = np.where(self.z1 > 0, dscores @ self.params["W2"].T, 0)
        self.grads["W1"] = np.dot(self.X.T, dz1) / N  # planted
        self.grads["b1"] = dz1.sum(axis=0)
        return dz1 @ self.params["W1"].T


class ThreeLayerNet:
    """Three dense layers, tanh between them."""

    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        self.W1, self.b1 = rng.normal(0, 0.6, size=(4, 5)), rng.normal(0, 0.4, size=5)
        self.W2, self.b2 = rng.normal(0, 0.6, size=(5, 5)), rng.normal(0, 0.4, size=5)
        self.W3, self.b3 = rng.normal(0, 0.6, size=(5, 2)), rng.normal(0, 0.4, size=2)

    def forward(self, x):
        self.x = x
        self.a1 = np.tanh(x @ self.W1 + self.b1)
        self.a2 = np.tanh(self.a1 @ self.W2 + self.b2)
        return self.a2 @ self.W3 + self.b3

    def backward(self, dz3):
        self.dW3, self.db3 = self.a2.T @ dz3, dz3.sum(axis=0)
        dz2 = (dz3 @ self.W3.T) * (1 - self.a2**2)
        self.dW2, self.db2 = self.a1.T @ dz2, dz2.sum(axis=0)
        dz1 = (dz2 @ self.W2.T) * (1 - self.a1**2)
        self.dW1, self.db1 = self.x.T @ dz1, dz1.sum(axis=0)
        return dz1 @ self.W1.T


class ThreeLayerNetMiddleSlopeForgotten(ThreeLayerNet):
    def backward(self, dz3):
        self.dW3, self.db3 = self.a2.T @ dz3, dz3.sum(axis=0)
        dz2 = dz3 @ self.W3.T  # planted
        self.dW2, self.db2 = self.a1.T @ dz2, dz2.sum(axis=0)
        dz1 = (dz2 @ self.W2.T) * (1 - self.a1**2)
        self.dW1, self.db1 = self.x.T @ dz1, dz1.sum(axis=0)
        return dz1 @ self.W1.T


class ThreeLayerNetMiddleTransposed(ThreeLayerNet):
    """W2 is square."""

    def backward(self, dz3):
        self.dW3, self.db3 = self.a2.T @ dz3, dz3.sum(axis=0)
        dz2 = (dz3 @ self.W3.T) * (1 - self.a2**2)
        self.dW2, self.db2 = self.a1.T @ dz2, dz2.sum(axis=0)
        da1 = dz2 @ self.W2  # planted
        dz1 = da1 * (1 - self.a1**2)
        self.dW1, self.db1 = self.x.T @ dz1, dz1.sum(axis=0)
        return dz1 @ self.W1.T


class ThreeLayerNetMiddleBiasAveraged(ThreeLayerNet):
    def backward(self, dz3):
        self.dW3, self.db3 = self.a2.T @ dz3, dz3.sum(axis=0)
        dz2 = (dz3 @ self.W3.T) * (1 - self.a2**2)
        self.dW2 = self.a1.T @ dz2
        self.db2 = dz2.mean(axis=0)  # planted
        dz1 = (dz2 @ self.W2.T) * (1 - self.a1**2)
        self.dW1, self.db1 = self.x.T @ dz1, dz1.sum(axis=0)
        return dz1 @ self.W1.T


class ThreeLayerNetTwoMistakes(ThreeLayerNet):
    def backward(self, dz3):
        self.dW3 = self.a2.T @ dz3
        self.db3 = dz3.mean(axis=0)  # planted
        dz2 = (dz3 @ self.W3.T) * (1 - self.a2**2)
        self.dW2, self.db2 = self.a1.T @ dz2, dz2.sum(axis=0)
        dz1 = dz2 @ self.W2.T  # planted
        self.dW1, self.db1 = self.x.T @ dz1, dz1.sum(axis=0)
        return dz1 @ self.W1.T


class TwoLayerNetTwoMistakes(TwoLayerNet):
    def backward(self, dscores):
        self.grads["W2"] = -(self.h1.T @ dscores)  # planted
        self.grads["b2"] = dscores.sum(axis=0)
        dh1 = dscores @ self.params["W2"].T
        dz1 = dh1 * (self.z1 > 0)
        self.grads["W1"] = self.X.T @ dz1
        self.grads["b1"] = dz1[0]  # planted
        return dz1 @ self.params["W1"].T


class LogisticClassifier:
    """One neuron; backward starts from the labels that forward was given."""

    def __init__(self):
        rng = np.random.default_rng(27)
        self.w, self.b = rng.normal(size=3), rng.normal(size=1)

    def forward(self, x, t):
        self.x, self.t, self.p = x, t, sigmoid(x @ self.w + self.b)
        return -np.mean(t * np.log(self.p) + (1 - t) * np.log(1 - self.p))

    def backward(self, dJ):
        dz = dJ * (self.p - self.t) / len(self.t)
        self.dw, self.db = self.x.T @ dz, dz.sum(keepdims=True)
        return np.outer(dz, self.w)


class LogisticClassifierAscends(LogisticClassifier):
    def backward(self, dJ):
        dz = dJ * (self.t - self.p) / len(self.t)  # planted
        self.dw, self.db = self.x.T @ dz, dz.sum(keepdims=True)
        return np.outer(dz, self.w)


class LogisticClassifierOfSum(LogisticClassifier):
    def backward(self, dJ):
        dz = dJ * (self.p - self.t)  # planted
        self.dw, self.db = self.x.T @ dz, dz.sum(keepdims=True)
        return np.outer(dz, self.w)


class SigmoidTwice:
    """A binary classifier whose probability goes through one more sigmoid, which backward does not know."""

    def __init__(self):
        rng = np.random.default_rng(32)
        self.V, self.w = rng.normal(size=(4, 3)), rng.normal(size=(3, 1))
        self.V_grad, self.w_grad = np.zeros((4, 3)), np.zeros((3, 1))

    def forward(self, x):
        self.x, self.h = x, np.tanh(x @ self.V)
        self.p = sigmoid(self.h @ self.w)
        return sigmoid(self.p)  # planted

    def backward(self, dp):
        dz = dp * self.p * (1 - self.p)
        self.w_grad = self.h.T @ dz
        dh = (dz @ self.w.T) * (1 - self.h**2)
        self.V_grad = self.x.T @ dh
        return dh @ self.V.T


def labelled(rng):
    return rng.normal(size=(6, 3)), rng.integers(0, 2, 6).astype(float)


X = ((7, 4),)
ALL = {"x", "w", "b"}
CLASSIFIER = {
    "against": "nn.Sequential(nn.Linear(4, 3, False), nn.Tanh(), nn.Linear(3, 1, False), nn.Sigmoid())",
}
UP_TO_2 = {"x", "W1", "b1", "W2", "b2"}
RELU = {"against": "nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))"}
SLOPE2 = "dz2 = (dz3 @ self.W3.T) * (1 - self.a2**2)"
PLANTED = [
    ("mask-wrong", "TwoLayerNetMaskOfGradient()", X, {"X", "W1", "b1"}, "dh1[self.z1 < 0] = 0", RELU),
    (
        "extra-mean",
        "TwoLayerNetAveragesAgain()",
        X,
        {"W1"},
        'self.grads["W1"] = np.dot(self.X.T, dz1)',
        RELU,
    ),
    ("activation-derivative-missing", "ThreeLayerNetMiddleSlopeForgotten()", X, UP_TO_2, SLOPE2),
    ("transposed", "ThreeLayerNetMiddleTransposed()", X, {"x", "W1", "b1"}, "da1 = dz2 @ self.W2.T"),
    ("bias-averaged", "ThreeLayerNetMiddleBiasAveraged()", X, {"b2"}, "self.db2 = dz2.sum(axis=0)"),
    ("sign-flipped", "LogisticClassifierAscends()", labelled, ALL, "dz = dJ * (self.p - self.t) / len(self.t)"),
    ("missing-mean", "LogisticClassifierOfSum()", labelled, ALL, "dz = dJ * (self.p - self.t) / len(self.t)"),
    ("link-doubled", "SigmoidTwice()", X, {"output"}, "return self.p", CLASSIFIER),
]
RIGHT = [
    ("TwoLayerNet()", X, RELU),
    ("ThreeLayerNet()", X),
    ("LogisticClassifier()", labelled),
]
TWO_MISTAKES = [
    (
        ("bias-averaged", "activation-derivative-missing"),
        "ThreeLayerNetTwoMistakes()",
        X,
        {"x", "W1", "b1", "b3"},
        ("self.db3 = dz3.sum(axis=0)", "dz1 = (dz2 @ self.W2.T) * (1 - self.a1**2)"),
        {"x", "W1", "b1"},
    ),
    (
        ("sign-flipped", "bias-not-summed"),
        "TwoLayerNetTwoMistakes()",
        X,
        {"W2", "b1"},
        ('self.grads["W2"] = self.h1.T @ dscores', 'self.grads["b1"] = dz1.sum(axis=0)'),
        {"b1"},
        RELU,
    ),
]
