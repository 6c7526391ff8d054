"""Dropout and noise: what was drawn in forward is used in backward, and is not drawn again."""

import numpy as np


class Dropout:
    """Inverted dropout with a generator of its own."""

    keep = 0.6

    def __init__(self):
        self.rng = np.random.default_rng(19)

    def forward(self, x):
        mask = self.rng.random(x.shape) < self.keep
        return x * mask / self.keep, mask

    def backward(self, dy, mask):
        return np.where(mask, dy / self.keep, 0), {}


class DropoutUnscaled(Dropout):
    def backward(self, dy, mask):
        dx = dy * mask  # planted
        return dx, {}


class DropoutWithoutMask(Dropout):
    def backward(self, dy, mask):
        dx = dy / self.keep  # planted
        return dx, {}


class DropoutMaskOfUpstream(Dropout):
    """Where the output was 0, so the thought, the gradient is small."""

    def backward(self, dy, mask):
        dx = np.where(np.abs(dy) > 1 - self.keep, dy / self.keep, 0)  # planted
        return dx, {}


class DropoutDrawnAgain(Dropout):
    def forward(self, x):
        return x * (self.rng.random(x.shape) < self.keep) / self.keep, x.shape

    def backward(self, dy, shape):
        mask = self.rng.random(shape) < self.keep  # planted
        return dy * mask / self.keep, {}


class DropoutOfGlobalRandomness:
    keep = 0.6

    def forward(self, x):
        mask = np.random.rand(*x.shape) < self.keep  # planted
        return x * mask / self.keep, mask

    def backward(self, dy, mask):
        return dy * mask / self.keep, {}


class NoisyScale:
    """y = x (1 + ε), the lecture's kind; ε is drawn without a seed."""

    def forward(self, x):
        self.factor = 1 + np.random.default_rng().normal(size=x.shape)  # planted
        return x * self.factor

    def backward(self, dy):
        return dy * self.factor


class DropoutInPlace:
    """The lecture's kind; the factor and the mask are one array."""

    def __init__(self, rate=0.3):
        self.rate = rate
        self.rng = np.random.default_rng(20)

    def forward(self, x):
        self.scale = self.rng.binomial(1, 1 - self.rate, size=x.shape) / (1 - self.rate)
        return x * self.scale

    def backward(self, dout):
        dx = dout.copy()
        dx *= self.scale
        return dx


X = ((5, 6),)
PLANTED = [
    ("constant-factor", "DropoutUnscaled()", X, {"x"}, "dx = dy * mask / self.keep"),
    ("mask-wrong", "DropoutWithoutMask()", X, {"x"}, "dx = dy / self.keep * mask"),
    ("mask-wrong", "DropoutMaskOfUpstream()", X, {"x"}, "dx = np.where(mask, dy / self.keep, 0)"),
    ("nondeterministic", "DropoutDrawnAgain()", X, {"x"}, None, {"also": ("mask-wrong",)}),
    ("nondeterministic", "DropoutOfGlobalRandomness()", X, {"output", "x"}, None),
    ("nondeterministic", "NoisyScale()", X, {"output", "x"}, None),
]
RIGHT = [
    ("Dropout()", X),
    ("DropoutInPlace()", X),
]
