"""Dense layers: an explicit cache, gradients by name, weights laid out as torch does."""

import numpy as np


class Dense:
    """z = x Wᵀ + b."""

    params = ("weight", "bias")

    def __init__(self, n_in=4, n_out=3, seed=0):
        rng = np.random.default_rng(seed)
        self.weight = rng.normal(size=(n_out, n_in))
        self.bias = rng.normal(size=n_out)

    def forward(self, x):
        return x @ self.weight.T + self.bias, x

    def backward(self, dz, x):
        return dz @ self.weight, {"weight": dz.T @ x, "bias": dz.sum(axis=0)}


class DenseBiasAveraged(Dense):
    def backward(self, dz, x):
        dW = dz.T @ x
        db = dz.mean(axis=0)  # planted
        return dz @ self.weight, {"weight": dW, "bias": db}


class DenseBiasUnsummed(Dense):
    def backward(self, dz, x):
        dW = np.dot(dz.T, x)
        db = dz  # planted
        dx = np.dot(dz, self.weight)
        return dx, {"weight": dW, "bias": db}


class DenseBiasOfFirstRow(Dense):
    def backward(self, dz, x):
        grads = {}
        grads["weight"] = dz.T @ x
        grads["bias"] = dz[0]  # planted
        return dz @ self.weight, grads


class DenseBiasKeptAxis(Dense):
    def backward(self, dz, x):
        dW = dz.T @ x
        db = np.sum(dz, axis=0, keepdims=True)  # planted
        return dz @ self.weight, {"weight": dW, "bias": db}


class DenseBiasForgotten(Dense):
    def backward(self, dz, x):
        dx = dz @ self.weight
        return dx, {"weight": dz.T @ x}  # planted


class DenseWeightTransposed(Dense):
    def backward(self, dz, x):
        dW = x.T @ dz  # planted
        db = dz.sum(axis=0)
        return dz @ self.weight, {"weight": dW, "bias": db}


class DenseWeightReshaped(Dense):
    """The shape error was silenced."""

    def backward(self, dz, x):
        dW = (x.T @ dz).reshape(self.weight.shape)  # planted
        db = dz.sum(axis=0)
        return dz @ self.weight, {"weight": dW, "bias": db}


class DenseSquareTransposed(Dense):
    def backward(self, dz, x):
        dx = dz @ self.weight.T  # planted
        return dx, {"weight": dz.T @ x, "bias": dz.sum(axis=0)}


class DenseAveragedAgain(Dense):
    """The loss has the 1/N already."""

    def backward(self, dz, x):
        N = x.shape[0]
        dW = dz.T @ x / N  # planted
        db = dz.sum(axis=0)
        return dz @ self.weight, {"weight": dW, "bias": db}


class DenseUpstreamOfOnes(Dense):
    def backward(self, dz, x):
        dW = np.ones_like(dz).T @ x  # planted
        return dz @ self.weight, {"weight": dW, "bias": dz.sum(axis=0)}


class DenseOuterOfFirst(Dense):
    """Derived for one example."""

    def backward(self, dz, x):
        dW = np.outer(dz[0], x[0])  # planted
        return dz @ self.weight, {"weight": dW, "bias": dz.sum(axis=0)}


class DenseTransposesBoth(Dense):
    def backward(self, dz, x):
        dW = dz @ x.T  # planted
        return dz @ self.weight, {"weight": dW, "bias": dz.sum(axis=0)}


class DenseActivated:
    """a = tanh(x Wᵀ + b): layer and activation in one class, everything in a dict cache."""

    params = ("W", "b")

    def __init__(self):
        rng = np.random.default_rng(3)
        self.W = rng.normal(0, 0.7, size=(3, 4))
        self.b = rng.normal(0, 0.5, size=3)

    def forward(self, x):
        z = np.einsum("ni,oi->no", x, self.W) + self.b
        a = np.tanh(z)
        return a, {"x": x, "z": z, "a": a}

    def backward(self, da, cache):
        dz = da * (1 - cache["a"] ** 2)
        grads = {"W": np.einsum("no,ni->oi", dz, cache["x"]), "b": np.einsum("no->o", dz)}
        return np.einsum("no,oi->ni", dz, self.W), grads


