"""One right layer, x W + b, written in every way in which people keep weights and gradients."""

from dataclasses import dataclass, field

import numpy as np

RNG = np.random.default_rng(0)
W, B = RNG.normal(size=(4, 3)), RNG.normal(size=3)


class Affine:
    """Weights as arrays, gradients as backward leaves them; the base of what differs in where they are kept."""

    def __init__(self):
        self.W, self.b = W.copy(), B.copy()

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dz):
        self.dW, self.db = self.both(dz)
        return dz @ self.W.T

    def both(self, dz):
        return self.x.T @ dz, dz.sum(axis=0)


class InPlace(Affine):
    def __init__(self):
        super().__init__()
        self.dW, self.db = np.zeros_like(W), np.zeros_like(B)

    def backward(self, dz):
        self.dW[...], self.db[...] = self.both(dz)
        return dz @ self.W.T


class Array:
    def __init__(self, data):
        self.data, self.grad = data, None


class OfObjects(Affine):
    """A weight is an object: W.data beside W.grad."""

    def __init__(self):
        self.W, self.b = Array(W.copy()), Array(B.copy())

    def forward(self, x):
        self.x = x
        return x @ self.W.data + self.b.data

    def backward(self, dz):
        self.W.grad, self.b.grad = self.both(dz)
        return dz @ self.W.data.T


class OfDicts(Affine):
    names = ("params", "grads")
    key = "{}"
    start = None

    def __init__(self):
        setattr(self, self.names[0], {"W": W.copy(), "b": B.copy()})
        setattr(self, self.names[1], {self.key.format(name): self.start for name in ("W", "b")} if self.start else {})

    def forward(self, x):
        self.x = x
        weights = getattr(self, self.names[0])
        return x @ weights["W"] + weights["b"]

    def backward(self, dz):
        found = zip(("W", "b"), self.both(dz), strict=True)
        getattr(self, self.names[1]).update({self.key.format(name): gradient for name, gradient in found})
        return dz @ getattr(self, self.names[0])["W"].T


class OfDictsNamedDW(OfDicts):
    key = "d{}"


class ParametersAndGradients(OfDictsNamedDW):
    names = ("parameters", "gradients")


class OfLists(Affine):
    def __init__(self):
        self.params, self.grads = [W.copy(), B.copy()], [np.zeros_like(W), np.zeros_like(B)]

    def forward(self, x):
        self.x = x
        return x @ self.params[0] + self.params[1]

    def backward(self, dz):
        self.grads[0], self.grads[1] = self.both(dz)
        return dz @ self.params[0].T


class OfListsMadeInBackward(OfLists):
    def __init__(self):
        self.params = [W.copy(), B.copy()]

    def backward(self, dz):
        self.grads = list(self.both(dz))
        return dz @ self.params[0].T


class OfTuples(OfLists):
    def __init__(self):
        self.params = (W.copy(), B.copy())

    def backward(self, dz):
        self.grads = self.both(dz)
        return dz @ self.params[0].T


class Slotted(Affine):
    __slots__ = ("W", "b", "dW", "db", "x")


@dataclass
class OfData(Affine):
    W: np.ndarray = field(default_factory=W.copy)
    b: np.ndarray = field(default_factory=B.copy)


class OfItsClass(Affine):
    """Weights are attributes of the class."""

    W, b = W.copy(), B.copy()

    def __init__(self):
        pass


class InWholeNumbers(Affine):
    def __init__(self):
        self.W, self.b = np.array([[1, -1, 3], [2, 2, -1], [0, 1, 1], [-2, 1, 2]]), np.zeros(3, int)


class Called(Affine):
    __call__ = Affine.forward
    forward = None  # type: ignore[assignment]


class Predicting(Affine):
    predict = Affine.forward
    forward = None  # type: ignore[assignment]


class ReturnsADict(Affine):
    def backward(self, dz):
        dW, db = self.both(dz)
        return {"x": dz @ self.W.T, "W": dW, "db": db}


class ReturnsInputAndDict(Affine):
    def backward(self, dz):
        return dz @ self.W.T, dict(zip(("W", "b"), self.both(dz), strict=True))


class ReturnsAll(Affine):
    def backward(self, dz):
        return dz @ self.W.T, *self.both(dz)


class ReturnsAList(Affine):
    def backward(self, dz):
        return dz @ self.W.T, list(self.both(dz))


KEPT = [Affine, InPlace, OfObjects, OfDicts, OfDictsNamedDW, ParametersAndGradients, OfLists, OfListsMadeInBackward]
KEPT += [
    OfItsClass,
    InWholeNumbers,
    OfTuples,
    Slotted,
    OfData,
    Called,
    Predicting,
    ReturnsADict,
    ReturnsInputAndDict,
    ReturnsAll,
    ReturnsAList,
]
