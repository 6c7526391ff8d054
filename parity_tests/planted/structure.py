"""Broadcasts, paddings, permutations, products and paths: no activation, mostly no weights."""

import numpy as np


class Scale:
    """y = x ∘ g + c, one scale and one shift per feature."""

    params = ("g", "c")

    def __init__(self):
        rng = np.random.default_rng(21)
        self.g, self.c = rng.normal(size=4), rng.normal(size=4)

    def forward(self, x):
        return x * self.g + self.c, x

    def backward(self, dy, x):
        return dy * self.g, {"g": (dy * x).sum(axis=0), "c": dy.sum(axis=0)}


class ScaleUnreduced(Scale):
    def backward(self, dy, x):
        dg = dy * x  # planted
        return dy * self.g, {"g": dg, "c": dy.sum(axis=0)}


class ScaleShiftOverwritten(Scale):
    """A loop over the batch that keeps the last row."""

    def backward(self, dy, x):
        dg = np.zeros_like(self.g)
        for x_n, dy_n in zip(x, dy, strict=True):
            dg += dy_n * x_n
            dc = dy_n  # planted
        return dy * self.g, {"g": dg, "c": dc}


class Difference:
    def forward(self, a, b):
        return a - b, None

    def backward(self, dy, _):
        return (dy.copy(), -dy), {}


class DifferenceAdded(Difference):
    def backward(self, dy, _):
        return (dy.copy(), dy.copy()), {}  # planted


class OuterProduct:
    """y[i, j] = a[i] b[j]."""

    def forward(self, a, b):
        return np.outer(a, b), (a, b)

    def backward(self, dy, cache):
        a, b = cache
        return (dy @ b, dy.T @ a), {}


class OuterProductSumsColumns(OuterProduct):
    """a and b are equally long."""

    def backward(self, dy, cache):
        a, b = cache
        da = np.sum(dy * b, axis=0)  # planted
        return (da, np.sum(dy * a[:, None], axis=0)), {}


class Concatenate:
    """[a, b] along the features."""

    def forward(self, a, b):
        return np.concatenate((a, b), axis=1), a.shape[1]

    def backward(self, dy, k):
        da, db = np.split(dy, [k], axis=1)
        return (da, db), {}


class ConcatenateSwapped(Concatenate):
    def backward(self, dy, k):
        return (dy[:, k:], dy[:, :k]), {}  # planted


class AxesRolled:
    """(N, T, D) to (D, N, T)."""

    def forward(self, x):
        return x.transpose(2, 0, 1), None

    def backward(self, dy, _):
        return np.moveaxis(dy, 0, 2), {}


class AxesRolledAgain(AxesRolled):
    """The same permutation is not its own inverse; on cubes the shape does not tell."""

    def backward(self, dy, _):
        return dy.transpose(2, 0, 1), {}  # planted


class Flatten:
    """(N, C, H) to (N, C H)."""

    def forward(self, x):
        return x.reshape(len(x), -1), x.shape

    def backward(self, dy, shape):
        return dy.reshape(shape), {}


class FlattenForgotten(Flatten):
    def backward(self, dy, shape):
        return dy.copy(), {}  # planted


class Pad:
    """Two zeros before, one after."""

    def forward(self, x):
        return np.pad(x, ((0, 0), (2, 1))), None

    def backward(self, dy, _):
        return dy[:, 2:-1], {}


class PadCropsTheOtherWay(Pad):
    def backward(self, dy, _):
        dx = dy[:, 1:-2]  # planted
        return dx, {}


class ImageMean:
    def forward(self, x):
        return x.mean(axis=(1, 2)), x.shape

    def backward(self, dy, shape):
        return np.einsum("n,ij->nij", dy, np.full(shape[1:], 1 / (shape[1] * shape[2]))), {}


class ImageMeanOfRows(ImageMean):
    def backward(self, dy, shape):
        dx = np.ones(shape) * dy[:, None, None] / shape[1]  # planted
        return dx, {}


class GatedByMean:
    """y = x · mean(x): both factors depend on x."""

    def forward(self, x):
        m = x.mean(axis=1, keepdims=True)
        return x * m, (x, m)

    def backward(self, dy, cache):
        x, m = cache
        return dy * m + (dy * x).mean(axis=1, keepdims=True), {}


class GatedByMeanHeldFixed(GatedByMean):
    def backward(self, dy, cache):
        x, m = cache
        dx = dy * m  # planted
        return dx, {}


class Residual:
    """y = x + tanh(x Wᵀ)."""

    params = ("weight",)

    def __init__(self):
        self.weight = np.random.default_rng(22).normal(size=(4, 4))

    def forward(self, x):
        h = np.tanh(x @ self.weight.T)
        return x + h, (x, h)

    def backward(self, dy, cache):
        x, h = cache
        dz = dy * (1 - h**2)
        return dy + dz @ self.weight, {"weight": dz.T @ x}


class ResidualSkipForgotten(Residual):
    def backward(self, dy, cache):
        x, h = cache
        dz = dy * (1 - h**2)
        dx = dz @ self.weight  # planted
        return dx, {"weight": dz.T @ x}


X, TWO, VECTORS = ((5, 4),), ((3, 2), (3, 2)), ((4,), (4,))
CUBE, IMAGES, LINES = ((3, 3, 3),), ((2, 3, 4),), ((3, 5),)
PLANTED = [
    ("broadcast-not-reduced", "ScaleUnreduced()", X, {"g"}, "dg = np.sum(dy * x, axis=0)"),
    ("bias-not-summed", "ScaleShiftOverwritten()", X, {"c"}, None, {"also": ("path-missing",)}),
    ("sign-flipped", "DifferenceAdded()", TWO, {"b"}, "return (dy.copy(), -dy), {}", {"against": "torch.sub"}),
    ("wrong-axis", "OuterProductSumsColumns()", VECTORS, {"a"}, "da = np.sum(dy * b, axis=1)"),
    ("permuted", "ConcatenateSwapped()", TWO, {"a", "b"}, "return (dy[:, :k], dy[:, k:]), {}"),
    (
        "permuted",
        "AxesRolledAgain()",
        CUBE,
        {"x"},
        "return dy.transpose(1, 2, 0), {}",
        {"against": "lambda x: x.permute(2, 0, 1)", "also": ("transposed",)},
    ),
    ("shape-mismatch", "FlattenForgotten()", IMAGES, {"x"}, "return dy.reshape(shape), {}"),
    (
        "window-edge",
        "PadCropsTheOtherWay()",
        LINES,
        {"x"},
        "dx = dy[:, 2:-1]",
        {"against": "lambda x: F.pad(x, (2, 1))"},
    ),
    (
        "wrong-count",
        "ImageMeanOfRows()",
        IMAGES,
        {"x"},
        "dx = np.ones(shape) * dy[:, None, None] / (shape[1] * shape[2])",
    ),
    ("path-missing", "GatedByMeanHeldFixed()", X, {"x"}, "dx = dy * m + (dy * x).mean(axis=1, keepdims=True)"),
    ("path-missing", "ResidualSkipForgotten()", X, {"x"}, "dx = dy + dz @ self.weight"),
]
RIGHT = [
    ("Scale()", X),
    ("Difference()", TWO, {"against": "torch.sub"}),
    ("OuterProduct()", VECTORS),
    ("Concatenate()", TWO),
    ("AxesRolled()", ((3, 2, 4),)),
    ("Flatten()", IMAGES),
    ("Pad()", LINES),
    ("ImageMean()", IMAGES),
    ("GatedByMean()", X),
    ("Residual()", X),
]
