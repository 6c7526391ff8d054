"""A convolutional network for small pictures: convolution, ReLU, pooling, again, then a dense layer."""

from itertools import pairwise

import numpy as np

from scratch.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU
from scratch.sequential import Sequential


def cnn(in_channels=1, size=8, channels=(16, 32), classes=10, rng=None, dtype="float64"):
    """Conv2d (3 × 3, padding 1), ReLU, MaxPool2d(2) for each of `channels`, then Flatten and Linear: logits.

    Every pooling halves the height and width, so the dense layer sees channels[-1] · (size / 2^len(channels))² numbers.
    Shapes: x (N, in_channels, size, size), output (N, classes); parameters `0.weight`, `0.bias`, `3.weight`, …
    The defaults fit the digits (N, 1, 8, 8). Raises ValueError where size is no multiple of 2^len(channels).
    Source: lecture 18 names convolutional layers; the pattern is LeCun et al. 1998.
    """
    left, rest = divmod(size, 2 ** len(channels))
    if rest or not left or not channels:
        raise ValueError(
            f"cnn: expected size as a multiple of 2^{len(channels)}, once for each of channels, got {size}"
        )
    rng, layers = np.random.default_rng(rng), []
    for before, after in pairwise((in_channels, *channels)):
        layers += [Conv2d(before, after, 3, padding=1, rng=rng, dtype=dtype), ReLU(), MaxPool2d(2)]
    return Sequential(*layers, Flatten(), Linear(channels[-1] * left * left, classes, rng=rng, dtype=dtype))
