"""Convolutions (cross-correlations, as in torch): by loops, by windows, with stride, padding and dilation."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class Conv2d:
    """Stride 2, padding 1, by windows and einsum; x (N, C, H, W), weight (F, C, 3, 3)."""

    params = ("weight", "bias")
    stride, pad = 2, 1

    def __init__(self):
        rng = np.random.default_rng(8)
        self.weight = rng.normal(size=(2, 3, 3, 3))
        self.bias = rng.normal(size=2)

    def forward(self, x):
        p, s = self.pad, self.stride
        xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        windows = sliding_window_view(xp, (3, 3), axis=(2, 3))[:, :, ::s, ::s]
        y = np.einsum("ncijkl,fckl->nfij", windows, self.weight) + self.bias[:, None, None]
        return y, (xp.shape, windows)

    def backward(self, dy, cache):
        shape, windows = cache
        p, s, (H, W) = self.pad, self.stride, dy.shape[2:]
        dxp = np.zeros(shape, dy.dtype)
        for k in range(3):
            for m in range(3):
                dxp[:, :, k : k + s * H : s, m : m + s * W : s] += np.einsum(
                    "nfij,fc->ncij", dy, self.weight[:, :, k, m]
                )
        dW = np.einsum("nfij,ncijkl->fckl", dy, windows)
        return dxp[:, :, p:-p, p:-p], {"weight": dW, "bias": dy.sum(axis=(0, 2, 3))}


class Conv2dLoops:
    """One output pixel after the other, stride 1, no padding."""

    params = ("W", "b")

    def __init__(self):
        rng = np.random.default_rng(9)
        self.W = rng.normal(size=(2, 2, 3, 2))
        self.b = rng.normal(size=2)

    def forward(self, x):
        N, _, H, W = x.shape
        F, _, HH, WW = self.W.shape
        out = np.zeros((N, F, H - HH + 1, W - WW + 1), dtype=x.dtype)
        for n in range(N):
            for f in range(F):
                for i in range(out.shape[2]):
                    for j in range(out.shape[3]):
                        out[n, f, i, j] = np.sum(x[n, :, i : i + HH, j : j + WW] * self.W[f]) + self.b[f]
        return out, x

    def backward(self, dout, x):
        dx, dW, db = np.zeros_like(x), np.zeros_like(self.W), np.zeros_like(self.b)
        _, _, HH, WW = self.W.shape
        for n, f, i, j in np.ndindex(dout.shape):
            dx[n, :, i : i + HH, j : j + WW] += self.W[f] * dout[n, f, i, j]
            dW[f] += x[n, :, i : i + HH, j : j + WW] * dout[n, f, i, j]
            db[f] += dout[n, f, i, j]
        return dx, {"W": dW, "b": db}


class Conv2dLoopsOverwriting(Conv2dLoops):
    """Windows overlap."""

    def backward(self, dout, x):
        dx, dW, db = np.zeros_like(x), np.zeros_like(self.W), np.zeros_like(self.b)
        _, _, HH, WW = self.W.shape
        for n, f, i, j in np.ndindex(dout.shape):
            dx[n, :, i : i + HH, j : j + WW] = self.W[f] * dout[n, f, i, j]  # planted
            dW[f] += x[n, :, i : i + HH, j : j + WW] * dout[n, f, i, j]
            db[f] += dout[n, f, i, j]
        return dx, {"W": dW, "b": db}


class Conv2dBiasAveraged(Conv2d):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        grads["bias"] = dy.mean(axis=(0, 2, 3))  # planted
        return dx, grads


class Conv2dBiasPerImage(Conv2d):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        grads["bias"] = dy.sum(axis=(2, 3))  # planted
        return dx, grads


class Conv2dStrideForgotten(Conv2d):
    def backward(self, dy, cache):
        shape, windows = cache
        dxp, (H, W) = np.zeros(shape, dy.dtype), dy.shape[2:]
        for k in range(3):
            for m in range(3):
                part = np.tensordot(dy, self.weight[:, :, k, m], axes=(1, 0)).transpose(0, 3, 1, 2)
                dxp[:, :, k : k + H, m : m + W] += part  # planted
        dW = np.einsum("nfij,ncijkl->fckl", dy, windows)
        return dxp[:, :, 1:-1, 1:-1], {"weight": dW, "bias": dy.sum(axis=(0, 2, 3))}


class Conv2dCroppedAtOneEnd(Conv2d):
    stride = 1

    def backward(self, dy, cache):
        shape, windows = cache
        dxp, (H, W) = np.zeros(shape, dy.dtype), dy.shape[2:]
        for k, m in np.ndindex(3, 3):
            dxp[:, :, k : k + H, m : m + W] += np.einsum("nfij,fc->ncij", dy, self.weight[:, :, k, m])
        dW = np.einsum("nfij,ncijkl->fckl", dy, windows)
        return dxp[:, :, :H, :W], {"weight": dW, "bias": dy.sum(axis=(0, 2, 3))}  # planted


class Conv2dReshapedForTransposed:
    """Kernels of one pixel, as one product for all of them."""

    params = ("weight",)

    def __init__(self):
        self.weight = np.random.default_rng(8).normal(size=(2, 3))

    def forward(self, x):
        self.x = x
        return np.einsum("fc,nchw->nfhw", self.weight, x)

    def backward(self, dy):
        N, F, H, W = dy.shape
        rows = dy.reshape(N, H * W, F)  # planted
        self.dweight = np.einsum("npf,ncp->fc", rows, self.x.reshape(N, 3, H * W))
        return np.swapaxes(rows @ self.weight, 1, 2).reshape(self.x.shape)


class Conv2dKernelUnflipped:
    """Padding 1, stride 1: dx is again a convolution, of dy, but with the kernel turned by 180°."""

    params = ("weight",)

    def __init__(self):
        self.weight = np.random.default_rng(10).normal(size=(2, 3, 3, 3))

    def correlate(self, x, weight):
        windows = sliding_window_view(np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), axis=(2, 3))
        return np.einsum("ncijkl,fckl->nfij", windows, weight), windows

    def forward(self, x):
        return self.correlate(x, self.weight)

    def backward(self, dy, windows):
        turned = self.weight.transpose(1, 0, 2, 3)  # planted
        dx, _ = self.correlate(dy, turned)
        return dx, {"weight": np.einsum("nfij,ncijkl->fckl", dy, windows)}


X, SMALL = ((2, 3, 5, 7),), ((2, 2, 4, 4),)
CONV = {"against": "nn.Conv2d(3, 2, 3, stride=2, padding=1)"}
LOOPS = {"against": "nn.Conv2d(2, 2, (3, 2))"}
PLANTED = [
    (
        "path-missing",
        "Conv2dLoopsOverwriting()",
        SMALL,
        {"x"},
        "dx[n, :, i : i + HH, j : j + WW] += self.W[f] * dout[n, f, i, j]",
        LOOPS | {"also": ("duplicate-index",), "formula": False},
    ),
    ("bias-averaged", "Conv2dBiasAveraged()", X, {"bias"}, 'grads["bias"] = dy.sum(axis=(0, 2, 3))', CONV),
    ("bias-not-summed", "Conv2dBiasPerImage()", X, {"bias"}, 'grads["bias"] = dy.sum(axis=(0, 2, 3))', CONV),
    (
        "window-edge",
        "Conv2dStrideForgotten()",
        X,
        {"x"},
        "dxp[:, :, k : k + 2 * H : 2, m : m + 2 * W : 2] += part",
        CONV,
    ),
    ("window-edge", "Conv2dCroppedAtOneEnd()", X, {"x"}, None, CONV | {"against": "nn.Conv2d(3, 2, 3, padding=1)"}),
    (
        "permuted",
        "Conv2dReshapedForTransposed()",
        X,
        {"x", "weight"},
        "rows = np.moveaxis(dy, 1, -1).reshape(N, H * W, F)",
    ),
    (
        "kernel-flipped",
        "Conv2dKernelUnflipped()",
        ((2, 3, 4, 5),),
        {"x"},
        "turned = self.weight.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]",
        {"against": "nn.Conv2d(3, 2, 3, padding=1, bias=False)"},
    ),
]
RIGHT = [
    ("Conv2d()", X, CONV),
    ("Conv2dLoops()", SMALL, LOOPS),
]
