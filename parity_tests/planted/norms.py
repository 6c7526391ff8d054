"""Normalisation over the batch and over images: the statistics depend on x, and that is two terms of dx."""

import numpy as np


class BatchNorm:
    """y = γ (x − mean) / √(var + ε) + β, statistics over the batch."""

    params = ("weight", "bias")
    eps = 1e-5

    def __init__(self):
        rng = np.random.default_rng(4)
        self.weight = rng.uniform(0.5, 2, size=4)
        self.bias = rng.normal(size=4)

    def forward(self, x):
        mean = x.mean(axis=0)
        std = np.sqrt(((x - mean) ** 2).mean(axis=0) + self.eps)
        xhat = (x - mean) / std
        return self.weight * xhat + self.bias, (xhat, std)

    def backward(self, dy, cache):
        xhat, std = cache
        dxhat = dy * self.weight
        dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / std
        return dx, {"weight": (dy * xhat).sum(axis=0), "bias": dy.sum(axis=0)}


class BatchNormStepByStep(BatchNorm):
    """The same derivative, one node of the graph after the other."""

    def forward(self, x):
        N = x.shape[0]
        mu = 1 / N * np.sum(x, axis=0)
        xmu = x - mu
        var = 1 / N * np.sum(xmu**2, axis=0)
        sqrtvar = np.sqrt(var + self.eps)
        ivar = 1 / sqrtvar
        return self.weight * (xmu * ivar) + self.bias, (xmu, ivar, sqrtvar, var)

    def backward(self, dy, cache):
        xmu, ivar, sqrtvar, var = cache
        N, D = dy.shape
        dgamma, dbeta = np.sum(dy * xmu * ivar, axis=0), np.sum(dy, axis=0)
        dxhat = dy * self.weight
        divar = np.sum(dxhat * xmu, axis=0)
        dsqrtvar = -1 / sqrtvar**2 * divar
        dvar = 0.5 / np.sqrt(var + self.eps) * dsqrtvar
        dxmu = dxhat * ivar + 2 * xmu * (1 / N * np.ones((N, D)) * dvar)
        dmu = -np.sum(dxmu, axis=0)
        return dxmu + 1 / N * np.ones((N, D)) * dmu, {"weight": dgamma, "bias": dbeta}


class BatchNormFixedStatistics(BatchNorm):
    def backward(self, dy, cache):
        xhat, std = cache
        dx = self.weight * dy / std  # planted
        return dx, {"weight": (dy * xhat).sum(axis=0), "bias": dy.sum(axis=0)}


class BatchNormMeanForgotten(BatchNorm):
    def backward(self, dy, cache):
        xhat, std = cache
        dxhat = dy * self.weight
        dx = (dxhat - xhat * (dxhat * xhat).mean(axis=0)) / std  # planted
        return dx, {"weight": (dy * xhat).sum(axis=0), "bias": dy.sum(axis=0)}


class BatchNormWithoutGamma(BatchNorm):
    def backward(self, dy, cache):
        xhat, std = cache
        dxhat = dy  # planted
        dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / std
        return dx, {"weight": (dy * xhat).sum(axis=0), "bias": dy.sum(axis=0)}


class BatchNormSampleVariance(BatchNorm):
    """Backward takes the statistics again, with n − 1."""

    def forward(self, x):
        return super().forward(x)[0], x

    def backward(self, dy, x):
        std = np.sqrt(x.var(axis=0, ddof=1) + self.eps)  # planted
        xhat = (x - x.mean(axis=0)) / std
        dxhat = dy * self.weight
        dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / std
        return dx, {"weight": (dy * xhat).sum(axis=0), "bias": dy.sum(axis=0)}


class BatchNormShiftAveraged(BatchNorm):
    def backward(self, dy, cache):
        xhat, std = cache
        dxhat = dy * self.weight
        dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / std
        dbeta = np.mean(dy, axis=0)  # planted
        return dx, {"weight": np.sum(dy * xhat, axis=0), "bias": dbeta}


