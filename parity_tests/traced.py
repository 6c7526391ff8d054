"""NumPy forwards that a trace must follow, and what the tests of traces share."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from parity.setting import Setting
from parity.subjects import read


def prepared(subject, *inputs, dtype="float64"):
    """(hand, arrays, upstream) on random data."""
    hand = read(subject, inputs)
    hand, arrays, _ = Setting(hand, dtype, "cpu", 0, 60.0).gather(hand, inputs)
    rng = np.random.default_rng(1)
    return hand, arrays, [rng.normal(size=np.shape(output)) for output in hand.outputs(arrays)]


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for key, array in expected.items():
        assert found[key] == pytest.approx(array, rel=1e-11, abs=1e-11), key  # sums of a hundred terms round


class Dense:
    """A layer of the lecture's kind: a function as an attribute, state in attributes."""

    def __init__(self, rng, *shape):
        self.W, self.W_grad = rng.normal(size=shape), np.zeros(shape)
        self.act = lambda z: 1 / (1 + np.exp(-z))

    def forward(self, x):
        self.x, self.y = x, self.act(np.matmul(x, self.W))
        return self.y

    def backward(self, dy):
        dz = dy * self.y * (1 - self.y)
        self.W_grad = self.x.T @ dz
        return dz @ self.W.T


class Stack:
    """A list of layers; forward of a network that starts from its own loss, which a label chooses."""

    def __init__(self, rng):
        self.layers = [Dense(rng, 4, 3), Dense(rng, 3, 1)]

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        self.y = x
        return x

    def backward(self, label):
        J, dy = (-np.log(self.y), -1 / self.y) if label == 1 else (-np.log(1 - self.y), 1 / (1 - self.y))
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return J


class Recurrent:
    """Weights in a dict, states in a dict by time, results written into an array."""

    def __init__(self, rng):
        self.params, self.grads = {"Wx": rng.normal(size=(4, 3)), "Wh": rng.normal(size=(3, 3))}, {}

    def forward(self, xs):
        self.h, ys = {-1: np.zeros((xs.shape[1], 3))}, np.zeros((*xs.shape[:2], 3))
        for t in range(len(xs)):
            self.h[t] = np.tanh(xs[t] @ self.params["Wx"] + self.h[t - 1] @ self.params["Wh"])
            ys[t] = self.h[t]
        return ys

    def backward(self, dys):
        self.grads |= {name: np.zeros_like(weight) for name, weight in self.params.items()}
        return np.zeros((*dys.shape[:2], 4))


def of_x(forward):
    """A pair with that forward; nothing here looks at the backward."""
    return forward, lambda dy, x: dy


def helper(x):
    return {"softmax": np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)}


def in_place(x):
    p = np.exp(x - x.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[p < 0.1] *= 0.5
    return p


def precisions(x):
    y = np.zeros(x.shape, dtype=x.dtype)
    y[:] = (x > 0).astype(x.dtype) * x
    return y


def quiet(x):
    with np.errstate(over="ignore"):
        print("forward")  # noqa: T201 (users do)
        return np.exp(x)


def convolution(x):
    windows = sliding_window_view(np.pad(x, ((1, 1), (0, 0))), (3, 2))
    return np.einsum("ijkl,kl->ij", windows, np.arange(6.0).reshape(3, 2))


CONSTRUCTS = {
    "where": lambda x: np.where(x > 0, x, 0.1 * x),
    "einsum": lambda x: np.einsum("ij,kj->ik", x, x),
    "fancy": lambda x: x[np.arange(4), [0, 2, 1, 1]],
    "concatenate": lambda x: np.concatenate([x, np.ones((4, 1))], axis=1) ** 2,
    "statistics": lambda x: (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5),
    "loop": lambda x: np.stack([np.sum(row * row) for row in x]),
    "helper": lambda x: helper(x)["softmax"],
    "in-place": in_place,
    "precisions": precisions,
    "quiet": quiet,
    "convolution": convolution,
    "pad-alike": lambda x: np.pad(x, 1) * 2,
    "copy": lambda x: 2 * np.copy(x),
    "two": lambda x: (x, x * x),
}
