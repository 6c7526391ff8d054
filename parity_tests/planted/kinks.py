"""Right choices where there is no derivative, other than torch's."""

import numpy as np


class ReLUAtZero:
    """At 0 any slope from 0 to 1 is right; torch takes 0."""

    def forward(self, x):
        return np.maximum(x, 0), x

    def backward(self, dy, x):
        return dy * (x >= 0), {}  # planted


class AbsAtZero:
    """At 0 any slope from −1 to 1 is right; torch takes 0."""

    def forward(self, x):
        return np.abs(x), x

    def backward(self, dy, x):
        return np.where(x < 0, -dy, dy), {}  # planted


class MaxOfTies:
    """The maximum of each row; every tied entry may take anything from nothing to all."""

    def forward(self, x):
        return x.max(axis=1), x

    def backward(self, dy, x):
        dx = np.zeros_like(x)
        dx[np.arange(len(x)), x.argmax(axis=1)] = dy  # planted
        return dx, {}


def zeros_among(rng):
    return (np.where(rng.random((4, 3)) < 0.4, 0, rng.normal(size=(4, 3))),)


def tied(rng):
    return (np.array([[1.5, -0.3, 1.5], [0.2, 0.7, -1.0], [2.0, 2.0, 2.0]]),)


PLANTED = [
    ("kink", "ReLUAtZero()", zeros_among, set(), None, {"against": "nn.ReLU()"}),
    ("kink", "AbsAtZero()", zeros_among, set(), None, {"against": "torch.abs"}),
    ("kink", "MaxOfTies()", tied, set(), None, {"against": "lambda x: x.amax(1)"}),
]
