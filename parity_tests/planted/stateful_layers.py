"""More layers that keep state: recurrence, normalisation, convolution and shared weights in the lecture's manner."""

import numpy as np


class Parameter:
    """A weight and its gradient in one object."""

    def __init__(self, data):
        self.data = data
        self.grad = np.zeros_like(data)


class ParameterDense:
    def __init__(self):
        rng = np.random.default_rng(28)
        self.weight, self.bias = Parameter(rng.normal(size=(4, 3))), Parameter(rng.normal(size=3))

    def forward(self, x):
        self.x = x
        return x @ self.weight.data + self.bias.data

    def backward(self, dout):
        self.weight.grad = self.x.T @ dout
        self.bias.grad = dout.sum(axis=0)
        return dout @ self.weight.data.T


class ParameterDenseAccumulating(ParameterDense):
    def backward(self, dout):
        self.weight.grad += self.x.T @ dout  # planted
        self.bias.grad = dout.sum(axis=0)
        return dout @ self.weight.data.T


class StepwiseRNN:
    """h_t = tanh(x_t W + h_{t−1} U + b) from h_0 = 0; the last h is the output; x (N, T, D)."""

    def __init__(self):
        rng = np.random.default_rng(29)
        self.W, self.U = rng.normal(0, 0.6, size=(3, 4)), rng.normal(0, 0.6, size=(4, 4))
        self.b = rng.normal(0, 0.4, size=4)
        self.W_grad, self.U_grad, self.b_grad = np.zeros((3, 4)), np.zeros((4, 4)), np.zeros(4)

    def forward(self, x):
        self.x, self.hs = x, [np.zeros((len(x), 4))]
        for t in range(x.shape[1]):
            self.hs.append(np.tanh(x[:, t] @ self.W + self.hs[-1] @ self.U + self.b))
        return self.hs[-1]

    def backward(self, dh):
        dx = np.zeros_like(self.x)
        self.W_grad, self.U_grad = np.zeros_like(self.W), np.zeros_like(self.U)
        self.b_grad = np.zeros_like(self.b)
        for t in reversed(range(self.x.shape[1])):
            dz = dh * (1 - self.hs[t + 1] ** 2)
            self.W_grad += self.x[:, t].T @ dz
            self.U_grad += self.hs[t].T @ dz
            self.b_grad += dz.sum(axis=0)
            dx[:, t] = dz @ self.W.T
            dh = dz @ self.U.T
        return dx


class StepwiseRNNLastStepOnly(StepwiseRNN):
    def backward(self, dh):
        dx = np.zeros_like(self.x)
        self.W_grad, self.U_grad = np.zeros_like(self.W), np.zeros_like(self.U)
        self.b_grad = np.zeros_like(self.b)
        for t in reversed(range(self.x.shape[1])):
            dz = dh * (1 - self.hs[t + 1] ** 2)
            self.W_grad += self.x[:, t].T @ dz
            self.U_grad += self.hs[t].T @ dz
            self.b_grad += dz.sum(axis=0)
            dx[:, t] = dz @ self.W.T
            dh = np.zeros_like(dh)  # planted
        return dx


class StepwiseRNNShifted(StepwiseRNN):
    def backward(self, dh):
        dx = np.zeros_like(self.x)
        self.W_grad, self.U_grad = np.zeros_like(self.W), np.zeros_like(self.U)
        self.b_grad = np.zeros_like(self.b)
        for t in range(self.x.shape[1] - 1, -1, -1):
            dz = dh * (1 - self.hs[t + 1] ** 2)
            self.W_grad += self.x[:, t].T @ dz
            self.U_grad += self.hs[t + 1].T @ dz  # planted
            self.b_grad += dz.sum(axis=0)
            dx[:, t], dh = dz @ self.W.T, dz @ self.U.T
        return dx


class StandardScale:
    """Batch normalisation with gamma and beta, by the sums."""

    def __init__(self):
        rng = np.random.default_rng(30)
        self.gamma, self.beta = rng.uniform(0.5, 2, size=4), rng.normal(size=4)
        self.dgamma, self.dbeta = np.zeros(4), np.zeros(4)

    def forward(self, x):
        self.std = np.sqrt(x.var(axis=0) + 1e-5)
        self.x_hat = (x - x.mean(axis=0)) / self.std
        return self.gamma * self.x_hat + self.beta

    def backward(self, dout):
        N = len(dout)
        self.dbeta = dout.sum(axis=0)
        self.dgamma = (dout * self.x_hat).sum(axis=0)
        return self.gamma / (N * self.std) * (N * dout - self.dbeta - self.x_hat * self.dgamma)


