"""Are the parts of a network judged as they were before they ran, and is no verdict lost in a search for causes?"""

import numpy as np
import pytest
import torch
from torch import nn

import parity
from parity import checker


class Dense:
    """Keeps its input under a name of its own."""

    def __init__(self, n_in, n_out):
        rng = np.random.default_rng(n_in)
        self.W, self.b = rng.normal(size=(n_in, n_out)), rng.normal(size=n_out)

    def forward(self, x):
        self.inp = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.inp.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class Relu:
    def forward(self, x):
        self.out = np.maximum(x, 0)
        return self.out

    def backward(self, dout):
        return dout * (self.out > 0)


class Leaky(Relu):
    def backward(self, dout):
        return dout


class Residual:
    def __init__(self):
        self.first, self.relu, self.second = Dense(4, 5), Relu(), Dense(5, 4)

    def forward(self, x):
        return x + self.second.forward(self.relu.forward(self.first.forward(x)))

    def backward(self, dout):
        return self.first.backward(self.relu.backward(self.second.backward(dout)))


class Chain:
    def __init__(self, *layers):
        self.layers = layers

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dout):
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout


class Forwards(Chain):
    def backward(self, dout):
        for layer in self.layers:
            dout = layer.backward(dout)
        return dout


def test_a_part_that_keeps_its_input_is_not_blamed_for_it():
    (cause,) = parity.check(Residual(), (5, 4)).causes
    assert (cause.code, cause.row) == ("path-missing", "x")


def test_the_wrong_part_alone_is_named():
    (cause,) = parity.check(Chain(Dense(4, 5), Leaky(), Dense(5, 3)), (5, 4)).causes
    assert cause.code == "mask-wrong"
    assert cause.where.startswith("layers.1 (Leaky), test_parts.py:")


@pytest.mark.parametrize("batch", [1, 5])
def test_what_is_right_for_equal_weights_alone_is_told(batch):
    """Backward goes through the layers in the wrong order; by x that shows only where the weights differ."""
    report = parity.check(Forwards(Dense(4, 4), Relu(), Dense(4, 4)), (batch, 4))
    assert report.verdict == "fail"
    (said,) = [cause.sentence for cause in report.causes if cause.row == "x"]
    assert said == "gradient by x is right for these numbers and wrong for others"


def test_the_verdict_outlives_a_mistake_in_the_search(monkeypatch):
    def broken(*arguments):
        raise IndexError("no such term")

    monkeypatch.setattr(checker, "diagnose", broken)
    report = parity.check(Chain(Dense(4, 5), Leaky(), Dense(5, 3)), (5, 4))
    assert report.verdict == "fail"
    (cause,) = report.causes
    assert "the search for a cause stopped at test_parts.py:" in cause.sentence
    assert "IndexError: no such term" in cause.sentence


class CharRNN:
    """Columns, one character a step; what the next step gives is forgotten."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.Wxh, self.Whh, self.bh = rng.normal(size=(6, 5)), rng.normal(size=(6, 6)), rng.normal(size=(6, 1))

    def forward(self, xs):
        self.xs, self.hs = xs, {-1: np.zeros((6, 1))}
        for t in range(len(xs)):
            self.hs[t] = np.tanh(self.Wxh @ xs[t][:, None] + self.Whh @ self.hs[t - 1] + self.bh)
        return np.stack([self.hs[t] for t in range(len(xs))])

    def backward(self, dhs):
        self.dWxh, self.dWhh, self.dbh = np.zeros_like(self.Wxh), np.zeros_like(self.Whh), np.zeros_like(self.bh)
        dxs = np.zeros_like(self.xs)
        for t in reversed(range(len(dhs))):
            dz = dhs[t] * (1 - self.hs[t] ** 2)
            self.dWxh += dz @ self.xs[t][None]
            self.dWhh += dz @ self.hs[t - 1].T
            self.dbh += dz
            dxs[t] = (self.Wxh.T @ dz)[:, 0]
        return dxs


def test_columns_over_time_are_diagnosed():
    report = parity.check(CharRNN(), (4, 5))
    assert {cause.code for cause in report.causes} == {"time-truncated"}


class WrongSlope(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.sigmoid(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        (y,) = ctx.saved_tensors
        return dy * y * (1 + y)


class Activation(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function.apply(x)


def test_the_wrong_module_of_a_torch_network_is_named():
    net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 5), Activation(WrongSlope), nn.Linear(5, 2))
    report = parity.check(net, (6, 4))
    (cause,) = report.causes
    assert cause.code == "activation-derivative-wrong"
    assert cause.where.startswith("3 (Activation()), test_parts.py:")
    assert {row.name for row in report.rows if row.cause} == {"input", "0.weight", "0.bias", "2.weight", "2.bias"}
