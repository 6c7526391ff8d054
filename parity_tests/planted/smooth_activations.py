"""Smooth activations: a product rule, and an inner function that has a derivative of its own."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class SiLU:
    def forward(self, x):
        s = sigmoid(x)
        return x * s, (x, s)

    def backward(self, dy, cache):
        x, s = cache
        return dy * (s + x * s * (1 - s)), {}


class SiLUGateHeldFixed(SiLU):
    def backward(self, dy, cache):
        x, s = cache
        return dy * s, {}  # planted


class GELU:
    """The approximation by tanh."""

    def forward(self, x):
        t = np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))
        return 0.5 * x * (1 + t), (x, t)

    def backward(self, dy, cache):
        x, t = cache
        inner = np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x**2)
        return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * inner), {}


class GELUInnerForgotten(GELU):
    def backward(self, dy, cache):
        x, t = cache
        inner = np.sqrt(2 / np.pi)  # planted
        return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * inner), {}


class GELUOfSigmoid(GELU):
    """The derivative of the other approximation, x σ(1.702 x)."""

    def backward(self, dy, cache):
        x, _ = cache
        s = sigmoid(1.702 * x)  # planted
        return dy * (s + 1.702 * x * s * (1 - s)), {}


class Softplus:
    def forward(self, x):
        return np.logaddexp(0, x), x

    def backward(self, dy, x):
        return dy / (1 + np.exp(-x)), {}


class SoftplusSlopeForgotten(Softplus):
    def backward(self, dy, x):
        dx = 1.0 * dy  # planted
        return dx, {}


X = ((5, 4),)
GELU_TANH = {"against": 'nn.GELU(approximate="tanh")'}
INNER = "inner = np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x**2)"
PLANTED = [
    (
        "activation-derivative-wrong",
        "SiLUGateHeldFixed()",
        X,
        {"x"},
        "return dy * (s + x * s * (1 - s)), {}",
        {"against": "nn.SiLU()", "also": ("path-missing",)},
    ),
    ("activation-derivative-wrong", "GELUInnerForgotten()", X, {"x"}, INNER, GELU_TANH),
    ("variant-mismatch", "GELUOfSigmoid()", X, {"x"}, None, GELU_TANH),
    (
        "activation-derivative-missing",
        "SoftplusSlopeForgotten()",
        X,
        {"x"},
        "dx = dy / (1 + np.exp(-x))",
        {"against": "nn.Softplus()"},
    ),
]
RIGHT = [
    ("SiLU()", X, {"against": "nn.SiLU()"}),
    ("GELU()", X, GELU_TANH),
    ("Softplus()", X, {"against": "nn.Softplus()"}),
]