class DenseActivatedBiasPastTheActivation(DenseActivated):
    """The bias is inside the activation as well."""

    def backward(self, da, cache):
        dz = da * (1 - cache["a"] ** 2)
        db = da.sum(axis=0)  # planted
        return dz @ self.W, {"W": dz.T @ cache["x"], "b": db}


class DenseSequence:
    """z = x Wᵀ + b at every step of a sequence (batch, time, features)."""

    params = ("weight", "bias")

    def __init__(self):
        rng = np.random.default_rng(1)
        self.weight = rng.normal(size=(3, 4))
        self.bias = rng.normal(size=3)

    def forward(self, x):
        return np.matmul(x, self.weight.T) + self.bias, x

    def backward(self, dz, x):
        dW = np.tensordot(dz, x, axes=([0, 1], [0, 1]))
        db = dz.sum(axis=(0, 1))
        return np.matmul(dz, self.weight), {"weight": dW, "bias": db}


class DenseSequenceBiasPerStep(DenseSequence):
    def backward(self, dz, x):
        dW = np.tensordot(dz, x, axes=([0, 1], [0, 1]))
        db = dz.sum(axis=0)  # planted
        return np.matmul(dz, self.weight), {"weight": dW, "bias": db}


class DenseSequenceFirstOfBatch(DenseSequence):
    def backward(self, dz, x):
        dW = dz[0].T @ x[0]  # planted
        return np.matmul(dz, self.weight), {"weight": dW, "bias": dz.sum(axis=(0, 1))}


ROWS = ((5, 4),)
LINEAR = {"against": "nn.Linear(4, 3)"}
PLANTED = [
    ("bias-averaged", "DenseBiasAveraged()", ROWS, {"bias"}, "db = dz.sum(axis=0)", LINEAR),
    ("bias-not-summed", "DenseBiasUnsummed()", ROWS, {"bias"}, "db = dz.sum(axis=0)", LINEAR),
    ("bias-not-summed", "DenseBiasOfFirstRow()", ROWS, {"bias"}, 'grads["bias"] = dz.sum(axis=0)', LINEAR),
    ("shape-mismatch", "DenseBiasKeptAxis()", ROWS, {"bias"}, "db = np.sum(dz, axis=0)", LINEAR),
    (
        "never-written",
        "DenseBiasForgotten()",
        ROWS,
        {"bias"},
        'return dx, {"weight": dz.T @ x, "bias": dz.sum(axis=0)}',
        LINEAR,
    ),
    ("transposed", "DenseWeightTransposed()", ROWS, {"weight"}, "dW = dz.T @ x", LINEAR),
    ("permuted", "DenseWeightReshaped()", ROWS, {"weight"}, "dW = (x.T @ dz).T", LINEAR),
    ("transposed", "DenseSquareTransposed(4, 4)", ROWS, {"x"}, "dx = dz @ self.weight", {"against": "nn.Linear(4, 4)"}),
    ("extra-mean", "DenseAveragedAgain()", ROWS, {"weight"}, "dW = dz.T @ x", LINEAR),
    ("upstream-ignored", "DenseUpstreamOfOnes()", ROWS, {"weight"}, "dW = dz.T @ x", LINEAR),
    ("batch-of-one-only", "DenseOuterOfFirst()", ROWS, {"weight"}, "dW = dz.T @ x", LINEAR),
    ("raised", "DenseTransposesBoth()", ROWS, set(), "dW = dz.T @ x", LINEAR),
    (
        "activation-derivative-missing",
        "DenseActivatedBiasPastTheActivation()",
        ROWS,
        {"b"},
        "db = dz.sum(axis=0)",
    ),
    (
        "bias-not-summed",
        "DenseSequenceBiasPerStep()",
        ((2, 5, 4),),
        {"bias"},
        "db = dz.sum(axis=(0, 1))",
        LINEAR | {"also": ("broadcast-not-reduced",)},
    ),
    (
        "batch-of-one-only",
        "DenseSequenceFirstOfBatch()",
        ((3, 5, 4),),
        {"weight"},
        "dW = np.tensordot(dz, x, axes=([0, 1], [0, 1]))",
        LINEAR,
    ),
]
RIGHT = [
    ("Dense()", ROWS, LINEAR),
    ("DenseActivated()", ROWS),
    ("DenseSequence()", ((2, 5, 4),), LINEAR),
]
