"""Do weights reach the twin under other names, transposed or reshaped, and only where they fit?"""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

import parity
from parity.witnesses.crossing import crossings
from parity_tests.soak import draw

RNG = np.random.default_rng(3)


class Dense:
    """x W + b, or x Wᵀ + b where the rows of W are neurons; gradients under W_grad and b_grad."""

    def __init__(self, inside, outside, rows=False, bias=(-1,)):
        self.W = RNG.normal(size=(outside, inside) if rows else (inside, outside))
        self.b, self.rows = RNG.normal(size=outside).reshape(bias), rows

    def forward(self, x):
        self.x = x
        return x @ (self.W.T if self.rows else self.W) + self.b

    def backward(self, dz):
        self.W_grad = dz.T @ self.x if self.rows else self.x.T @ dz
        self.b_grad = dz.sum(axis=0).reshape(self.b.shape)
        return dz @ (self.W if self.rows else self.W.T)


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy):
        return dy * (1 - self.y * self.y)


class Stack:
    """Parts in the order in which they are defined, run in the order that is given."""

    def __init__(self, order, **parts):
        vars(self).update(parts)
        self.order = order

    def forward(self, x):
        for name in self.order:
            x = getattr(self, name).forward(x)
        return x

    def backward(self, dy):
        for name in reversed(self.order):
            dy = getattr(self, name).backward(dy)
        return dy


def said(report):
    """What the report says of how weights crossed."""
    assert report.ok, report
    return [part for part in report.conditions.split("; ") if " crosses to " in part]


@pytest.mark.parametrize(
    ("dense", "expected"),
    [
        (Dense(4, 3), ["W crosses to weight transposed", "b crosses to bias"]),
        (Dense(4, 3, rows=True), ["W crosses to weight", "b crosses to bias"]),
        (Dense(4, 3, bias=(1, -1)), ["W crosses to weight transposed", "b crosses to bias reshaped"]),
    ],
    ids=["transposed", "as-it-is", "reshaped"],
)
def test_how_a_weight_crossed_is_said(dense, expected):
    assert said(parity.check(dense, (5, 4), against=nn.Linear(4, 3))) == expected


@pytest.mark.parametrize("rows", [False, True])
def test_of_square_weights_the_forward_decides(rows):
    how = "W crosses to weight" + ("" if rows else " transposed")
    assert how in said(parity.check(Dense(4, 4, rows), (5, 4), against=nn.Linear(4, 4)))


def test_of_square_weights_that_hardly_matter_the_better_way_is_taken():
    dense = Dense(4, 4)
    dense.W *= 1e-6
    dense.b += 3.0
    assert "W crosses to weight transposed" in said(parity.check(dense, (5, 4), against=nn.Linear(4, 4)))


def twin(*sizes):
    layers = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.Tanh())]
    return nn.Sequential(*layers[:-1])


@pytest.mark.parametrize("depth", [3, 6])
@pytest.mark.parametrize("rows", [False, True])
def test_layers_of_the_same_shape_cross_in_order(depth, rows):
    parts = {f"{kind}{i}": Dense(4, 4, rows) if kind == "l" else Tanh() for i in range(depth) for kind in "ls"}
    net = Stack(list(parts)[:-1], **parts)
    how = "" if rows else " transposed"
    assert said(parity.check(net, (5, 4), against=twin(*[4] * (depth + 1)))) == [
        words
        for i in range(depth)
        for words in (f"l{i}.W crosses to {2 * i}.weight{how}", f"l{i}.b crosses to {2 * i}.bias")
    ]


@pytest.mark.parametrize("hidden", [4, 5])
def test_layers_that_are_defined_in_another_order_are_told_by_shape_or_forward(hidden):
    net = Stack(("hid", "s", "out"), out=Dense(hidden, 4), s=Tanh(), hid=Dense(4, hidden))
    found = said(parity.check(net, (5, 4), against=twin(4, hidden, 4)))
    assert "hid.W crosses to 0.weight transposed" in found
    assert "out.W crosses to 2.weight transposed" in found


def test_same_names_need_no_word():
    report = parity.check(Dense(4, 3), (5, 4), against=lambda x, W, b: x @ W + b)
    assert said(report) == []


def test_arguments_of_a_pair_may_be_the_twins_weights():
    pair = (lambda x, W, b: x @ W + b, lambda dz, x, W, b: (dz @ W.T, x.T @ dz, dz.sum(axis=0)))
    found = said(parity.check(pair, (5, 4), (4, 3), (3,), against=nn.Linear(4, 3)))
    assert found == ["W crosses to weight transposed", "b crosses to bias"]


def test_gamma_and_beta_are_weight_and_bias():
    class Scale:
        def __init__(self):
            self.gamma, self.beta = RNG.normal(size=4), RNG.normal(size=4)

        def forward(self, x):
            d = x - x.mean(axis=1, keepdims=True)
            self.s = np.sqrt((d * d).mean(axis=1, keepdims=True) + 1e-5)
            self.xhat = d / self.s
            return self.gamma * self.xhat + self.beta

        def backward(self, dy):
            self.dgamma, self.dbeta = (dy * self.xhat).sum(axis=0), dy.sum(axis=0)
            d = dy * self.gamma
            inner = d - d.mean(axis=1, keepdims=True) - self.xhat * (d * self.xhat).mean(axis=1, keepdims=True)
            return inner / self.s

    found = said(parity.check(Scale(), (5, 4), against=nn.LayerNorm(4)))
    assert found == ["gamma crosses to weight", "beta crosses to bias"]


@pytest.mark.parametrize(
    ("against", "message"),
    [
        (nn.Linear(4, 7), "weights of Dense do not fit torch.nn.Linear: missing weight"),
        (nn.Linear(4, 3, bias=False), "unexpected W; unexpected b"),
        (nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 3)), "missing 0.weight; missing 0.bias"),
        (torch.tanh, "weights of Dense do not fit tanh: unexpected W; unexpected b"),
    ],
)
def test_what_does_not_fit_is_refused(against, message):
    with pytest.raises(ValueError, match=message):
        parity.check(Dense(4, 3), (5, 4), against=against)


def ways(ours, theirs):
    return [{mine: (c.name, c.way) for mine, c in found.items()} for found in crossings(ours, theirs)]


def test_the_likeliest_way_comes_first():
    """The same name, then the same last part, then a synonym, then the order; as it is, then transposed."""
    ours = {"b.W": (3, 3), "a.W": (3, 3)}
    assert ways(ours, {"a.W": (3, 3), "b.W": (3, 3)})[0] == {"a.W": ("a.W", "as it is"), "b.W": ("b.W", "as it is")}
    assert ways({"bias": (3,), "kernel": (3,)}, {"weight": (3,)})[0] == {"kernel": ("weight", "as it is")}
    square = ways({"W": (3, 3)}, {"weight": (3, 3)})
    assert [way["W"][1] for way in square] == ["as it is", "transposed"]
    assert ways({"W": (2, 3)}, {"weight": (4, 3)}) == []


def test_ways_are_tried_up_to_a_number():
    ours = {f"w{i}": (2, 2) for i in range(8)}
    assert len(ways(ours, {f"v{i}": (2, 2) for i in range(8)})) == 64


def test_biases_that_are_swamped_cross_by_name():
    """Beside terms of 10⁹ in float32 the outputs agree better, by chance, with these biases exchanged."""
    report = draw(5817, "float32").check(5817)
    assert report.ok, report
    assert "crosses" not in report.conditions
