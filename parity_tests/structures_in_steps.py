"""Right layers in plain NumPy that go in steps: windows over space, steps in time, one position attending to others."""

import numpy as np

from parity_tests.structures import sigmoid, weights


class Conv1d:
    """Cross-correlation of x (N, C, L) with W (O, C, K)."""

    params = ("W", "b")
    stride, padding = 1, 0

    def __init__(self, stride=1, padding=0, kernel=3):
        self.stride, self.padding = stride, padding
        self.W, self.b = weights(3, (3, 2, kernel), (3,))

    def forward(self, x):
        xp = np.pad(x, ((0, 0), (0, 0), (self.padding, self.padding)))
        K = self.W.shape[2]
        length = (xp.shape[2] - K) // self.stride + 1
        z = np.zeros((len(x), len(self.W), length))
        for i in range(length):
            start = i * self.stride
            z[:, :, i] = np.tensordot(xp[:, :, start : start + K], self.W, ((1, 2), (1, 2))) + self.b
        return z, xp

    def backward(self, dz, xp):
        dxp, dW = np.zeros_like(xp), np.zeros_like(self.W)
        K = self.W.shape[2]
        for i in range(dz.shape[2]):
            start = i * self.stride
            window = slice(start, start + K)
            dxp[:, :, window] += np.tensordot(dz[:, :, i], self.W, (1, 0))
            dW += np.tensordot(dz[:, :, i], xp[:, :, window], (0, 0))
        dx = dxp[:, :, self.padding : dxp.shape[2] - self.padding]
        return dx, {"W": dW, "b": dz.sum(axis=(0, 2))}


class MaxPool2d:
    """The maximum of each 2 × 2 window of x (N, H, W), by steps of 2 or 1."""

    stride = 2

    def forward(self, x):
        s = self.stride
        height, width = (x.shape[1] - 2) // s + 1, (x.shape[2] - 2) // s + 1
        y = np.zeros((len(x), height, width))
        for i in range(height):
            for j in range(width):
                y[:, i, j] = x[:, i * s : i * s + 2, j * s : j * s + 2].max(axis=(1, 2))
        return y, (x, y)

    def backward(self, dy, cache):
        x, y = cache
        s, dx = self.stride, np.zeros_like(x)
        for i in range(dy.shape[1]):
            for j in range(dy.shape[2]):
                window = x[:, i * s : i * s + 2, j * s : j * s + 2]
                mask = window == y[:, i, j][:, None, None]
                dx[:, i * s : i * s + 2, j * s : j * s + 2] += mask * dy[:, i, j][:, None, None]
        return dx, {}


class RNN:
    """h_t = tanh(x_t Wₓᵀ + h_{t−1} Wₕᵀ + b) on x (N, T, d); all h_t come out."""

    params = ("Wx", "Wh", "b")

    def __init__(self, inputs=2, hidden=3):
        self.Wx, self.Wh, self.b = weights(4, (hidden, inputs), (hidden, hidden), (hidden,))

    def forward(self, x):
        N, T, _ = x.shape
        h = np.zeros((N, len(self.b)))
        states = [h]
        for t in range(T):
            h = np.tanh(x[:, t] @ self.Wx.T + h @ self.Wh.T + self.b)
            states.append(h)
        return np.stack(states[1:], axis=1), (x, states)

    def backward(self, dy, cache):
        x, states = cache
        dx, dh_next = np.zeros_like(x), np.zeros_like(states[0])
        dWx, dWh, db = (np.zeros_like(p) for p in (self.Wx, self.Wh, self.b))
        for t in reversed(range(x.shape[1])):
            dz = (dy[:, t] + dh_next) * (1 - states[t + 1] ** 2)
            dx[:, t] = dz @ self.Wx
            dWx += dz.T @ x[:, t]
            dWh += dz.T @ states[t]
            db += dz.sum(axis=0)
            dh_next = dz @ self.Wh
        return dx, {"Wx": dWx, "Wh": dWh, "b": db}