class InstanceNorm:
    """y = (x − mean) / √(var + ε) over the pixels of each channel of each image (N, C, H, W)."""

    eps = 1e-5

    def forward(self, x):
        mean = x.mean(axis=(2, 3), keepdims=True)
        std = np.sqrt(((x - mean) ** 2).mean(axis=(2, 3), keepdims=True) + self.eps)
        y = (x - mean) / std
        return y, {"y": y, "std": std}

    def backward(self, dy, cache):
        y, std = cache["y"], cache["std"]
        m = y.shape[2] * y.shape[3]
        centred = dy.sum(axis=(2, 3), keepdims=True) + y * (dy * y).sum(axis=(2, 3), keepdims=True)
        return (m * dy - centred) / (m * std), {}


class InstanceNormPixelsOfRow(InstanceNorm):
    def backward(self, dy, cache):
        y, std = cache["y"], cache["std"]
        m = y.shape[3]  # planted
        centred = dy.sum(axis=(2, 3), keepdims=True) + y * (dy * y).sum(axis=(2, 3), keepdims=True)
        return dy / std - centred / (m * std), {}


class InstanceNormOverBatch(InstanceNorm):
    def backward(self, dy, cache):
        y, std = cache["y"], cache["std"]
        axes = (0, 2, 3)  # planted
        mean, along = dy.mean(axis=axes, keepdims=True), (dy * y).mean(axis=axes, keepdims=True)
        return (dy - mean - y * along) / std, {}


class GroupNorm:
    """Statistics over pairs of channels and all pixels; γ and β per channel."""

    params = ("weight", "bias")

    def __init__(self):
        rng = np.random.default_rng(6)
        self.weight, self.bias = rng.uniform(0.5, 2, 4), rng.normal(size=4)

    def forward(self, x):
        g = x.reshape(len(x), 2, -1)
        mean, var = g.mean(axis=2, keepdims=True), g.var(axis=2, keepdims=True)
        istd = 1 / np.sqrt(var + 1e-5)
        xhat = ((g - mean) * istd).reshape(x.shape)
        return xhat * self.weight.reshape(1, -1, 1, 1) + self.bias.reshape(1, -1, 1, 1), (xhat, istd)

    def backward(self, dy, cache):
        xhat, istd = cache
        grads = {"weight": np.einsum("nchw,nchw->c", dy, xhat), "bias": np.einsum("nchw->c", dy)}
        d = (dy * self.weight[None, :, None, None]).reshape(len(dy), 2, -1)
        h = xhat.reshape(d.shape)
        d = d - d.mean(axis=2, keepdims=True) - h * np.mean(d * h, axis=2, keepdims=True)
        return (d * istd).reshape(dy.shape), grads


X, IMAGES = ((6, 4),), ((2, 4, 3, 2),)
BATCH = {"against": "nn.BatchNorm1d(4, track_running_stats=False)"}
INSTANCE = {"against": "nn.InstanceNorm2d(4)"}
DX = "dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / std"
PLANTED = [
    ("statistics-constant", "BatchNormFixedStatistics()", X, {"x"}, None, BATCH),
    ("centring-term-missing", "BatchNormMeanForgotten()", X, {"x"}, DX, BATCH),
    ("scale-missing", "BatchNormWithoutGamma()", X, {"x"}, "dxhat = dy * self.weight", BATCH),
    (
        "variance-convention",
        "BatchNormSampleVariance()",
        X,
        {"x", "weight"},
        "std = np.sqrt(x.var(axis=0) + self.eps)",
        BATCH,
    ),
    ("bias-averaged", "BatchNormShiftAveraged()", X, {"bias"}, "dbeta = np.sum(dy, axis=0)", BATCH),
    ("wrong-count", "InstanceNormPixelsOfRow()", IMAGES, {"x"}, "m = y.shape[2] * y.shape[3]", INSTANCE),
    ("wrong-axis", "InstanceNormOverBatch()", IMAGES, {"x"}, "axes = (2, 3)", INSTANCE),
]
RIGHT = [
    ("BatchNorm()", X, BATCH),
    ("BatchNormStepByStep()", X, BATCH),
    ("InstanceNorm()", IMAGES, INSTANCE),
    ("GroupNorm()", IMAGES, {"against": "nn.GroupNorm(2, 4)"}),
]
