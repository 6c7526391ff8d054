"""Normalisations whose backward goes back step by step, as it is derived by hand: exponents and axes go wrong there."""

import numpy as np


class StagedBatchNorm:
    """x̂ = (x − mean) v^(−1/2), v = var + ε; then dv and dmean, and from both dx."""

    eps = 1e-5

    def forward(self, x):
        self.centred = x - x.mean(axis=0)
        self.v = x.var(axis=0) + self.eps
        return self.centred / np.sqrt(self.v)

    def backward(self, dy):
        dv = (dy * self.centred * -0.5 * self.v**-1.5).sum(axis=0)
        dmean = -(dy / np.sqrt(self.v)).sum(axis=0)
        return dy / np.sqrt(self.v) + dv * 2 * self.centred / len(dy) + dmean / len(dy)


class StagedBatchNormOtherExponent(StagedBatchNorm):
    def backward(self, dy):
        dv = (dy * self.centred * -0.5 * self.v**-0.5).sum(axis=0)  # planted
        dmean = -(dy / np.sqrt(self.v)).sum(axis=0)
        return dy / np.sqrt(self.v) + dv * 2 * self.centred / len(dy) + dmean / len(dy)


class UnitRows:
    """y = x / n, n the length of each row."""

    def forward(self, x):
        self.x, self.n = x, np.sqrt((x**2).sum(axis=1, keepdims=True))
        return x / self.n

    def backward(self, dy):
        return dy / self.n - self.x * (dy * self.x).sum(axis=1, keepdims=True) / self.n**3


class UnitRowsSquaredLength(UnitRows):
    def backward(self, dy):
        return dy / self.n - self.x * (dy * self.x).sum(axis=1, keepdims=True) / self.n**2  # planted


class RowNorm:
    """Each row by its own mean and deviation."""

    def forward(self, x):
        self.std = x.std(axis=1, keepdims=True)
        self.y = (x - x.mean(axis=1, keepdims=True)) / self.std
        return self.y

    def backward(self, dy):
        along = (dy * self.y).mean(axis=1, keepdims=True)
        return (dy - dy.mean(axis=1, keepdims=True) - self.y * along) / self.std


class RowNormAsOfColumns(RowNorm):
    def backward(self, dy):
        return (dy - dy.mean(0) - self.y * (dy * self.y).mean(0)) / self.std  # planted


X = ((6, 4),)
ALONG = "(dy * self.y).mean(axis=1, keepdims=True)"
PLANTED = [
    (
        "activation-derivative-wrong",
        "StagedBatchNormOtherExponent()",
        X,
        {"x"},
        "dv = (dy * self.centred * -0.5 * self.v**-1.5).sum(axis=0)",
    ),
    (
        "activation-derivative-wrong",
        "UnitRowsSquaredLength()",
        X,
        {"x"},
        "return dy / self.n - self.x * (dy * self.x).sum(axis=1, keepdims=True) / self.n**3",
    ),
    (
        "wrong-axis",
        "RowNormAsOfColumns()",
        X,
        {"x"},
        f"return (dy - dy.mean(axis=1, keepdims=True) - self.y * {ALONG}) / self.std",
    ),
]
RIGHT = [("StagedBatchNorm()", X), ("UnitRows()", X), ("RowNorm()", X)]
