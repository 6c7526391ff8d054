"""Products of matrices in a batch: mixed values of attention, by @ and by einsum, weights of the values included."""

import numpy as np


class Mixture:
    """y = A (x W) for every A (T, T) and x (T, D) of a batch."""

    params = ("W",)

    def __init__(self):
        self.W = np.random.default_rng(3).normal(size=(4, 3))

    def forward(self, A, x):
        self.A, self.x = A, x
        self.v = x @ self.W
        return A @ self.v

    def backward(self, dy):
        dA = dy @ self.v.transpose(0, 2, 1)
        dv = self.A.transpose(0, 2, 1) @ dy
        self.dW = np.einsum("btd,bte->de", self.x, dv)
        return dA, dv @ self.W.T


class MixtureUntransposed(Mixture):
    def backward(self, dy):
        dA = dy @ self.v.transpose(0, 2, 1)
        dv = self.A @ dy  # planted
        self.dW = np.einsum("btd,bte->de", self.x, dv)
        return dA, dv @ self.W.T


class MixtureByLetters(Mixture):
    def backward(self, dy):
        dA = np.einsum("bte,bse->bts", dy, self.v)
        dv = np.einsum("bts,bse->bte", self.A, dy)  # planted
        self.dW = np.tensordot(self.x, dv, ((0, 1), (0, 1)))
        return dA, dv @ self.W.T


def product(A, B):
    return A @ B


def product_backward(d, A, B):
    return d @ B.transpose(0, 2, 1), A.transpose(0, 2, 1) @ d


def product_backward_untransposed(d, A, B):
    return d @ B, A.transpose(0, 2, 1) @ d  # planted


MIXED, SQUARE = ((2, 5, 5), (2, 5, 4)), ((2, 4, 4), (2, 4, 4))
PLANTED = [
    ("transposed", "MixtureUntransposed()", MIXED, {"x", "W"}, "dv = self.A.transpose(0, 2, 1) @ dy"),
    ("transposed", "MixtureByLetters()", MIXED, {"x", "W"}, 'dv = np.einsum("bst,bse->bte", self.A, dy)'),
    (
        "transposed",
        "(product, product_backward_untransposed)",
        SQUARE,
        {"A"},
        "return d @ B.transpose(0, 2, 1), A.transpose(0, 2, 1) @ d",
    ),
]
RIGHT = [("Mixture()", MIXED), ("(product, product_backward)", SQUARE)]
