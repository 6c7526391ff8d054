"""Normalisation of each row by its own statistics: layer norm and RMS norm."""

import numpy as np


class LayerNorm:
    """y = γ x̂ + β, x̂ = (x − mean) / √(var + ε), statistics over the features; ε is large here."""

    params = ("weight", "bias")
    eps = 0.1

    def __init__(self):
        rng = np.random.default_rng(5)
        self.weight = rng.uniform(0.5, 2, size=6)
        self.bias = rng.normal(size=6)

    def forward(self, x):
        mean = x.mean(axis=-1, keepdims=True)
        var = x.var(axis=-1, keepdims=True)
        std = np.sqrt(var + self.eps)
        xhat = (x - mean) / std
        return self.weight * xhat + self.bias, (xhat, var)

    def backward(self, dy, cache):
        xhat, var = cache
        std = np.sqrt(var + self.eps)
        g = dy * self.weight
        dx = (g - g.mean(axis=-1, keepdims=True) - xhat * np.mean(g * xhat, axis=-1, keepdims=True)) / std
        return dx, {"weight": (dy * xhat).sum(axis=0), "bias": dy.sum(axis=0)}


class LayerNormFixedStatistics(LayerNorm):
    def backward(self, dy, cache):
        xhat, var = cache
        dx = dy * self.weight / np.sqrt(var + self.eps)  # planted
        return dx, {"weight": (dy * xhat).sum(axis=0), "bias": dy.sum(axis=0)}


class LayerNormVarianceForgotten(LayerNorm):
    def backward(self, dy, cache):
        xhat, var = cache
        g = dy * self.weight
        dx = (g - g.mean(axis=-1, keepdims=True)) / np.sqrt(var + self.eps)  # planted
        return dx, {"weight": (dy * xhat).sum(axis=0), "bias": dy.sum(axis=0)}


class LayerNormWithoutGamma(LayerNorm):
    def backward(self, dy, cache):
        xhat, var = cache
        std = np.sqrt(var + self.eps)
        g = dy * 1.0  # planted
        dx = (g - g.mean(axis=-1, keepdims=True) - xhat * np.mean(g * xhat, axis=-1, keepdims=True)) / std
        return dx, {"weight": (dy * xhat).sum(axis=0), "bias": dy.sum(axis=0)}


class LayerNormEpsilonOutside(LayerNorm):
    def backward(self, dy, cache):
        xhat, var = cache
        std = np.sqrt(var) + self.eps  # planted
        g = dy * self.weight
        dx = (g - g.mean(axis=-1, keepdims=True) - xhat * np.mean(g * xhat, axis=-1, keepdims=True)) / std
        return dx, {"weight": (dy * xhat).sum(axis=0), "bias": dy.sum(axis=0)}


class LayerNormOverBatch(LayerNorm):
    def backward(self, dy, cache):
        xhat, var = cache
        g = dy * self.weight
        along = np.mean(g * xhat, axis=0, keepdims=True)  # planted
        dx = (g - g.mean(axis=-1, keepdims=True) - xhat * along) / np.sqrt(var + self.eps)
        return dx, {"weight": (dy * xhat).sum(axis=0), "bias": dy.sum(axis=0)}


class LayerNormGammaUnreduced(LayerNorm):
    def backward(self, dy, cache):
        xhat, var = cache
        g = dy * self.weight
        centred = g - g.mean(axis=-1, keepdims=True) - xhat * np.mean(g * xhat, axis=-1, keepdims=True)
        dgamma = dy * xhat  # planted
        return centred / np.sqrt(var + self.eps), {"weight": dgamma, "bias": dy.sum(axis=0)}


class RMSNorm:
    """y = γ x / √(mean x² + ε)."""

    params = ("weight",)

    def __init__(self):
        self.weight = np.random.default_rng(7).uniform(0.5, 2, size=6)

    def forward(self, x):
        r = 1 / np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-6)
        return x * r * self.weight, (x, r)

    def backward(self, dy, cache):
        x, r = cache
        g = dy * self.weight
        dx = r * g - r**3 * x * np.mean(g * x, axis=-1, keepdims=True)
        return dx, {"weight": np.sum(dy * x * r, axis=0)}


