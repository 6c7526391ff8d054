"""Transposed and grouped convolution, pooling over bins and over padded borders."""

import numpy as np


class ConvTranspose2d:
    """Stride 2: each pixel of x writes a window of 3 × 2; x (N, C, H, W), weight (C, F, 3, 2)."""

    params = ("weight", "bias")
    stride = 2

    def __init__(self):
        rng = np.random.default_rng(21)
        self.weight = rng.normal(size=(3, 2, 3, 2))
        self.bias = rng.normal(size=2)

    def window(self, o, q):
        s, (K, L) = self.stride, self.weight.shape[2:]
        return slice(None), slice(None), slice(s * o, s * o + K), slice(s * q, s * q + L)

    def forward(self, x):
        N, _, H, W = x.shape
        _, F, K, L = self.weight.shape
        z = np.zeros((N, F, self.stride * (H - 1) + K, self.stride * (W - 1) + L), x.dtype)
        for o, q in np.ndindex(H, W):
            z[self.window(o, q)] += np.tensordot(x[:, :, o, q], self.weight, axes=(1, 0))
        return z + self.bias[:, None, None], x

    def backward(self, dz, x):
        dx, dW = np.zeros_like(x), np.zeros_like(self.weight)
        for o, q in np.ndindex(*x.shape[2:]):
            seen = dz[self.window(o, q)]
            dx[:, :, o, q] = np.tensordot(seen, self.weight, axes=((1, 2, 3), (1, 2, 3)))
            dW += np.tensordot(x[:, :, o, q], seen, axes=(0, 0))
        return dx, {"weight": dW, "bias": dz.sum(axis=(0, 2, 3))}


class ConvTranspose2dTurned(ConvTranspose2d):
    """The kernel is turned by 180°, as if a convolution were to be undone."""

    def backward(self, dz, x):
        turned = self.weight[:, :, ::-1, ::-1]  # planted
        dx, dW = np.zeros_like(x), np.zeros_like(self.weight)
        for o, q in np.ndindex(*x.shape[2:]):
            seen = dz[self.window(o, q)]
            dx[:, :, o, q] = np.tensordot(seen, turned, axes=((1, 2, 3), (1, 2, 3)))
            dW += np.tensordot(x[:, :, o, q], seen, axes=(0, 0))
        return dx, {"weight": dW, "bias": dz.sum(axis=(0, 2, 3))}


class GroupedConv1d:
    """Two groups of two channels each, taps one by one, no padding; weight (4, 2, 3)."""

    params = ("weight",)
    groups = 2

    def __init__(self):
        self.weight = np.random.default_rng(22).normal(size=(4, 2, 3))

    def forward(self, x):
        T = x.shape[2] - 2
        y = np.zeros((len(x), 4, T), x.dtype)
        for g in range(self.groups):
            own = slice(2 * g, 2 * g + 2)
            for k in range(3):
                y[:, own] += np.einsum("fc,nct->nft", self.weight[own, :, k], x[:, own, k : k + T])
        return y, x

    def backward(self, dy, x):
        T = dy.shape[2]
        parts, dW = [], np.zeros_like(self.weight)
        for g in range(self.groups):
            own, part = slice(2 * g, 2 * g + 2), np.zeros_like(x[:, :2])
            for k in range(3):
                dW[own, :, k] = np.einsum("nft,nct->fc", dy[:, own], x[:, own, k : k + T])
                part[:, :, k : k + T] += np.einsum("fc,nft->nct", self.weight[own, :, k], dy[:, own])
            parts.append(part)
        return np.concatenate(parts, axis=1), {"weight": dW}


class GroupedConv1dShuffled(GroupedConv1d):
    """The channels of the groups come out in turn."""

    def backward(self, dy, x):
        T = dy.shape[2]
        parts, dW = [], np.zeros_like(self.weight)
        for g in range(self.groups):
            own, part = slice(2 * g, 2 * g + 2), np.zeros_like(x[:, :2])
            for k in range(3):
                dW[own, :, k] = np.einsum("nft,nct->fc", dy[:, own], x[:, own, k : k + T])
                part[:, :, k : k + T] += np.einsum("fc,nft->nct", self.weight[own, :, k], dy[:, own])
            parts.append(part)
        dx = np.stack(parts, axis=2).reshape(x.shape)  # planted
        return dx, {"weight": dW}


