"""Recurrence by a loop over time: what h_t passes on is only half of its gradient."""

import numpy as np


class RNN:
    """h_t = tanh(Wx x_t + Wh h_{t−1} + b); x (T, N, D), all h_t are returned."""

    params = ("Wx", "Wh", "b")

    def __init__(self):
        rng = np.random.default_rng(13)
        self.Wx = rng.normal(0, 0.6, size=(4, 3))
        self.Wh = rng.normal(0, 0.6, size=(4, 4))
        self.b = rng.normal(0, 0.4, size=4)

    def forward(self, x):
        h = np.zeros((len(x) + 1, x.shape[1], len(self.b)), x.dtype)
        for t in range(len(x)):
            h[t] = np.tanh(x[t] @ self.Wx.T + h[t - 1] @ self.Wh.T + self.b)
        return h[:-1], (x, h)

    def backward(self, dy, cache):
        x, h = cache
        dx, dh = np.zeros_like(x), np.zeros_like(h[0])
        dWx, dWh, db = np.zeros_like(self.Wx), np.zeros_like(self.Wh), np.zeros_like(self.b)
        for t in reversed(range(len(x))):
            dz = (dy[t] + dh) * (1 - h[t] ** 2)
            dx[t], dh = dz @ self.Wx, dz @ self.Wh
            dWx += dz.T @ x[t]
            dWh += dz.T @ h[t - 1]
            db += dz.sum(axis=0)
        return dx, {"Wx": dWx, "Wh": dWh, "b": db}


class RNNTruncated(RNN):
    def backward(self, dy, cache):
        x, h = cache
        dx = np.zeros_like(x)
        dWx, dWh, db = np.zeros_like(self.Wx), np.zeros_like(self.Wh), np.zeros_like(self.b)
        for t in range(len(x) - 1, -1, -1):
            dz = dy[t] * (1 - h[t] ** 2)  # planted
            dx[t] = dz @ self.Wx
            dWx += dz.T @ x[t]
            dWh += dz.T @ h[t - 1]
            db += dz.sum(axis=0)
        return dx, {"Wx": dWx, "Wh": dWh, "b": db}


class RNNShifted(RNN):
    def backward(self, dy, cache):
        x, h = cache
        dx, dh = np.zeros_like(x), np.zeros_like(h[0])
        grads = {name: np.zeros_like(getattr(self, name)) for name in self.params}
        for t in reversed(range(len(x))):
            dz = (dy[t] + dh) * (1 - h[t] ** 2)
            grads["Wx"] += np.dot(dz.T, x[t])
            grads["Wh"] += np.dot(dz.T, h[t])  # planted
            grads["b"] += dz.sum(axis=0)
            dx[t], dh = np.dot(dz, self.Wx), np.dot(dz, self.Wh)
        return dx, grads


class RNNSlopeOfPreviousStep(RNN):
    """tanh′ is taken one step late."""

    def backward(self, dy, cache):
        x, h = cache
        dx, dh, db = np.zeros_like(x), 0, 0
        dWx, dWh = np.zeros_like(self.Wx), np.zeros_like(self.Wh)
        for t in reversed(range(len(x))):
            dz = (dy[t] + dh) * (1 - h[t - 1] ** 2)  # planted
            dx[t], dh = dz @ self.Wx, dz @ self.Wh
            dWx += dz.T @ x[t]
            dWh += dz.T @ h[t - 1]
            db = db + dz.sum(axis=0)
        return dx, {"Wx": dWx, "Wh": dWh, "b": db}


class RNNTanhForgotten(RNN):
    def backward(self, dy, cache):
        x, h = cache
        dx, dh = np.zeros_like(x), np.zeros_like(h[0])
        dWx, dWh, db = np.zeros_like(self.Wx), np.zeros_like(self.Wh), np.zeros_like(self.b)
        for t in reversed(range(len(x))):
            dz = dy[t] + dh  # planted
            dx[t], dh = dz @ self.Wx, dz @ self.Wh
            dWx += dz.T @ x[t]
            dWh += dz.T @ h[t - 1]
            db += dz.sum(axis=0)
        return dx, {"Wx": dWx, "Wh": dWh, "b": db}


class RNNHiddenTransposed(RNN):
    def backward(self, dy, cache):
        x, h = cache
        dx, dh = np.zeros_like(x), np.zeros_like(h[0])
        dWx, dWh, db = np.zeros_like(self.Wx), np.zeros_like(self.Wh), np.zeros_like(self.b)
        for t in reversed(range(len(x))):
            dz = (dy[t] + dh) * (1 - h[t] ** 2)
            dx[t] = dz @ self.Wx
            dh = dz @ self.Wh.T  # planted
            dWx, dWh, db = dWx + dz.T @ x[t], dWh + dz.T @ h[t - 1], db + dz.sum(axis=0)
        return dx, {"Wx": dWx, "Wh": dWh, "b": db}


