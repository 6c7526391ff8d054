"""Activations with options, and log-softmax: what an option changes, and what a shared sum adds."""

import numpy as np


class ELU:
    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def forward(self, z):
        a = np.where(z > 0, z, self.alpha * np.expm1(np.minimum(z, 0)))
        return a, (z, a)

    def backward(self, da, cache):
        z, a = cache
        return da * np.where(z > 0, 1, a + self.alpha), {}


class ELUOutputForSlope(ELU):
    """Below 0 the slope is α eᶻ, which is α more than the output."""

    def backward(self, da, cache):
        z, a = cache
        return da * np.where(z > 0, 1, a), {}  # planted


class SharperSoftplus:
    def __init__(self, beta=1.0):
        self.beta = beta

    def forward(self, z):
        return np.logaddexp(0, self.beta * z) / self.beta, z

    def backward(self, da, z):
        return da / (1 + np.exp(-self.beta * z)), {}


class SharperSoftplusBetaForgotten(SharperSoftplus):
    def backward(self, da, z):
        return da / (1 + np.exp(-z)), {}  # planted


class LogSoftmax:
    def forward(self, z):
        shifted = z - z.max(axis=-1, keepdims=True)
        a = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        return a, a

    def backward(self, da, a):
        p = np.exp(a)
        dz = da - p * da.sum(axis=-1, keepdims=True)
        return dz, {}


class LogSoftmaxSumAdded(LogSoftmax):
    def backward(self, da, a):
        p = np.exp(a)
        dz = da + p * da.sum(axis=-1, keepdims=True)  # planted
        return dz, {}


class SwishOfBeta:
    """x σ(βx), its gate sharper than SiLU's."""

    beta = 1.5

    def forward(self, x):
        s = 1 / (1 + np.exp(-self.beta * x))
        return x * s, (x, s)

    def backward(self, dy, cache):
        x, s = cache
        ds = x * dy
        return dy * s + ds * self.beta * s * (1 - s), {}


class SwishOfBetaChainBroken(SwishOfBeta):
    """The inner derivative β is left out."""

    def backward(self, dy, cache):
        x, s = cache
        ds = x * dy
        return dy * s + ds * s * (1 - s), {}  # planted


X = ((5, 4),)
PLANTED = [
    (
        "activation-derivative-wrong",
        "ELUOutputForSlope(0.7)",
        X,
        {"z"},
        "return da * np.where(z > 0, 1, a + self.alpha), {}",
        {"against": "nn.ELU(0.7)"},
    ),
    (
        "activation-derivative-wrong",
        "SharperSoftplusBetaForgotten(2.5)",
        X,
        {"z"},
        "return da / (1 + np.exp(-self.beta * z)), {}",
        {"against": "nn.Softplus(2.5)"},
    ),
    (
        "sign-flipped",
        "LogSoftmaxSumAdded()",
        X,
        {"z"},
        "dz = da - p * da.sum(axis=-1, keepdims=True)",
        {"against": "nn.LogSoftmax(-1)"},
    ),
    (
        "constant-factor",
        "SwishOfBetaChainBroken()",
        X,
        {"x"},
        "return dy * s + ds * self.beta * s * (1 - s), {}",
    ),
]
RIGHT = [
    ("ELU(0.7)", X, {"against": "nn.ELU(0.7)", "name": "elu-of-alpha"}),
    (
        "SharperSoftplus(2.5)",
        X,
        {"against": "lambda z: torch.logaddexp(2.5 * z, torch.zeros_like(z)) / 2.5"},
    ),  # no threshold
    ("LogSoftmax()", X, {"against": "nn.LogSoftmax(-1)", "name": "log-softmax-by-shift"}),
    ("SwishOfBeta()", X),
]
