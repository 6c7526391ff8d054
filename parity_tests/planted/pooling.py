"""Pooling: the gradient of a maximum goes to one pixel, that of a mean to all of them."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class MaxPool2d:
    """Windows of 2 × 2 that do not overlap."""

    def forward(self, x):
        N, C, H, W = x.shape
        blocks = x.reshape(N, C, H // 2, 2, W // 2, 2)
        y = blocks.max(axis=(3, 5))
        return y, blocks == y[:, :, :, None, :, None]

    def backward(self, dy, mask):
        N, C, H, _, W, _ = mask.shape
        return (mask * dy[:, :, :, None, :, None]).reshape(N, C, 2 * H, 2 * W), {}


class MaxPool2dToAll(MaxPool2d):
    def backward(self, dy, mask):
        dx = dy.repeat(2, axis=2).repeat(2, axis=3)  # planted
        return dx, {}


class OverlappingMaxPool2d:
    """Windows of 3 × 3, stride 2, by loops."""

    size, stride = 3, 2

    def forward(self, x):
        k, s = self.size, self.stride
        N, C, H, W = x.shape
        y = np.empty((N, C, (H - k) // s + 1, (W - k) // s + 1), x.dtype)
        for i in range(y.shape[2]):
            for j in range(y.shape[3]):
                y[:, :, i, j] = x[:, :, i * s : i * s + k, j * s : j * s + k].max(axis=(2, 3))
        return y, (x, y)

    def backward(self, dy, cache):
        x, y = cache
        k, s = self.size, self.stride
        dx = np.zeros_like(x)
        for i in range(dy.shape[2]):
            for j in range(dy.shape[3]):
                window = x[:, :, i * s : i * s + k, j * s : j * s + k]
                mask = window == y[:, :, i, j][:, :, None, None]
                dx[:, :, i * s : i * s + k, j * s : j * s + k] += mask * dy[:, :, i, j][:, :, None, None]
        return dx, {}


class OverlappingMaxPool2dOverwriting(OverlappingMaxPool2d):
    """A pixel can be the maximum of several windows."""

    def backward(self, dy, cache):
        x, y = cache
        k, s = self.size, self.stride
        dx = np.zeros_like(x)
        for i in range(dy.shape[2]):
            for j in range(dy.shape[3]):
                mask = x[:, :, i * s : i * s + k, j * s : j * s + k] == y[:, :, i : i + 1, j : j + 1]
                block = mask * dy[:, :, i : i + 1, j : j + 1]
                dx[:, :, i * s : i * s + k, j * s : j * s + k] = block  # planted
        return dx, {}


class MaxPool1d:
    """Windows of 3, stride 2; the place of the maximum is remembered."""

    def forward(self, x):
        windows = sliding_window_view(x, 3, axis=1)[:, ::2]
        places = windows.argmax(axis=2)
        return np.take_along_axis(windows, places[:, :, None], axis=2)[:, :, 0], (x.shape, places)

    def backward(self, dy, cache):
        shape, places = cache
        dx = np.zeros(shape, dy.dtype)
        rows = np.arange(shape[0])[:, None]
        np.add.at(dx, (rows, 2 * np.arange(dy.shape[1]) + places), dy)
        return dx, {}


class MaxPool1dStrideOfSize(MaxPool1d):
    """Right where the stride is the size of the window."""

    def backward(self, dy, cache):
        shape, places = cache
        dx = np.zeros(shape, dy.dtype)
        starts = 3 * np.arange(dy.shape[1])  # planted
        np.add.at(dx, (np.arange(shape[0])[:, None], np.minimum(starts + places, shape[1] - 1)), dy)
        return dx, {}


class MaxPool1dAssigning(MaxPool1d):
    def backward(self, dy, cache):
        shape, places = cache
        dx = np.zeros(shape, dy.dtype)
        rows, starts = np.arange(shape[0])[:, None], 2 * np.arange(dy.shape[1])
        dx[rows, starts + places] += dy  # planted
        return dx, {}


class AvgPool2d:
    """Windows of 2 × 3 that do not overlap."""

    def forward(self, x):
        N, C, H, W = x.shape
        return x.reshape(N, C, H // 2, 2, W // 3, 3).mean(axis=(3, 5)), x.shape

    def backward(self, dy, shape):
        return np.kron(dy, np.ones((1, 1, 2, 3))) / 6, {}


class AvgPool2dRowsOnly(AvgPool2d):
    def backward(self, dy, shape):
        dx = np.kron(dy, np.ones((1, 1, 2, 3))) / 2  # planted
        return dx, {}


class GlobalAvgPool:
    def forward(self, x):
        return x.mean(axis=(2, 3)), x.shape

    def backward(self, dy, shape):
        H, W = shape[2:]
        return np.broadcast_to(dy[:, :, None, None], shape) / (H * W), {}


class GlobalAvgPoolOverChannels(GlobalAvgPool):
    def backward(self, dy, shape):
        dx = np.ones(shape) * dy[:, :, None, None] / np.prod(shape[1:])  # planted
        return dx, {}


EVEN, ODD, LINES = ((2, 3, 4, 6),), ((2, 2, 5, 7),), ((5, 15),)
MAX, OVERLAPPING, MAX1D = "nn.MaxPool2d(2)", {"against": "nn.MaxPool2d(3, 2)"}, {"against": "nn.MaxPool1d(3, 2)"}
AVERAGE, GLOBAL = {"against": "nn.AvgPool2d((2, 3))"}, {"against": "lambda x: x.mean((2, 3))"}
PLANTED = [
    ("mask-wrong", "MaxPool2dToAll()", EVEN, {"x"}, None, {"against": MAX}),
    (
        "path-missing",
        "OverlappingMaxPool2dOverwriting()",
        ODD,
        {"x"},
        "dx[:, :, i * s : i * s + k, j * s : j * s + k] += block",
        OVERLAPPING | {"also": ("duplicate-index",), "formula": False},
    ),
    ("window-edge", "MaxPool1dStrideOfSize()", LINES, {"x"}, "starts = 2 * np.arange(dy.shape[1])", MAX1D),
    ("duplicate-index", "MaxPool1dAssigning()", LINES, {"x"}, "np.add.at(dx, (rows, starts + places), dy)", MAX1D),
    ("wrong-count", "AvgPool2dRowsOnly()", EVEN, {"x"}, "dx = np.kron(dy, np.ones((1, 1, 2, 3))) / 6", AVERAGE),
    (
        "wrong-count",
        "GlobalAvgPoolOverChannels()",
        EVEN,
        {"x"},
        "dx = np.ones(shape) * dy[:, :, None, None] / np.prod(shape[2:])",
        GLOBAL,
    ),
]
RIGHT = [
    ("MaxPool2d()", EVEN, {"against": MAX}),
    ("OverlappingMaxPool2d()", ODD, OVERLAPPING),
    ("MaxPool1d()", LINES, MAX1D),
    ("AvgPool2d()", EVEN, AVERAGE),
    ("GlobalAvgPool()", EVEN, GLOBAL),
]