class RNNLastStepWins(RNN):
    """Wx is used at every step."""

    def backward(self, dy, cache):
        x, h = cache
        dx, dh = np.zeros_like(x), np.zeros_like(h[0])
        dWh, db = np.zeros_like(self.Wh), np.zeros_like(self.b)
        for t in reversed(range(len(x))):
            dz = (dy[t] + dh) * (1 - h[t] ** 2)
            dx[t], dh = dz @ self.Wx, dz @ self.Wh
            dWx = dz.T @ x[t]  # planted
            dWh += dz.T @ h[t - 1]
            db += dz.sum(axis=0)
        return dx, {"Wx": dWx, "Wh": dWh, "b": db}


class RunningSum:
    def forward(self, x):
        return np.cumsum(x, axis=1), None

    def backward(self, dy, _):
        return np.flip(np.cumsum(np.flip(dy, axis=1), axis=1), axis=1), {}


class RunningSumOfOneStep(RunningSum):
    def backward(self, dy, _):
        dx = dy.copy()  # planted
        return dx, {}


class ExponentialAverage:
    """y_t = a x_t + (1 − a) y_{t−1} along the last axis, a learnt; y_{−1} = 0."""

    params = ("a",)

    def __init__(self):
        self.a = np.array([0.3])

    def forward(self, x):
        ys = [np.zeros(len(x), x.dtype)]
        for t in range(x.shape[1]):
            ys.append(self.a * x[:, t] + (1 - self.a) * ys[-1])
        y = np.stack(ys, axis=1)
        return y[:, 1:], (x, y)

    def backward(self, dy, cache):
        x, y = cache
        dx, da, carried = np.zeros_like(x), np.zeros(1, x.dtype), np.zeros(len(x), x.dtype)
        for t in range(x.shape[1])[::-1]:
            d = dy[:, t] + carried
            dx[:, t] = self.a * d
            da += np.sum(d * (x[:, t] - y[:, t]))
            carried = (1 - self.a) * d
        return dx, {"a": da}


class ExponentialAverageOfNow(ExponentialAverage):
    """y[:, t] is y_{t−1}: the first column is the start."""

    def backward(self, dy, cache):
        x, y = cache
        dx, da, carried = np.zeros_like(x), np.zeros(1, x.dtype), np.zeros(len(x), x.dtype)
        for t in range(x.shape[1])[::-1]:
            d = dy[:, t] + carried
            dx[:, t] = self.a * d
            da += np.sum(d * (x[:, t] - y[:, t + 1]))  # planted
            carried = (1 - self.a) * d
        return dx, {"a": da}


X, LINES = ((4, 2, 3),), ((3, 5),)
ALL = {"x", "Wx", "Wh", "b"}
SUM = {"against": "lambda x: x.cumsum(1)"}
PLANTED = [
    ("time-truncated", "RNNTruncated()", X, ALL, None),
    ("time-shifted", "RNNShifted()", X, {"Wh"}, 'grads["Wh"] += np.dot(dz.T, h[t - 1])'),
    (
        "time-shifted",
        "RNNSlopeOfPreviousStep()",
        X,
        ALL,
        "dz = (dy[t] + dh) * (1 - h[t] ** 2)",
        {"also": ("activation-derivative-wrong-input",)},
    ),
    ("activation-derivative-missing", "RNNTanhForgotten()", X, ALL, "dz = (dy[t] + dh) * (1 - h[t] ** 2)"),
    ("transposed", "RNNHiddenTransposed()", X, ALL, "dh = dz @ self.Wh"),
    (
        "path-missing",
        "RNNLastStepWins()",
        X,
        {"Wx"},
        "dWx = dz.T @ x[t] + (dWx if t < len(x) - 1 else 0)",
        {"formula": False},
    ),
    ("time-truncated", "RunningSumOfOneStep()", LINES, {"x"}, "dx = dy[:, ::-1].cumsum(axis=1)[:, ::-1]", SUM),
    ("time-shifted", "ExponentialAverageOfNow()", LINES, {"a"}, "da += np.sum(d * (x[:, t] - y[:, t]))"),
]
RIGHT = [
    ("RNN()", X),
    ("RunningSum()", LINES, SUM),
    ("ExponentialAverage()", LINES),
]