class RMSNormFixedScale(RMSNorm):
    def backward(self, dy, cache):
        x, r = cache
        dx = r * dy * self.weight  # planted
        return dx, {"weight": np.sum(dy * x * r, axis=0)}


class RMSNormGammaInOneTermOnly(RMSNorm):
    def backward(self, dy, cache):
        x, r = cache
        along = np.mean(dy * x, axis=-1, keepdims=True)  # planted
        dx = r * dy * self.weight - r**3 * x * along
        return dx, {"weight": np.sum(dy * x * r, axis=0)}


class UnitLength:
    """y = x / ‖x‖, row by row."""

    def forward(self, x):
        norm = np.linalg.norm(x, axis=1, keepdims=True)
        return x / norm, (x / norm, norm)

    def backward(self, dy, cache):
        y, norm = cache
        return (dy - y * np.sum(dy * y, axis=1, keepdims=True)) / norm, {}


class UnitLengthRootOfSquares(UnitLength):
    """The factor 2 of the square was kept, the 1/2 of the root was not."""

    def backward(self, dy, cache):
        y, norm = cache
        along = 2 * np.sum(dy * y, axis=1, keepdims=True)  # planted
        return (dy - y * along) / norm, {}


class StandardiseBySample:
    """Right in itself; torch's layer norm divides by n, not n − 1."""

    def forward(self, x):
        std = np.sqrt(x.var(axis=1, ddof=1, keepdims=True))  # planted
        y = (x - x.mean(axis=1, keepdims=True)) / std
        return y, (y, std)

    def backward(self, dy, cache):
        y, std = cache
        along = np.sum(dy * y, axis=1, keepdims=True) / (y.shape[1] - 1)
        return (dy - dy.mean(axis=1, keepdims=True) - y * along) / std, {}


X = ((4, 6),)
LAYER, RMS = {"against": "nn.LayerNorm(6, eps=0.1)"}, {"against": "nn.RMSNorm(6, eps=1e-6)"}
UNIT = {"against": "lambda x: F.normalize(x, dim=1)"}
DX = "dx = (g - g.mean(axis=-1, keepdims=True) - xhat * np.mean(g * xhat, axis=-1, keepdims=True)) / std"
PLANTED = [
    ("statistics-constant", "LayerNormFixedStatistics()", X, {"x"}, None, LAYER),
    (
        "centring-term-missing",
        "LayerNormVarianceForgotten()",
        X,
        {"x"},
        DX.replace("std", "np.sqrt(var + self.eps)"),
        LAYER,
    ),
    ("scale-missing", "LayerNormWithoutGamma()", X, {"x"}, "g = dy * self.weight", LAYER),
    ("variance-convention", "LayerNormEpsilonOutside()", X, {"x"}, "std = np.sqrt(var + self.eps)", LAYER),
    ("wrong-axis", "LayerNormOverBatch()", X, {"x"}, "along = np.mean(g * xhat, axis=-1, keepdims=True)", LAYER),
    ("broadcast-not-reduced", "LayerNormGammaUnreduced()", X, {"weight"}, "dgamma = (dy * xhat).sum(axis=0)", LAYER),
    ("statistics-constant", "RMSNormFixedScale()", X, {"x"}, None, RMS),
    (
        "scale-missing",
        "RMSNormGammaInOneTermOnly()",
        X,
        {"x"},
        "along = np.mean(dy * self.weight * x, axis=-1, keepdims=True)",
        RMS,
    ),
    ("constant-factor", "UnitLengthRootOfSquares()", X, {"x"}, "along = np.sum(dy * y, axis=1, keepdims=True)", UNIT),
    (
        "forward-mismatch",
        "StandardiseBySample()",
        X,
        {"output", "x"},
        None,
        {"against": "lambda x: F.layer_norm(x, (6,), eps=0)", "also": ("variance-convention",)},
    ),
]
RIGHT = [
    ("LayerNorm()", X, LAYER),
    ("RMSNorm()", X, RMS),
    ("UnitLength()", X, UNIT),
]
