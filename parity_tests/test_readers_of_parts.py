"""Are networks of parts read through, and arguments of forward and backward given their roles?"""

import numpy as np
import pytest

import parity
from parity_tests.keepers import Affine

RNG = np.random.default_rng(7)


class Layer(Affine):
    def __init__(self, inside, outside):
        self.W, self.b = RNG.normal(size=(inside, outside)), RNG.normal(size=outside)


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy):
        return dy * (1 - self.y * self.y)


class Network:
    """Layers one after the other; `parts` says in which order."""

    def forward(self, x):
        for part in self.parts():
            x = part.forward(x)
        return x

    def backward(self, dy):
        for part in reversed(self.parts()):
            dy = part.backward(dy)
        return dy


class OfAttributes(Network):
    def __init__(self):
        self.l1, self.act, self.l2 = Layer(4, 5), Tanh(), Layer(5, 2)

    def parts(self):
        return [self.l1, self.act, self.l2]


class OfAList(Network):
    def __init__(self):
        self.layers = [Layer(4, 5), Tanh(), Layer(5, 2)]

    def parts(self):
        return self.layers


class OfATuple(OfAList):
    def __init__(self):
        super().__init__()
        self.layers = tuple(self.layers)


class OfADict(Network):
    def __init__(self):
        self.layers = {"affine1": Layer(4, 5), "tanh": Tanh(), "affine2": Layer(5, 2)}

    def parts(self):
        return list(self.layers.values())


class OfNestedLists(Network):
    def __init__(self):
        self.blocks = [[Layer(4, 5), Tanh()], [Layer(5, 2)]]

    def parts(self):
        return [part for block in self.blocks for part in block]


class OfNetworks(Network):
    def __init__(self):
        self.body, self.head = OfAList(), Layer(2, 2)

    def parts(self):
        return [self.body, self.head]


NAMES = {
    OfAttributes: ("l1.W", "l1.b", "l2.W", "l2.b"),
    OfAList: ("layers.0.W", "layers.0.b", "layers.2.W", "layers.2.b"),
    OfATuple: ("layers.0.W", "layers.0.b", "layers.2.W", "layers.2.b"),
    OfADict: ("layers.affine1.W", "layers.affine1.b", "layers.affine2.W", "layers.affine2.b"),
    OfNestedLists: ("blocks.0.0.W", "blocks.0.0.b", "blocks.1.0.W", "blocks.1.0.b"),
}


@pytest.mark.parametrize("kind", NAMES, ids=lambda kind: kind.__name__)
def test_parts_are_named_by_where_they_are(kind):
    report = parity.assert_parity(kind(), (6, 4))
    assert {row.name for row in report.rows if row.kind == "parameter"} == set(NAMES[kind])


def test_networks_of_networks_are_read():
    assert sum(row.kind == "parameter" for row in parity.assert_parity(OfNetworks(), (6, 4)).rows) == 6


def test_a_part_that_stands_twice_has_one_row():
    class Shared(Network):
        def __init__(self):
            self.first = self.second = Layer(4, 4)

        def parts(self):
            return [self.first]

    assert [row.name for row in parity.assert_parity(Shared(), (6, 4)).rows] == ["output", "x", "first.W", "first.b"]


def test_parts_are_found_however_deep_they_are():
    class Wraps:
        def __init__(self, inner):
            self.inner = inner

        def forward(self, x):
            return self.inner.forward(x)

        def backward(self, dz):
            return self.inner.backward(dz)

    net = Layer(4, 3)
    for _ in range(20):
        net = Wraps(net)
    assert [row.kind for row in parity.assert_parity(net, (5, 4)).rows].count("parameter") == 2


class OfMatrices:
    """Lists of weights and of biases, and of their gradients."""

    names = ("dweights", "dbiases")

    def __init__(self):
        self.weights = [RNG.normal(size=(4, 5)), RNG.normal(size=(5, 2))]
        self.biases = [RNG.normal(size=5), RNG.normal(size=2)]

    def forward(self, x):
        self.hidden = np.tanh(x @ self.weights[0] + self.biases[0])
        self.x = x
        return self.hidden @ self.weights[1] + self.biases[1]

    def gradients(self, dz):
        dh = dz @ self.weights[1].T * (1 - self.hidden**2)
        return [self.x.T @ dh, self.hidden.T @ dz], [dh.sum(axis=0), dz.sum(axis=0)], dh @ self.weights[0].T

    def backward(self, dz):
        dweights, dbiases, dx = self.gradients(dz)
        setattr(self, self.names[0], dweights)
        setattr(self, self.names[1], dbiases)
        return dx


class OfGradMatrices(OfMatrices):
    names = ("grad_weights", "grad_biases")


class ReturnsMatrices(OfMatrices):
    def backward(self, dz):
        return self.gradients(dz)[:2]


@pytest.mark.parametrize("kind", [OfMatrices, OfGradMatrices, ReturnsMatrices], ids=lambda kind: kind.__name__)
def test_lists_of_weights_beside_lists_of_gradients(kind):
    report = parity.assert_parity(kind(), (6, 4))
    names = {row.name for row in report.rows if row.kind == "parameter"}
    assert names == {"weights.0", "weights.1", "biases.0", "biases.1"}
