"""Gated recurrence: LSTM and GRU, by a loop over time; x (T, N, D), the last h is returned, or all."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class LSTM:
    """Gates in torch's order i, f, g, o; c_t = f c_{t−1} + i g, h_t = o tanh(c_t)."""

    params = ("W", "U", "b")

    def __init__(self):
        rng = np.random.default_rng(14)
        self.W = rng.normal(0, 0.6, size=(12, 2))
        self.U = rng.normal(0, 0.6, size=(12, 3))
        self.b = rng.normal(0, 0.4, size=12)

    def forward(self, x):
        h, c, ys, steps = np.zeros((x.shape[1], 3)), np.zeros((x.shape[1], 3)), [], []
        for x_t in x:
            z = x_t @ self.W.T + h @ self.U.T + self.b
            i, f, g, o = sigmoid(z[:, :3]), sigmoid(z[:, 3:6]), np.tanh(z[:, 6:9]), sigmoid(z[:, 9:])
            c_next = f * c + i * g
            h_next = o * np.tanh(c_next)
            steps.append((x_t, h, c, i, f, g, o, c_next, h_next))
            h, c = h_next, c_next
            ys.append(h)
        return np.stack(ys), steps

    def backward(self, dy, steps):
        dx, dh, dc = [], 0, 0
        dW, dU, db = np.zeros_like(self.W), np.zeros_like(self.U), np.zeros_like(self.b)
        for t in reversed(range(len(steps))):
            x, h, c, i, f, g, o, c_next, h_next = steps[t]
            dh = dy[t] + dh
            dc, do = self.to_cell(dh, dc, o, c_next), dh * np.tanh(c_next)
            df = self.to_forget(dc, c, c_next)
            dz = self.gates(dc * g * i * (1 - i), df * f * (1 - f), dc * i * (1 - g**2), do * o * (1 - o))
            dW += dz.T @ x
            dU += dz.T @ self.hidden(h, h_next)
            db += dz.sum(axis=0)
            dx.insert(0, dz @ self.W)
            dh, dc = dz @ self.U, self.carried(dc, f)
        return np.array(dx), {"W": dW, "U": dU, "b": db}

    def to_cell(self, dh, dc, o, c):
        return dc + dh * o * (1 - np.tanh(c) ** 2)

    def to_forget(self, dc, c, c_next):
        return dc * c

    def gates(self, di, df, dg, do):
        return np.concatenate([di, df, dg, do], axis=1)

    def hidden(self, h, h_next):
        return h

    def carried(self, dc, f):
        return dc * f


class LSTMCellTruncated(LSTM):
    def carried(self, dc, f):
        return np.zeros_like(dc)  # planted


class LSTMGatesInAnotherOrder(LSTM):
    def gates(self, di, df, dg, do):
        return np.hstack([di, df, do, dg])  # planted


class LSTMTanhOfCellForgotten(LSTM):
    def to_cell(self, dh, dc, o, c):
        return dc + dh * o  # planted


class LSTMCellSlopeOfValue(LSTM):
    """tanh′ is written in tanh(c) and fed c."""

    def to_cell(self, dh, dc, o, c):
        return dc + dh * o * (1 - c**2)  # planted


class LSTMForgetsTheNewCell(LSTM):
    def to_forget(self, dc, c, c_next):
        return dc * c_next  # planted


class LSTMHiddenShifted(LSTM):
    def hidden(self, h, h_next):
        return h_next  # planted


class GRU:
    """h_t = (1 − z) n + z h_{t−1}, n = tanh(Wn x + bn + r ∘ (Un h)); weights for r, z and n in turn."""

    params = ("W", "U", "b")

    def __init__(self):
        rng = np.random.default_rng(15)
        self.W = rng.normal(0, 0.6, size=(3, 3, 2))
        self.U = rng.normal(0, 0.6, size=(3, 3, 3))
        self.b = rng.normal(0, 0.4, size=(3, 3))

    def forward(self, x):
        h, steps = np.zeros((x.shape[1], 3)), []
        for x_t in x:
            r = sigmoid(x_t @ self.W[0].T + h @ self.U[0].T + self.b[0])
            z = sigmoid(x_t @ self.W[1].T + h @ self.U[1].T + self.b[1])
            u = h @ self.U[2].T
            n = np.tanh(x_t @ self.W[2].T + self.b[2] + r * u)
            steps.append((x_t, h, r, z, u, n))
            h = (1 - z) * n + z * h
        return h, steps

    def backward(self, dh, steps):
        dx, dW, dU, db = [], np.zeros_like(self.W), np.zeros_like(self.U), np.zeros_like(self.b)
        for x, h, r, z, u, n in steps[::-1]:
            dn = dh * (1 - z) * (1 - n**2)
            dz = self.update(dh, h, n) * z * (1 - z)
            dr = dn * u * r * (1 - r)
            for k, d in enumerate((dr, dz, dn)):
                dW[k] += d.T @ x
                dU[k] += (d * r if k == 2 else d).T @ h
                db[k] += d.sum(axis=0)
            dx.append(dr @ self.W[0] + dz @ self.W[1] + dn @ self.W[2])
            dh = self.kept(dh, z) + dr @ self.U[0] + dz @ self.U[1] + (dn * r) @ self.U[2]
        return np.stack(dx[::-1]), {"W": dW, "U": dU, "b": db}

    def update(self, dh, h, n):
        return dh * (h - n)

    def kept(self, dh, z):
        return dh * z


class GRUUpdateNegated(GRU):
    def update(self, dh, h, n):
        return dh * (n - h)  # planted


class GRUKeptPartForgotten(GRU):
    def kept(self, dh, z):
        return 0 * z  # planted


X = ((4, 2, 2),)
ALL = {"x", "W", "U", "b"}
SLOPE = "return dc + dh * o * (1 - np.tanh(c) ** 2)"
ORDER = "return np.hstack([di, df, dg, do])"
PLANTED = [
    ("time-truncated", "LSTMCellTruncated()", X, ALL, "return dc * f"),
    ("permuted", "LSTMGatesInAnotherOrder()", X, ALL, ORDER),
    ("activation-derivative-missing", "LSTMTanhOfCellForgotten()", X, ALL, SLOPE),
    ("activation-derivative-wrong-input", "LSTMCellSlopeOfValue()", X, ALL, SLOPE),
    ("time-shifted", "LSTMForgetsTheNewCell()", X, ALL, "return dc * c"),
    ("time-shifted", "LSTMHiddenShifted()", X, {"U"}, "return h"),
    ("sign-flipped", "GRUUpdateNegated()", X, ALL, "return dh * (h - n)"),
    ("path-missing", "GRUKeptPartForgotten()", X, ALL, "return dh * z", {"also": ("time-truncated",)}),
]
RIGHT = [
    ("LSTM()", X),
    ("GRU()", X),
]