class LSTM:
    """Gates in the order i, f, g, o on x (N, T, d); all h_t and the last c come out."""

    params = ("Wx", "Wh", "b")

    def __init__(self, inputs=2, hidden=2):
        self.Wx, self.Wh, self.b = weights(5, (4 * hidden, inputs), (4 * hidden, hidden), (4 * hidden,))

    def forward(self, x):
        N, T, _ = x.shape
        H = self.Wh.shape[1]
        h, c = np.zeros((N, H)), np.zeros((N, H))
        out, cache = np.zeros((N, T, H)), []
        for t in range(T):
            z = x[:, t] @ self.Wx.T + h @ self.Wh.T + self.b
            i, f = sigmoid(z[:, :H]), sigmoid(z[:, H : 2 * H])
            g, o = np.tanh(z[:, 2 * H : 3 * H]), sigmoid(z[:, 3 * H :])
            c_new = f * c + i * g
            tc = np.tanh(c_new)
            cache.append((x[:, t], h, c, i, f, g, o, tc))
            h, c = o * tc, c_new
            out[:, t] = h
        return (out, c), cache

    carry_h, carry_c, use_last_c = 1.0, 1.0, 1.0

    def backward(self, douts, cache):
        dout, dc_last = douts
        dWx, dWh, db = (np.zeros_like(p) for p in (self.Wx, self.Wh, self.b))
        dx = np.zeros((dout.shape[0], dout.shape[1], self.Wx.shape[1]))
        dh_next, dc = 0.0, dc_last * self.use_last_c
        for t in reversed(range(dout.shape[1])):
            x, h, c, i, f, g, o, tc = cache[t]
            dh = dout[:, t] + dh_next
            dc = dc + dh * o * (1 - tc**2)
            di, df = dc * g * i * (1 - i), dc * c * f * (1 - f)
            dg, do = dc * i * (1 - g**2), dh * tc * o * (1 - o)
            dz = np.concatenate(self.order(di, df, dg, do), axis=1)
            dx[:, t] = dz @ self.Wx
            dWx += dz.T @ x
            dWh += dz.T @ h
            db += dz.sum(axis=0)
            dh_next = self.carry_h * (dz @ self.Wh)
            dc = self.carry_c * (dc * f)
        return dx, {"Wx": dWx, "Wh": dWh, "b": db}

    def order(self, di, df, dg, do):
        return di, df, dg, do


class Attention:
    """softmax(Q Kᵀ / √d) V of x (N, T, d), Q = x Wqᵀ and so on."""

    params = ("Wq", "Wk", "Wv")

    def __init__(self, features=3):
        self.Wq, self.Wk, self.Wv = weights(6, *[(features, features)] * 3)

    def forward(self, x):
        q, k, v = x @ self.Wq.T, x @ self.Wk.T, x @ self.Wv.T
        z = q @ k.transpose(0, 2, 1) / np.sqrt(x.shape[2])
        e = np.exp(z - z.max(axis=2, keepdims=True))
        a = e / e.sum(axis=2, keepdims=True)
        return a @ v, (x, q, k, v, a)

    def softmax_backward(self, da, a):
        return a * (da - (da * a).sum(axis=2, keepdims=True))

    def backward(self, dy, cache):
        x, q, k, v, a = cache
        dv, da = a.transpose(0, 2, 1) @ dy, dy @ v.transpose(0, 2, 1)
        dz = self.softmax_backward(da, a) / np.sqrt(x.shape[2])
        dq, dk = dz @ k, dz.transpose(0, 2, 1) @ q
        dx = self.dx(dq @ self.Wq, dk @ self.Wk, dv @ self.Wv)
        return dx, {"Wq": to_weight(dq, x), "Wk": to_weight(dk, x), "Wv": to_weight(dv, x)}

    def dx(self, by_q, by_k, by_v):
        return by_q + by_k + by_v


def to_weight(d, x):
    return np.einsum("nto,nti->oi", d, x)
