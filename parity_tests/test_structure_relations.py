"""Are gradients that are rearranged, scaled, not summed or never written named, and told apart?"""

import numpy as np
import pytest

from parity_tests import structures as right
from parity_tests.diagnosed import diagnosed, with_method
from parity_tests.structures_in_steps import Attention, Conv1d

LABELS = np.array([0, 2, 1, 2, 2, 0])


def after(layer, change):
    """A subject whose backward is right but for change(dx, gradients, d, cache) -> (dx, gradients)."""

    def backward(self, d, cache):
        dx, gradients = type(layer).backward(self, d, cache)
        return change(dx, gradients, d, cache)

    return with_method(layer, backward=backward)


def in_dense(change):
    return after(right.Dense(), change), right.Dense(), ((6, 4),)


def in_square(change):
    return after(right.Dense(4, 4), change), right.Dense(4, 4), ((4, 4),)


def in_conv(change):
    return after(Conv1d(), change), Conv1d(), ((3, 2, 9),)


def in_attention(change):
    return after(Attention(), change), Attention(), ((2, 4, 3),)


def in_norm(change):
    return after(right.LayerNorm(), change), right.LayerNorm(), ((6, 5),)


def in_loss(factor, loss=right.mean_squares, shape=(6, 3)):
    def wrong(y, t):
        J, dy = loss(y, t)
        return J, dy * factor(y)

    return wrong, loss, (shape, shape)


def in_cross_entropy(factor):
    return (
        after(right.CrossEntropy(), lambda dz, g, d, cache: ((dz[0] * factor(dz[0]), None), g)),
        right.CrossEntropy(),
        ((6, 3), LABELS),
    )


def transposed_weight(self, dz, x):
    return dz @ self.W.T, {"W": dz.T @ x, "b": dz.sum(axis=0)}


def reversed_kernel(self, dz, xp):
    gradients = Conv1d.backward(self, dz, xp)[1]
    self.W = self.W[:, :, ::-1]
    return Conv1d.backward(self, dz, xp)[0], gradients


