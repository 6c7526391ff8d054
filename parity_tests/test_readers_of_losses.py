"""Is what leaves its results elsewhere read as people write it: losses with their gradients, attributes, methods?"""

import numpy as np
import pytest

import parity

LABELS = np.array([0, 2, 1, 1, 0])


def names(report):
    assert report.ok, report
    return [row.name for row in report.rows]


class Net:
    """Of CS231n: loss(X, y) gives the loss and every gradient, under the names of the weights."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.params = {"W1": rng.normal(size=(4, 3)), "b1": np.zeros(3)}

    def loss(self, X, y, reg=0.1):
        W, rows = self.params["W1"], np.arange(len(y))
        e = np.exp(X @ W + self.params["b1"])
        p = e / e.sum(axis=1, keepdims=True)
        J = -np.log(p[rows, y]).mean() + reg * np.sum(W * W)
        dz = p.copy()
        dz[rows, y] -= 1
        dz /= len(y)
        return J, {"W1": X.T @ dz + self.factor * reg * W, "b1": dz.sum(axis=0)}

    factor = 2


class Halved(Net):
    factor = 1


@pytest.mark.parametrize("read", [lambda net: net, lambda net: net.loss], ids=["object", "method"])
def test_a_loss_with_its_gradients(read):
    report = parity.check(read(Net()), (5, 4), LABELS)
    assert names(report) == ["output", "W1", "b1"]
    assert "read as (J, gradients) from loss(X, y)" in report.conditions
    assert "numerically" not in parity.assert_parity(read(Net()), (5, 4), LABELS, against="trace").conditions
    wrong = parity.check(read(Halved()), (5, 4), LABELS)
    assert [row.name for row in wrong.rows if row.verdict == "fail"] == ["W1"]


class Neuron:
    """Of the lecture: predict, a loss, and a method that gives its gradient."""

    def __init__(self):
        self.theta = np.array([0.3, -0.2, 0.5])

    def predict(self, X):
        return 1 / (1 + np.exp(-X @ self.theta))

    def loss(self, X, y):
        p = self.predict(X)
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))

    def gradient(self, X, y):
        return X.T @ (self.predict(X) - y) / len(y)


class Ascending(Neuron):
    def gradient(self, X, y):
        return -super().gradient(X, y)


def test_a_loss_beside_its_gradient():
    report = parity.check(Neuron(), (5, 3), LABELS % 2)
    assert names(report) == ["output", "theta"]
    assert "read as J from loss(X, y), gradients from gradient" in report.conditions
    assert parity.check(Ascending(), (5, 3), LABELS % 2).verdict == "fail"


def test_a_loss_with_gradients_of_weights_outside_is_told_what_to_do():
    report = parity.check(lambda x, t: (np.sum(x), np.ones(3), np.ones(2)), (5, 3), (5, 3))
    assert "keep them in an object whose loss returns (J, {name: gradient})" in str(report)


def test_a_loss_without_gradients_is_named():
    class Bare(Neuron):
        gradient = None

    report = parity.check(Bare(), (5, 3), LABELS % 2)
    assert "Bare.loss must return (J, {name: gradient}); got a float" in str(report)


class Dense:
    """Of nnfs.io: neither forward nor backward returns anything."""

    def __init__(self):
        self.weights, self.biases = np.random.default_rng(0).normal(size=(4, 3)), np.zeros((1, 3))

    def forward(self, inputs):
        self.inputs = inputs
        self.output = inputs @ self.weights + self.biases

    def backward(self, dvalues):
        self.dweights = self.inputs.T @ dvalues
        self.dbiases = dvalues.sum(axis=0, keepdims=True)
        self.dinputs = self.factor * dvalues @ self.weights.T

    factor = 1


def test_outputs_and_input_gradients_are_found_in_attributes():
    report = parity.check(Dense(), (5, 4))
    assert names(report) == ["output", "inputs", "weights", "biases"]
    assert "output at output, gradients at dinputs, dweights, dbiases" in report.conditions
    wrong = parity.check(type("Wrong", (Dense,), {"factor": 2})(), (5, 4))
    assert [row.name for row in wrong.rows if row.verdict == "fail"] == ["inputs"]


class Handing:
    """Weights and gradients come from methods."""

    def __init__(self):
        self.W, self.b = np.random.default_rng(0).normal(size=(4, 3)), np.zeros(3)

    def params(self):
        return [self.W, self.b]

    def grads(self):
        return self.held

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, d):
        self.held = [self.x.T @ d, self.summed(d)]
        return d @ self.W.T

    def summed(self, d):
        return d.sum(axis=0)


class Pair:
    """Two of them, whose methods hand out all."""

    def __init__(self):
        self.layers = [Handing(), Handing()]
        self.layers[1].W = self.layers[1].W.T.copy()
        self.layers[1].b = np.zeros(4)

    def params(self):
        return [weight for layer in self.layers for weight in layer.params()]

    def grads(self):
        return [gradient for layer in self.layers for gradient in layer.grads()]

    def forward(self, x):
        return self.layers[1].forward(self.layers[0].forward(x))

    def backward(self, d):
        return self.layers[0].backward(self.layers[1].backward(d))


def test_methods_hand_out_weights_and_gradients():
    report = parity.check(Handing(), (5, 4))
    assert names(report) == ["output", "x", "W", "b"]
    assert "gradients at grads.0, grads.1" in report.conditions
    assert len(names(parity.check(Pair(), (5, 4)))) == 6
    wrong = parity.check(type("Wrong", (Handing,), {"summed": lambda self, d: d.mean(axis=0)})(), (5, 4))
    assert [row.name for row in wrong.rows if row.verdict == "fail"] == ["b"]


def test_a_backward_without_a_forward_is_refused():
    class Nielsen:
        def feedforward(self, a):
            return a

        def backprop(self, x, y):
            return [x], [y]

    with pytest.raises(TypeError, match="Nielsen has backprop but none of forward, predict, __call__"):
        parity.check(Nielsen(), (4, 1), (3, 1))
