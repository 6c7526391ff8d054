"""Activations: cached input or cached output, and what comes of mixing them up."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class Sigmoid:
    def forward(self, z):
        a = sigmoid(z)
        return a, a

    def backward(self, da, a):
        return da * a * (1 - a), {}


class SigmoidSlopeOfInput:
    """σ′ is written in a and fed z."""

    def forward(self, z):
        a = sigmoid(z)
        return a, z

    def backward(self, da, z):
        dz = da * z * (1 - z)  # planted
        return dz, {}


class SigmoidOfSigmoid(Sigmoid):
    """σ′ is written in z and fed a."""

    def backward(self, da, a):
        s = sigmoid(a)  # planted
        return da * s * (1 - s), {}


class Tanh:
    def forward(self, z):
        a = np.tanh(z)
        return a, (z, a)

    def backward(self, da, cache):
        z, a = cache
        return da * (1 - np.square(a)), {}


class TanhSlopeOfInput(Tanh):
    def backward(self, da, cache):
        z, a = cache
        dz = da * (1 - z**2)  # planted
        return dz, {}


class TanhNotSquared(Tanh):
    def backward(self, da, cache):
        _, a = cache
        return da * (1 - a), {}  # planted


class TanhAsSigmoid(Tanh):
    def backward(self, da, cache):
        _, a = cache
        slope = a * (1 - a)  # planted
        return da * slope, {}


class TanhTwice(Tanh):
    """The upstream gradient was thought to lack what the line above gave it."""

    def backward(self, da, cache):
        _, a = cache
        da = da * (1 - a**2)
        dz = da * (1 - a**2)  # planted
        return dz, {}


class ReLU:
    def forward(self, x):
        return np.maximum(0, x), x

    def backward(self, dy, x):
        dx = np.array(dy, copy=True)
        dx[x <= 0] = 0
        return dx, {}


class ReLUMaskOfUpstream(ReLU):
    def backward(self, dy, x):
        dx = dy.copy()
        dx[dy <= 0] = 0  # planted
        return dx, {}


class ReLUWithoutMask(ReLU):
    def backward(self, dy, x):
        dx = dy.copy()  # planted
        return dx, {}


class ReLUWithoutUpstream(ReLU):
    def backward(self, dy, x):
        dx = (x > 0).astype(x.dtype)  # planted
        return dx, {}


class LeakyReLU:
    slope = 0.1

    def forward(self, x):
        return np.where(x > 0, x, self.slope * x), x

    def backward(self, dy, x):
        return dy * np.where(x > 0, 1.0, self.slope), {}


class LeakyReLUOtherSlope(LeakyReLU):
    def backward(self, dy, x):
        dx = np.where(x > 0, dy, 0.01 * dy)  # planted
        return dx, {}


class ELU:
    alpha = 1.5

    def forward(self, x):
        y = np.where(x > 0, x, self.alpha * (np.exp(np.minimum(x, 0)) - 1))
        return y, (x, y)

    def backward(self, dy, cache):
        x, y = cache
        return dy * np.where(x > 0, 1, y + self.alpha), {}


class ELUOfAlphaOne(ELU):
    def backward(self, dy, cache):
        x, y = cache
        return dy * np.where(x > 0, 1, y + 1), {}  # planted


class Hardtanh:
    def forward(self, x):
        return np.clip(x, -1, 1), x

    def backward(self, dy, x):
        return dy * (np.abs(x) < 1), {}


class HardtanhClipForgotten(Hardtanh):
    def backward(self, dy, x):
        dx = dy * np.ones_like(x)  # planted
        return dx, {}


class SteeperLeak:
    """Right in itself; torch's default slope is 0.01."""

    slope = 0.2  # planted

    def forward(self, x):
        return np.where(x > 0, x, self.slope * x), x

    def backward(self, dy, x):
        return np.where(x > 0, dy, self.slope * dy), {}


X = ((5, 4),)
TANH = {"against": "nn.Tanh()"}
RELU = {"against": "nn.ReLU()"}
PLANTED = [
    ("activation-derivative-wrong-input", "SigmoidSlopeOfInput()", X, {"z"}, "dz = da * sigmoid(z) * (1 - sigmoid(z))"),
    ("activation-derivative-wrong-input", "SigmoidOfSigmoid()", X, {"z"}, "s = a", {"against": "nn.Sigmoid()"}),
    ("activation-derivative-wrong-input", "TanhSlopeOfInput()", X, {"z"}, "dz = da * (1 - a**2)", TANH),
    ("activation-derivative-wrong", "TanhNotSquared()", X, {"z"}, "return da * (1 - a**2), {}", TANH),
    ("activation-derivative-wrong", "TanhAsSigmoid()", X, {"z"}, "slope = 1 - a * a", TANH),
    ("activation-derivative-twice", "TanhTwice()", X, {"z"}, "dz = da", TANH),
    ("mask-wrong", "ReLUMaskOfUpstream()", X, {"x"}, "dx[x <= 0] = 0", RELU),
    (
        "mask-wrong",
        "ReLUWithoutMask()",
        X,
        {"x"},
        "dx = dy * (x > 0)",
        RELU | {"also": ("activation-derivative-missing",)},
    ),
    ("upstream-ignored", "ReLUWithoutUpstream()", X, {"x"}, "dx = dy * (x > 0)", RELU),
    (
        "variant-mismatch",
        "LeakyReLUOtherSlope()",
        X,
        {"x"},
        "dx = np.where(x > 0, dy, 0.1 * dy)",
        {"against": "nn.LeakyReLU(0.1)"},
    ),
    (
        "variant-mismatch",
        "ELUOfAlphaOne()",
        X,
        {"x"},
        "return dy * np.where(x > 0, 1, y + self.alpha), {}",
        {"against": "nn.ELU(1.5)"},
    ),
    (
        "clip-mismatch",
        "HardtanhClipForgotten()",
        X,
        {"x"},
        "dx = dy * (np.abs(x) < 1)",
        {"against": "nn.Hardtanh()", "also": ("mask-wrong",)},
    ),
    ("forward-mismatch", "SteeperLeak()", X, {"output", "x"}, "slope = 0.01", {"against": "nn.LeakyReLU()"}),
]
RIGHT = [
    ("Sigmoid()", X, {"against": "nn.Sigmoid()"}),
    ("Tanh()", X, TANH),
    ("ReLU()", X, RELU),
    ("LeakyReLU()", X, {"against": "nn.LeakyReLU(0.1)"}),
    ("ELU()", X, {"against": "nn.ELU(1.5)"}),
    ("Hardtanh()", X, {"against": "nn.Hardtanh()"}),
]
