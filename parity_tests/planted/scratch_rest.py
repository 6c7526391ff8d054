"""One mistake each for what has none elsewhere: flattening, batch norm of pictures."""

import numpy as np


class Flatten:
    def forward(self, x):
        return x.reshape(len(x), -1), x.shape

    def backward(self, dy, shape):
        dx = dy.reshape(shape)
        return dx, {}


class FlattenReadByColumns(Flatten):
    def backward(self, dy, shape):
        dx = dy.reshape(shape, order="F")  # planted
        return dx, {}


class BatchNormOfPictures:
    """x̂ = (x − m) / s, channel by channel."""

    def forward(self, x):
        d = x - x.mean(axis=(0, 2, 3), keepdims=True)
        s = np.sqrt((d * d).mean(axis=(0, 2, 3), keepdims=True) + 1e-5)
        return d / s, (d / s, s)

    def backward(self, dy, cache):
        y, s = cache
        dx = dy - dy.mean(axis=(0, 2, 3), keepdims=True) - y * (dy * y).mean(axis=(0, 2, 3), keepdims=True)
        return dx / s, {}


class BatchNormOfPicturesFixedStatistics(BatchNormOfPictures):
    def backward(self, dy, cache):
        _, s = cache
        dx = dy / s  # planted
        return dx, {}


PICTURES = ((3, 2, 2, 3),)
FLAT, NORM = {"against": "nn.Flatten()"}, {"against": "nn.BatchNorm2d(2, affine=False, track_running_stats=False)"}
PLANTED = [
    ("permuted", "FlattenReadByColumns()", PICTURES, {"x"}, "dx = dy.reshape(shape)", FLAT),
    ("statistics-constant", "BatchNormOfPicturesFixedStatistics()", PICTURES, {"x"}, None, NORM),
]
RIGHT = [("Flatten()", PICTURES, FLAT | {"name": "flatten-by-rows"}), ("BatchNormOfPictures()", PICTURES, NORM)]
