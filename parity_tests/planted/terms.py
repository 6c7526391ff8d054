"""Terms of a sum that lack a factor, or are missing parts of something wider: gates, log-softmax, a concatenation."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class Reset:
    """h' = h + tanh((r h) W), r = σ(h U): a gate on the way to a weight, beside the state itself."""

    params = ("W", "U")

    def __init__(self):
        rng = np.random.default_rng(5)
        self.W, self.U = rng.normal(size=(4, 4)), rng.normal(size=(4, 4))

    def forward(self, h):
        self.h, self.r = h, sigmoid(h @ self.U)
        self.a = np.tanh((self.r * h) @ self.W)
        return h + self.a

    def backward(self, dy):
        dz = dy * (1 - self.a**2)
        drh = dz @ self.W.T
        du = drh * self.h * self.r * (1 - self.r)
        self.dW, self.dU = (self.r * self.h).T @ dz, self.h.T @ du
        dh = dy + drh * self.r
        return dh + du @ self.U.T


class ResetUngated(Reset):
    def backward(self, dy):
        dz = dy * (1 - self.a**2)
        drh = dz @ self.W.T
        du = drh * self.h * self.r * (1 - self.r)
        self.dW, self.dU = (self.r * self.h).T @ dz, self.h.T @ du
        dh = dy + drh  # planted
        return dh + du @ self.U.T


class Leak:
    """c_t = f_t c_{t−1} + tanh(x_t W), f_t = σ(x_t V), over x (T, N, D)."""

    params = ("W", "V")

    def __init__(self):
        rng = np.random.default_rng(6)
        self.W, self.V = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))

    def forward(self, x):
        c, self.x, self.steps = np.zeros((x.shape[1], 4)), x, []
        for x_t in x:
            f, i = sigmoid(x_t @ self.V), np.tanh(x_t @ self.W)
            self.steps.append((c, f, i))
            c = f * c + i
        return c

    def backward(self, dc):
        self.dW, self.dV, dx = np.zeros_like(self.W), np.zeros_like(self.V), np.zeros_like(self.x)
        for t in reversed(range(len(self.x))):
            c, f, i = self.steps[t]
            dv, dw = dc * c * f * (1 - f), dc * (1 - i**2)
            self.dW += self.x[t].T @ dw
            self.dV += self.x[t].T @ dv
            dx[t] = dw @ self.W.T + dv @ self.V.T
            before = dc * f
            dc = before
        return dx


class LeakUngated(Leak):
    def backward(self, dc):
        self.dW, self.dV, dx = np.zeros_like(self.W), np.zeros_like(self.V), np.zeros_like(self.x)
        for t in reversed(range(len(self.x))):
            c, f, i = self.steps[t]
            dv, dw = dc * c * f * (1 - f), dc * (1 - i**2)
            self.dW += self.x[t].T @ dw
            self.dV += self.x[t].T @ dv
            dx[t] = dw @ self.W.T + dv @ self.V.T
            before = dc  # planted
            dc = before
        return dx


def log_softmax(x):
    m = x - x.max(axis=1, keepdims=True)
    return m - np.log(np.exp(m).sum(axis=1, keepdims=True))


def log_softmax_backward(d, x):
    return d - np.exp(log_softmax(x)) * d.sum(axis=1, keepdims=True)


def log_softmax_backward_of_one_class(d, x):
    return d - np.exp(log_softmax(x))  # planted


def joined(x, V, W):
    return np.concatenate([x, np.tanh(x @ V)], axis=1) @ W


def joined_backward(d, x, V, W):
    h, dz = np.tanh(x @ V), d @ W.T
    dh = dz[:, x.shape[1] :] * (1 - h**2)
    return dz[:, : x.shape[1]] + dh @ V.T, x.T @ dh, np.concatenate([x, h], axis=1).T @ d


def joined_backward_of_one_part(d, x, V, W):
    h, dz = np.tanh(x @ V), d @ W.T
    dh = dz[:, x.shape[1] :] * (1 - h**2)
    dx = dh @ V.T  # planted
    return dx, x.T @ dh, np.concatenate([x, h], axis=1).T @ d


def quadratic(x, A):
    return x @ A @ x


def quadratic_backward(d, x, A):
    return d * (A + A.T) @ x, d * np.outer(x, x)


def quadratic_backward_of_symmetric(d, x, A):
    return d * 2 * A @ x, d * np.outer(x, x)  # planted


H, STEPS, ROWS, PARTS = ((5, 4),), ((4, 2, 3),), ((5, 4),), ((5, 4), (4, 3), (7, 2))
FORM = ((4,), (4, 4))
PLANTED = [
    ("scale-missing", "ResetUngated()", H, {"h"}, "dh = dy + drh * self.r"),
    ("scale-missing", "LeakUngated()", STEPS, {"x", "W", "V"}, "before = dc * f"),
    (
        "upstream-ignored",
        "(log_softmax, log_softmax_backward_of_one_class)",
        ROWS,
        {"x"},
        "return d - np.exp(log_softmax(x)) * d.sum(axis=1, keepdims=True)",
    ),
    (
        "path-missing",
        "(joined, joined_backward_of_one_part)",
        PARTS,
        {"x"},
        "dx = dz[:, : x.shape[1]] + dh @ V.T",
    ),
    ("transposed", "(quadratic, quadratic_backward_of_symmetric)", FORM, {"x"}, None),
]
RIGHT = [
    ("Reset()", H),
    ("Leak()", STEPS),
    ("(log_softmax, log_softmax_backward)", ROWS),
    ("(joined, joined_backward)", PARTS),
    ("(quadratic, quadratic_backward)", FORM),
]
