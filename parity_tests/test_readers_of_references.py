"""Is an array that a network keeps in several places one weight, with one gradient?"""

import numpy as np

import parity
from parity_tests.test_readers_of_parts import Layer, Tanh

RNG = np.random.default_rng(8)


class Refers:
    """W of its own, used by two layers that refer to it; its gradient is the sum of theirs."""

    def __init__(self):
        self.W = RNG.normal(size=(4, 4))
        self.first, self.second, self.act = Layer(4, 4), Layer(4, 4), Tanh()
        self.first.W = self.second.W = self.W

    def forward(self, x):
        return self.second.forward(self.act.forward(self.first.forward(x)))

    def backward(self, dy):
        dx = self.first.backward(self.act.backward(self.second.backward(dy)))
        self.dW = self.first.dW + self.second.dW
        return dx


def test_an_array_that_is_kept_twice_has_one_gradient():
    report = parity.assert_parity(Refers(), (5, 4))
    assert [row.name for row in report.rows if row.kind == "parameter"] == ["W", "first.b", "second.b"]


def test_the_gradient_of_one_use_is_not_that_of_both():
    class Forgets(Refers):
        def backward(self, dy):
            dx = super().backward(dy)
            self.dW = self.first.dW + 0.5 * self.second.dW
            return dx

    assert parity.check(Forgets(), (5, 4)).verdict == "fail"


class NamesThem:
    """A dict of weights that its layers refer to, and a dict of their gradients."""

    def __init__(self):
        self.layer = Layer(4, 3)
        self.params, self.grads = {"W": self.layer.W, "b": self.layer.b}, {}

    def forward(self, x):
        return self.layer.forward(x)

    def backward(self, dz):
        dx = self.layer.backward(dz)
        self.grads.update(W=self.layer.dW, b=self.layer.db)
        return dx


def test_a_dict_may_name_the_arrays_of_layers():
    report = parity.assert_parity(NamesThem(), (5, 4))
    assert [row.kind for row in report.rows].count("parameter") == 2
