"""Right formulas that lose digits, overflow, or leave their dtype."""

import numpy as np


class SaturatedSigmoid:
    """1 − a cancels where a is nearly 1."""

    def forward(self, z):
        a = 1 / (1 + np.exp(-z))
        return a, (z, a)

    def backward(self, da, cache):
        _, a = cache
        return da * a * (1 - a), {}  # planted


class SaturatedTanh:
    def forward(self, z):
        return np.tanh(z), z

    def backward(self, da, z):
        return da * (1 - np.tanh(z) ** 2), {}  # planted


class StandardiseByMoments:
    """var = E[x²] − E[x]², far from 0."""

    def forward(self, x):
        mean = x.mean(axis=1, keepdims=True)
        var = np.mean(x * x, axis=1, keepdims=True) - mean * mean  # planted
        y = (x - mean) / np.sqrt(var)
        return y, (y, var)

    def backward(self, dy, cache):
        y, var = cache
        centred = dy - dy.mean(axis=1, keepdims=True) - y * np.mean(dy * y, axis=1, keepdims=True)
        return centred / np.sqrt(var), {}


class UnshiftedSoftmax:
    def forward(self, z):
        e = np.exp(z)  # planted
        s = e / e.sum(axis=1, keepdims=True)
        return s, s

    def backward(self, ds, s):
        return s * (ds - np.sum(ds * s, axis=1, keepdims=True)), {}


class LogSigmoid:
    def forward(self, z):
        return -np.logaddexp(0, -z), z

    def backward(self, dy, z):
        return dy * np.exp(-np.logaddexp(0, z)), {}


class LogSigmoidOverflowing(LogSigmoid):
    def backward(self, dy, z):
        return dy * np.exp(-z) / (1 + np.exp(-z)), {}  # planted


def bce_at_the_ends(p, t):
    """0/0 where p = t; the derivative is −1 or 1 there."""
    J = np.mean(-np.log(np.where(t == 1, p, 1 - p)))
    dp = (p - t) / (p * (1 - p)) / p.size  # planted
    return J, dp


class SinglePrecisionCache:
    """To save memory."""

    def forward(self, z):
        a = np.tanh(z)
        return a, a.astype(np.float32)  # planted

    def backward(self, da, a):
        return da * (1 - a**2), {}


class HalfPrecisionProduct:
    params = ("weight",)

    def __init__(self):
        self.weight = np.random.default_rng(23).normal(size=(3, 4))

    def forward(self, x):
        return x @ self.weight.T, x

    def backward(self, dz, x):
        dW = np.float16(dz).T @ x  # planted
        return dz @ self.weight, {"weight": dW}


class DoublePrecisionZeros:
    """y[n, t] = x[n, t] + x[n, t + 1]; float32 in, float32 out."""

    def forward(self, x):
        return x[:, :-1] + x[:, 1:], x

    def backward(self, dy, x):
        dx = np.zeros(x.shape)  # planted
        dx[:, :-1] += dy
        dx[:, 1:] += dy
        return dx, {}


class DoublePrecisionRoot:
    """np.sqrt of an int is a float64 that is no Python float."""

    def forward(self, x):
        return x / x.shape[1] ** 0.5, None

    def backward(self, dy, _):
        dx = dy / np.sqrt(dy.shape[1])  # planted
        return dx, {}


def saturated(rng):
    return (rng.uniform(7, 13, (4, 3)),)


def half_saturated(rng):
    return (rng.uniform(4, 7, (4, 3)),)


def far_from_zero(rng):
    return (rng.normal(150, 1, (4, 6)),)


def huge(rng):
    return (np.array([[800.0, -3.0, 801.0], [0.5, 1.0, -0.3]]),)


def very_negative(rng):
    return (np.array([[-900.0, 2.0], [0.5, -0.4]]),)


def ends(rng):
    return np.array([1.0, 0.3, 0.0, 0.8]), np.array([1.0, 1.0, 0.0, 0.0])


X, SINGLE = ((4, 3),), "float32"
PLANTED = [
    (
        "cancellation",
        "SaturatedSigmoid()",
        saturated,
        {"z"},
        "return da * a / (1 + np.exp(cache[0])), {}",
        {"against": "nn.Sigmoid()", "dtype": SINGLE},
    ),
    (
        "cancellation",
        "SaturatedTanh()",
        half_saturated,
        {"z"},
        "return da / np.cosh(z) ** 2, {}",
        {"against": "nn.Tanh()", "dtype": SINGLE},
    ),
    (
        "cancellation",
        "StandardiseByMoments()",
        far_from_zero,
        {"output", "x"},
        "var = np.mean((x - mean) ** 2, axis=1, keepdims=True)",
        {"against": "lambda x: (x - x.mean(1, True)) / x.std(1, correction=0, keepdim=True)", "dtype": SINGLE},
    ),
    (
        "non-finite",
        "UnshiftedSoftmax()",
        huge,
        {"output", "z"},
        "e = np.exp(z - z.max(axis=1, keepdims=True))",
        {"against": "nn.Softmax(1)"},
    ),
    (
        "non-finite",
        "LogSigmoidOverflowing()",
        very_negative,
        {"z"},
        "return dy * np.exp(-np.logaddexp(0, z)), {}",
        {"against": "nn.LogSigmoid()"},
    ),
    ("non-finite", "bce_at_the_ends", ends, {"p"}, "dp = -np.sign(t - 0.5) / np.where(t == 1, p, 1 - p) / p.size"),
    ("low-precision", "SinglePrecisionCache()", X, {"z"}, "return a, a", {"against": "nn.Tanh()"}),
    ("low-precision", "HalfPrecisionProduct()", ((5, 4),), {"weight"}, "dW = dz.T @ x"),
    ("dtype-changed", "DoublePrecisionZeros()", X, {"x"}, "dx = np.zeros_like(x)", {"dtype": SINGLE}),
    ("dtype-changed", "DoublePrecisionRoot()", X, {"x"}, "dx = dy / dy.shape[1] ** 0.5", {"dtype": SINGLE}),
]
RIGHT = [
    ("LogSigmoid()", X, {"against": "nn.LogSigmoid()"}),
]
