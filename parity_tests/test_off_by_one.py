"""A whole number that is one off: a loop that ends too early, a kernel's entry left out."""

import numpy as np
import pytest

import parity


class MovingAverage:
    """The mean of three neighbours; backward leaves out the last of them."""

    def forward(self, x):
        n = x.shape[1]
        return sum(x[:, k : n - 2 + k] for k in range(3)) / 3, n

    def backward(self, dy, n):
        dx = np.zeros((len(dy), n))
        for k in range(2):
            dx[:, k : n - 2 + k] += dy / 3
        return dx, {}


class RNN:
    """Backward through time ends one step too early: range(T − 1, 0, −1) never comes to 0."""

    params = ("W", "U")

    def __init__(self):
        rng = np.random.default_rng(0)
        self.W, self.U = rng.normal(size=(4, 3)), rng.normal(size=(4, 4)) / 2

    def forward(self, x):
        h = np.zeros((len(x) + 1, 4))
        for t in range(len(x)):
            h[t + 1] = np.tanh(self.W @ x[t] + self.U @ h[t])
        return h[1:], (x, h)

    def backward(self, dy, cache):
        x, h = cache
        dx, dW, dU, dh = np.zeros_like(x), np.zeros_like(self.W), np.zeros_like(self.U), 0
        for t in range(len(x) - 1, 0, -1):
            dz = (dy[t] + dh) * (1 - h[t + 1] ** 2)
            dW, dU = dW + np.outer(dz, x[t]), dU + np.outer(dz, h[t])
            dx[t], dh = self.W.T @ dz, self.U.T @ dz
        return dx, {"W": dW, "U": dU}


@pytest.mark.parametrize(
    ("subject", "shape", "code", "old", "new"),
    [
        (MovingAverage(), (3, 7), "window-edge", "range(2)", "range(3)"),
        (RNN(), (5, 3), "unknown", "range(len(x) - 1, 0, -1)", "range(len(x) - 1, -1, -1)"),
    ],
    ids=["kernel", "time"],
)
def test_the_number_is_found(subject, shape, code, old, new):
    (finding,) = parity.check(subject, shape).causes
    assert (finding.code, finding.repair.old, finding.repair.new) == (code, old, new)


class Right(RNN):
    def backward(self, dy, cache):
        x, h = cache
        dx, dW, dU, dh = np.zeros_like(x), np.zeros_like(self.W), np.zeros_like(self.U), 0
        for t in range(len(x) - 1, -1, -1):
            dz = (dy[t] + dh) * (1 - h[t + 1] ** 2)
            dW, dU = dW + np.outer(dz, x[t]), dU + np.outer(dz, h[t])
            dx[t], dh = self.W.T @ dz, self.U.T @ dz
        return dx, {"W": dW, "U": dU}


def test_the_repaired_one_passes():
    assert parity.check(Right(), (5, 3)).ok
