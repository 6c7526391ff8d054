"""Convolutions along time: taps one by one, padding, dilation."""

import numpy as np


class Conv1d:
    """y[n, f, t] = Σ w[f, c, k] x[n, c, t + k] + b[f], padded by one zero on each side."""

    params = ("weight", "bias")

    def __init__(self):
        rng = np.random.default_rng(11)
        self.weight = rng.normal(size=(2, 3, 3))
        self.bias = rng.normal(size=2)

    def forward(self, x):
        xp = np.pad(x, ((0, 0), (0, 0), (1, 1)))
        T = x.shape[2]
        y = sum(np.einsum("fc,nct->nft", self.weight[:, :, k], xp[:, :, k : k + T]) for k in range(3))
        return y + self.bias[None, :, None], xp

    def backward(self, dy, xp):
        T = dy.shape[2]
        dxp, dW = np.zeros_like(xp), np.zeros_like(self.weight)
        for k in range(3):
            dW[:, :, k] = np.einsum("nft,nct->fc", dy, xp[:, :, k : k + T])
            dxp[:, :, k : k + T] += np.einsum("fc,nft->nct", self.weight[:, :, k], dy)
        return dxp[:, :, 1:-1], {"weight": dW, "bias": dy.sum(axis=(0, 2))}


class Conv1dCropShifted(Conv1d):
    """Both zeros are cut off at the same end."""

    def backward(self, dy, xp):
        T = dy.shape[2]
        dxp, dW = np.zeros_like(xp), np.zeros_like(self.weight)
        for k in range(3):
            dW[:, :, k] = np.einsum("nft,nct->fc", dy, xp[:, :, k : k + T])
            dxp[:, :, k : k + T] += np.einsum("fc,nft->nct", self.weight[:, :, k], dy)
        dx = dxp[:, :, :-2]  # planted
        return dx, {"weight": dW, "bias": dy.sum(axis=(0, 2))}


class Conv1dTapsReversed(Conv1d):
    """dW of a convolution, for a forward that correlates."""

    def backward(self, dy, xp):
        T = dy.shape[2]
        dxp = np.zeros_like(xp)
        for k in range(3):
            dxp[:, :, k : k + T] += np.einsum("fc,nft->nct", self.weight[:, :, k], dy)
        taps = [np.einsum("nft,nct->fc", dy, xp[:, :, k : k + T]) for k in range(3)]
        dW = np.stack(taps[::-1], axis=2)  # planted
        return dxp[:, :, 1:-1], {"weight": dW, "bias": dy.sum(axis=(0, 2))}


class Conv1dConvolves(Conv1d):
    """A convolution in the strict sense, right in itself; torch's layer correlates."""

    def forward(self, x):
        xp, T = np.pad(x, ((0, 0), (0, 0), (1, 1))), x.shape[2]
        w = self.weight[:, :, ::-1]  # planted
        y = sum(np.einsum("fc,nct->nft", w[:, :, k], xp[:, :, k : k + T]) for k in range(3))
        return y + self.bias[:, None], (xp, w)

    def backward(self, dy, cache):
        xp, w = cache
        T = dy.shape[2]
        dxp, dW = np.zeros_like(xp), np.zeros_like(w)
        for k in range(3):
            dW[:, :, k] += np.einsum("nft,nct->fc", dy, xp[:, :, 2 - k : 2 - k + T])
            dxp[:, :, k : k + T] += np.einsum("fc,nft->nct", w[:, :, k], dy)
        return dxp[:, :, 1:-1], {"weight": dW, "bias": dy.sum(axis=(0, 2))}


class DilatedConv1d:
    """Taps two steps apart, no padding, no bias."""

    params = ("weight",)
    dilation = 2

    def __init__(self):
        self.weight = np.random.default_rng(12).normal(size=(2, 3, 3))

    def forward(self, x):
        d, T = self.dilation, x.shape[2] - 2 * self.dilation
        taps = np.stack([x[:, :, d * k : d * k + T] for k in range(3)], axis=3)
        return np.einsum("nctk,fck->nft", taps, self.weight), (x.shape, taps)

    def backward(self, dy, cache):
        shape, taps = cache
        d, T = self.dilation, dy.shape[2]
        dx = np.zeros(shape, dy.dtype)
        for k in range(3):
            dx[:, :, d * k : d * k + T] += np.tensordot(dy, self.weight[:, :, k], (1, 0)).swapaxes(1, 2)
        return dx, {"weight": np.einsum("nft,nctk->fck", dy, taps)}


class DilatedConv1dUndilated(DilatedConv1d):
    def backward(self, dy, cache):
        shape, taps = cache
        T = dy.shape[2]
        dx = np.zeros(shape, dy.dtype)
        for k in range(3):
            dx[:, :, k : k + T] += np.einsum("nft,fc->nct", dy, self.weight[:, :, k])  # planted
        return dx, {"weight": np.einsum("nft,nctk->fck", dy, taps)}


X = ((2, 3, 6),)
CONV = {"against": "nn.Conv1d(3, 2, 3, padding=1)"}
DILATED = {"against": "nn.Conv1d(3, 2, 3, dilation=2, bias=False)"}
PLANTED = [
    ("window-edge", "Conv1dCropShifted()", X, {"x"}, "dx = dxp[:, :, 1:-1]", CONV),
    ("kernel-flipped", "Conv1dTapsReversed()", X, {"weight"}, "dW = np.stack(taps, axis=2)", CONV),
    (
        "forward-mismatch",
        "Conv1dConvolves()",
        X,
        {"output", "x", "weight"},
        None,
        CONV | {"also": ("kernel-flipped",)},
    ),
    (
        "window-edge",
        "DilatedConv1dUndilated()",
        X,
        {"x"},
        'dx[:, :, 2 * k : 2 * k + T] += np.einsum("nft,fc->nct", dy, self.weight[:, :, k])',
        DILATED,
    ),
]
RIGHT = [
    ("Conv1d()", X, CONV),
    ("DilatedConv1d()", X, DILATED),
]