class StandardScaleWithoutGamma(StandardScale):
    def backward(self, dout):
        N = len(dout)
        self.dbeta = dout.sum(axis=0)
        self.dgamma = (dout * self.x_hat).sum(axis=0)
        dx = 1 / (N * self.std) * (N * dout - self.dbeta - self.x_hat * self.dgamma)  # planted
        return dx


class StandardScaleOfUpstreamAlone(StandardScale):
    def backward(self, dout):
        N = len(dout)
        self.dbeta = dout.sum(axis=0)
        self.dgamma = (dout * self.x_hat).sum(axis=0)
        dx = self.gamma / (N * self.std) * (N * dout - self.dbeta)  # planted
        return dx


class TiedAutoencoder:
    """h = tanh(x W), y = h Wᵀ: W is used twice."""

    def __init__(self):
        self.W = np.random.default_rng(31).normal(0, 0.7, size=(4, 3))
        self.W_grad = np.zeros((4, 3))

    def forward(self, x):
        self.x = x
        self.h = np.tanh(x @ self.W)
        return self.h @ self.W.T

    def backward(self, dy):
        dz = (dy @ self.W) * (1 - self.h**2)
        self.W_grad = self.x.T @ dz + dy.T @ self.h
        return dz @ self.W.T


class TiedAutoencoderDecoderForgotten(TiedAutoencoder):
    def backward(self, dy):
        dz = (dy @ self.W) * (1 - self.h**2)
        self.W_grad = self.x.T @ dz  # planted
        return dz @ self.W.T


class EdgeFilter:
    """y[i] = k · x[i : i + 3] on signals (N, L), by loops over the taps."""

    def __init__(self):
        self.kernel = np.array([0.7, -1.3, 0.4])
        self.grad_kernel = np.zeros(3)

    def forward(self, x):
        self.x = x
        return np.array([np.correlate(row, self.kernel, mode="valid") for row in x])

    def backward(self, dy):
        self.grad_kernel = sum(np.correlate(row, d, mode="valid") for row, d in zip(self.x, dy, strict=True))
        return np.array([np.convolve(d, self.kernel, mode="full") for d in dy])


class EdgeFilterUnflipped(EdgeFilter):
    def backward(self, dy):
        self.grad_kernel = sum(np.correlate(row, d, mode="valid") for row, d in zip(self.x, dy, strict=True))
        return np.array([np.correlate(d, self.kernel, mode="full") for d in dy])  # planted


X, SEQUENCES, SIGNALS = ((5, 4),), ((2, 4, 3),), ((3, 7),)
PLANTED = [
    ("accumulated", "ParameterDenseAccumulating()", X, {"weight"}, "self.weight.grad = self.x.T @ dout"),
    ("time-truncated", "StepwiseRNNLastStepOnly()", SEQUENCES, {"x", "W", "U", "b"}, "dh = dz @ self.U.T"),
    ("time-shifted", "StepwiseRNNShifted()", SEQUENCES, {"U"}, "self.U_grad += self.hs[t].T @ dz"),
    (
        "scale-missing",
        "StandardScaleWithoutGamma()",
        X,
        {"x"},
        "dx = self.gamma / (N * self.std) * (N * dout - self.dbeta - self.x_hat * self.dgamma)",
    ),
    (
        "centring-term-missing",
        "StandardScaleOfUpstreamAlone()",
        X,
        {"x"},
        "dx = self.gamma / (N * self.std) * (N * dout - self.dbeta - self.x_hat * self.dgamma)",
    ),
    ("path-missing", "TiedAutoencoderDecoderForgotten()", X, {"W"}, "self.W_grad = self.x.T @ dz + dy.T @ self.h"),
    (
        "kernel-flipped",
        "EdgeFilterUnflipped()",
        SIGNALS,
        {"x"},
        'return np.array([np.convolve(d, self.kernel, mode="full") for d in dy])',
    ),
]
RIGHT = [
    ("ParameterDense()", X),
    ("StepwiseRNN()", SEQUENCES),
    ("StandardScale()", X),
    ("TiedAutoencoder()", X),
    ("EdgeFilter()", SIGNALS),
]