PLANTED = {
    "dense, ascent": ({"x": "sign-flipped"}, *in_dense(lambda dx, g, d, x: (-dx, g))),
    "squares, ascent": ({"y": "sign-flipped"}, *in_loss(lambda y: -1)),
    "squares without the mean": ({"y": "missing-mean"}, *in_loss(lambda y: y.size)),
    "squares, 2 × 2": ({"y": "missing-mean"}, *in_loss(len, shape=(2, 2))),
    "cross-entropy of the sum": ({"z": "missing-mean"}, *in_cross_entropy(len)),
    "squares, divided twice": ({"y": "extra-mean"}, *in_loss(lambda y: 1 / len(y))),
    "dense, all but dx divided": (
        {"W": "extra-mean", "b": "extra-mean"},
        *in_dense(lambda dx, g, d, x: (dx, {name: one / len(x) for name, one in g.items()})),
    ),
    "squares over the columns": ({"y": "wrong-count"}, *in_loss(lambda y: y.shape[1], shape=(2, 2))),
    "cross-entropy over the classes": ({"z": "wrong-count"}, *in_cross_entropy(lambda dz: len(dz) / dz.shape[1])),
    "convolution, bias over the pixels": (
        {"b": "wrong-count"},
        *in_conv(lambda dx, g, d, x: (dx, g | {"b": d.mean(axis=2).sum(axis=0)})),
    ),
    "squares without the 2": ({"y": "constant-factor"}, *in_loss(lambda y: 0.5, shape=(2, 2))),
    "dense, dW times 1.5": (
        {"W": "constant-factor"},
        *in_dense(lambda dx, g, d, x: (dx, g | {"W": 1.5 * g["W"]})),
    ),
    "dense, dW transposed": ({"W": "transposed"}, *in_dense(lambda dx, g, d, x: (dx, g | {"W": x.T @ d}))),
    "square dense, dW transposed": ({"W": "transposed"}, *in_square(lambda dx, g, d, x: (dx, g | {"W": x.T @ d}))),
    "square dense, W transposed": (
        {"x": "transposed"},
        with_method(right.Dense(4, 4), backward=transposed_weight),
        right.Dense(4, 4),
        ((6, 4),),
    ),
    "convolution, axes exchanged": (
        {"W": "transposed"},
        *in_conv(lambda dx, g, d, x: (dx, g | {"W": g["W"].transpose(1, 0, 2)})),
    ),
    "dense, an index too far": ({"x": "permuted"}, *in_dense(lambda dx, g, d, x: (np.roll(dx, 1, axis=1), g))),
    "dense, rows upside down": ({"x": "permuted"}, *in_dense(lambda dx, g, d, x: (dx[::-1], g))),
    "square dense, blocks exchanged": (
        {"W": "permuted"},
        *in_square(lambda dx, g, d, x: (dx, g | {"W": g["W"][[2, 3, 0, 1]]})),
    ),
    "attention, dWq for dWk": (
        {"Wq": "permuted", "Wk": "permuted"},
        *in_attention(lambda dx, g, d, c: (dx, g | {"Wq": g["Wk"], "Wk": g["Wq"]})),
    ),
    "convolution, a reshape for a transpose": (
        {"W": "permuted"},
        *in_conv(lambda dx, g, d, x: (dx, g | {"W": g["W"].transpose(2, 0, 1).reshape(3, 2, 3)})),
    ),
    "convolution, dW reversed": (
        {"W": "kernel-flipped"},
        *in_conv(lambda dx, g, d, x: (dx, g | {"W": g["W"][:, :, ::-1]})),
    ),
    "convolution, W reversed": (
        {"x": "kernel-flipped"},
        with_method(Conv1d(), backward=reversed_kernel),
        Conv1d(),
        ((3, 2, 9),),
    ),
    "dense, mean for sum": ({"b": "bias-averaged"}, *in_dense(lambda dx, g, d, x: (dx, g | {"b": d.mean(axis=0)}))),
    "convolution, mean for sum": (
        {"b": "bias-averaged"},
        *in_conv(lambda dx, g, d, x: (dx, g | {"b": d.mean(axis=(0, 2))})),
    ),
    "norm, mean for sum": (
        {"beta": "bias-averaged"},
        *in_norm(lambda dx, g, d, c: (dx, g | {"beta": d.mean(axis=0)})),
    ),
    "dense, bias per row": ({"b": "bias-not-summed"}, *in_dense(lambda dx, g, d, x: (dx, g | {"b": d}))),
    "dense, bias of the first row": ({"b": "bias-not-summed"}, *in_dense(lambda dx, g, d, x: (dx, g | {"b": d[0]}))),
    "convolution, bias per image": (
        {"b": "bias-not-summed"},
        *in_conv(lambda dx, g, d, x: (dx, g | {"b": d.sum(axis=2)})),
    ),
    "norm, dγ per row": (
        {"gamma": "broadcast-not-reduced"},
        *in_norm(lambda dx, g, d, c: (dx, g | {"gamma": d * c[0]})),
    ),
    "dense, bias summed to one number": (
        {"b": "broadcast-not-reduced"},
        *in_dense(lambda dx, g, d, x: (dx, g | {"b": d.sum()})),
    ),
    "convolution, bias per pixel": (
        {"b": "broadcast-not-reduced"},
        *in_conv(lambda dx, g, d, x: (dx, g | {"b": d.sum(axis=0)})),
    ),
    "dense, of ones": (
        {"x": "upstream-ignored", "W": "upstream-ignored", "b": "upstream-ignored"},
        with_method(right.Dense(), backward=lambda self, d, x: right.Dense.backward(self, np.ones_like(d), x)),
        right.Dense(),
        ((6, 4),),
    ),
    "cross-entropy, of ones": (
        {"z": "upstream-ignored"},
        with_method(right.CrossEntropy(), backward=lambda self, d, c: right.CrossEntropy.backward(self, 1.0, c)),
        right.CrossEntropy(),
        ((6, 3), LABELS),
    ),
    "dense, no bias": ({"b": "never-written"}, *in_dense(lambda dx, g, d, x: (dx, {"W": g["W"]}))),
    "norm, zeros": ({"beta": "never-written"}, *in_norm(lambda dx, g, d, c: (dx, g | {"beta": np.zeros(5)}))),
    "dense, first row": (
        {"W": "batch-of-one-only"},
        *in_dense(lambda dx, g, d, x: (dx, g | {"W": np.outer(d[0], x[0])})),
    ),
    "norm, product of sums": (
        {"gamma": "batch-of-one-only"},
        *in_norm(lambda dx, g, d, c: (dx, g | {"gamma": d.sum(axis=0) * c[0].sum(axis=0)})),
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_cause_is_named(name):
    expected, *planted = PLANTED[name]
    assert diagnosed(*planted) == expected