class AdaptiveAvgPool2d:
    """The mean of each of 2 × 3 bins, which overlap where they do not divide the size."""

    rows, columns = 2, 3

    def bins(self, shape):
        H, W = shape[2:]
        for o in range(self.rows):
            for q in range(self.columns):
                top, bottom = o * H // self.rows, -(-(o + 1) * H // self.rows)
                left, right = q * W // self.columns, -(-(q + 1) * W // self.columns)
                yield o, q, top, bottom, left, right

    def forward(self, x):
        y = np.empty((*x.shape[:2], self.rows, self.columns), x.dtype)
        for o, q, top, bottom, left, right in self.bins(x.shape):
            y[:, :, o, q] = x[:, :, top:bottom, left:right].mean(axis=(2, 3))
        return y, x.shape

    def backward(self, dy, shape):
        dx = np.zeros(shape, dy.dtype)
        for o, q, top, bottom, left, right in self.bins(shape):
            share = dy[:, :, o, q] / ((bottom - top) * (right - left))
            dx[:, :, top:bottom, left:right] += share[:, :, None, None]
        return dx, {}


class AdaptiveAvgPool2dOverwriting(AdaptiveAvgPool2d):
    """A pixel can lie in several bins."""

    def backward(self, dy, shape):
        dx = np.zeros(shape, dy.dtype)
        for o, q, top, bottom, left, right in self.bins(shape):
            share = dy[:, :, o, q] / ((bottom - top) * (right - left))
            dx[:, :, top:bottom, left:right] = share[:, :, None, None]  # planted
        return dx, {}


class PaddedAvgPool1d:
    """Windows of 3, stride 2, one zero on each side that does not count."""

    def counts(self, length):
        starts = 2 * np.arange((length - 1) // 2 + 1) - 1
        return np.minimum(starts + 3, length) - np.maximum(starts, 0)

    def forward(self, x):
        xp = np.pad(x, ((0, 0), (0, 0), (1, 1)))
        n = self.counts(x.shape[2])
        sums = sum(xp[:, :, k : k + 2 * len(n) - 1 : 2] for k in range(3))
        return sums / n, xp

    def backward(self, dy, xp):
        dxp, n = np.zeros_like(xp), self.counts(xp.shape[2] - 2)
        share = dy / n
        for k in range(3):
            dxp[:, :, k : k + 2 * len(n) - 1 : 2] += share
        return dxp[:, :, 1:-1], {}


class PaddedAvgPool1dNeighbours(PaddedAvgPool1d):
    """Windows one pixel apart, as with stride 1."""

    def backward(self, dy, xp):
        dxp, n = np.zeros_like(xp), self.counts(xp.shape[2] - 2)
        share = dy / n
        for k in range(3):
            dxp[:, :, k : k + len(n)] += share  # planted
        return dxp[:, :, 1:-1], {}


X, GROUPS, IMAGES, LINES = ((2, 3, 3, 4),), ((2, 4, 6),), ((2, 2, 5, 8),), ((2, 3, 7),)
TRANSPOSED = {"against": "nn.ConvTranspose2d(3, 2, (3, 2), stride=2)"}
GROUPED = {"against": "nn.Conv1d(4, 4, 3, groups=2, bias=False)"}
ADAPTIVE = {"against": "nn.AdaptiveAvgPool2d((2, 3))"}
PADDED = {"against": "nn.AvgPool1d(3, 2, 1, count_include_pad=False)"}
PLANTED = [
    ("kernel-flipped", "ConvTranspose2dTurned()", X, {"x"}, "turned = self.weight", TRANSPOSED),
    ("permuted", "GroupedConv1dShuffled()", GROUPS, {"x"}, "dx = np.concatenate(parts, axis=1)", GROUPED),
    (
        "path-missing",
        "AdaptiveAvgPool2dOverwriting()",
        IMAGES,
        {"x"},
        "dx[:, :, top:bottom, left:right] += share[:, :, None, None]",
        ADAPTIVE | {"also": ("duplicate-index",), "formula": False},
    ),
    (
        "window-edge",
        "PaddedAvgPool1dNeighbours()",
        LINES,
        {"x"},
        "dxp[:, :, k : k + 2 * len(n) - 1 : 2] += share",
        PADDED,
    ),
]
RIGHT = [
    ("ConvTranspose2d()", X, TRANSPOSED),
    ("GroupedConv1d()", GROUPS, GROUPED),
    ("AdaptiveAvgPool2d()", IMAGES, ADAPTIVE),
    ("PaddedAvgPool1d()", LINES, PADDED),
]
