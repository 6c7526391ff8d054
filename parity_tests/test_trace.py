"""Does autograd of the user's own forward say what it should, and does it say nothing where it was misread?"""

import math
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import nn

import scratch
from parity.rounding.shaken import Directions
from parity.setting import Setting
from parity.subjects import read
from parity.witnesses.numeric import Numeric
from parity.witnesses.trace import NotTraceable, Trace
from parity.witnesses.twin import Twin
from parity_tests.cases import CASES
from parity_tests.test_torch_subjects import Affine, Block, Gelu, cube, function


def prepared(subject, *inputs, dtype="float64"):
    """(hand, arrays, upstream) on random data."""
    hand, arrays, _ = Setting(dtype, "cpu", 0, 60.0).gather(read(subject, inputs), inputs)
    rng = np.random.default_rng(1)
    return hand, arrays, [rng.normal(size=np.shape(output)) for output in hand.outputs(arrays)]


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for key, array in expected.items():
        assert found[key] == pytest.approx(array, rel=1e-11, abs=1e-11), key  # sums of a hundred terms round


@pytest.mark.parametrize("case", [case for case in CASES if "-sum" not in case.name], ids=lambda case: case.name)
def test_the_trace_of_every_forward_agrees_with_its_twin(case):
    hand, arrays, upstream = prepared(case.hand(), *case.inputs(np.random.default_rng(0)))
    assert_same(Trace(hand, "cpu").run(arrays, upstream), Twin(case.twin(), hand, "cpu").run(arrays, upstream))


class Dense:
    """A layer of the lecture's kind: a function as an attribute, state in attributes."""

    def __init__(self, rng, *shape):
        self.W, self.W_grad = rng.normal(size=shape), np.zeros(shape)
        self.act = lambda z: 1 / (1 + np.exp(-z))

    def forward(self, x):
        self.x, self.y = x, self.act(np.matmul(x, self.W))
        return self.y

    def backward(self, dy):
        dz = dy * self.y * (1 - self.y)
        self.W_grad = self.x.T @ dz
        return dz @ self.W.T


class Stack:
    """A list of layers; forward of a network that starts from its own loss, which a label chooses."""

    def __init__(self, rng):
        self.layers = [Dense(rng, 4, 3), Dense(rng, 3, 1)]

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        self.y = x
        return x

    def backward(self, label):
        J, dy = (-np.log(self.y), -1 / self.y) if label == 1 else (-np.log(1 - self.y), 1 / (1 - self.y))
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return J


class Recurrent:
    """Weights in a dict, states in a dict by time, results written into an array."""

    def __init__(self, rng):
        self.params, self.grads = {"Wx": rng.normal(size=(4, 3)), "Wh": rng.normal(size=(3, 3))}, {}

    def forward(self, xs):
        self.h, ys = {-1: np.zeros((xs.shape[1], 3))}, np.zeros((*xs.shape[:2], 3))
        for t in range(len(xs)):
            self.h[t] = np.tanh(xs[t] @ self.params["Wx"] + self.h[t - 1] @ self.params["Wh"])
            ys[t] = self.h[t]
        return ys

    def backward(self, dys):
        self.grads |= {name: np.zeros_like(weight) for name, weight in self.params.items()}
        return np.zeros((*dys.shape[:2], 4))


CLASSES = {"dense": (Dense, 4, 3), "stack": (Stack,), "recurrent": (Recurrent,)}


@pytest.mark.parametrize(("name", "shape"), [("dense", (5, 4)), ("stack", (5, 4)), ("recurrent", (2, 5, 4))])
def test_the_lectures_kind_is_traced(name, shape):
    kind, *shapes = CLASSES[name]
    hand, arrays, upstream = prepared(kind(np.random.default_rng(0), *shapes), shape)
    found = Trace(hand, "cpu").run(arrays, upstream)
    assert_same(found, Numeric(hand, [key for key in found if key[0] != "output"]).run(arrays, upstream))


def of_x(forward):
    """A pair with that forward; nothing here looks at the backward."""
    return forward, lambda dy, x: dy


def helper(x):
    return {"softmax": np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)}


def in_place(x):
    p = np.exp(x - x.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[p < 0.1] *= 0.5
    return p


def precisions(x):
    y = np.zeros(x.shape, dtype=x.dtype)
    y[:] = (x > 0).astype(x.dtype) * x
    return y


def quiet(x):
    with np.errstate(over="ignore"):
        print("forward")  # noqa: T201 (users do)
        return np.exp(x)


def convolution(x):
    windows = sliding_window_view(np.pad(x, ((1, 1), (0, 0))), (3, 2))
    return np.einsum("ijkl,kl->ij", windows, np.arange(6.0).reshape(3, 2))


CONSTRUCTS = {
    "where": lambda x: np.where(x > 0, x, 0.1 * x),
    "einsum": lambda x: np.einsum("ij,kj->ik", x, x),
    "fancy": lambda x: x[np.arange(4), [0, 2, 1, 1]],
    "concatenate": lambda x: np.concatenate([x, np.ones((4, 1))], axis=1) ** 2,
    "statistics": lambda x: (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5),
    "loop": lambda x: np.stack([np.sum(row * row) for row in x]),
    "helper": lambda x: helper(x)["softmax"],
    "in-place": in_place,
    "precisions": precisions,
    "quiet": quiet,
    "convolution": convolution,
    "pad-alike": lambda x: np.pad(x, 1) * 2,
    "copy": lambda x: 2 * np.copy(x),
    "two": lambda x: (x, x * x),
}


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_constructs_are_traced(name):
    hand, arrays, upstream = prepared(of_x(CONSTRUCTS[name]), (4, 3))
    found = Trace(hand, "cpu").run(arrays, upstream)
    assert_same(found, Numeric(hand, [("input", "x")]).run(arrays, upstream))


def branching(x):
    return x if x[0, 0] > 0 else -x


def rounding(x):
    return x.astype(np.float32)


REFUSED = {
    "branch": (branching, r"test_trace\.py:\d+: Detected data-dependent branching"),
    "library": (np.vectorize(abs), "does not know how to trace|not supported|vectorize"),
    "edge": (lambda x: np.pad(x, 1, mode="edge"), "np.pad with mode 'edge'"),
    "number": (lambda x: x * float(x[0, 0]), "loses part of the derivative"),
    "item": (lambda x: x + x[0, 0].item(), "loses part of the derivative"),
    "random": (lambda x: x * np.random.normal(size=x.shape), "other outputs than the forward itself"),  # noqa: NPY002
    "float32": (rounding, "is in torch.float32"),
    "constant": (lambda x: np.ones(3), "autograd cannot differentiate"),
    "math": (lambda x: x * math.exp(x[0, 0]), "stops"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_traced_says_why(name):
    forward, message = REFUSED[name]
    hand, arrays, upstream = prepared(of_x(forward), (4, 3))
    with pytest.raises(NotTraceable, match=message):
        Trace(hand, "cpu").run(arrays, upstream)


def test_other_shapes_and_labels_are_traced_again():
    hand, arrays, upstream = prepared(Stack(np.random.default_rng(0)), (5, 4))
    trace, numeric = Trace(hand, "cpu"), Numeric(hand, [("input", "x")])
    for label in (1, 0):
        for rows in (5, 1, 3):
            data = arrays | {"x": arrays["x"][:rows], "label": np.array(label)}
            g = [upstream[0][:rows]]
            assert trace.run(data, g)["input", "x"] == pytest.approx(numeric.run(data, g)["input", "x"], rel=1e-11)
    assert len(trace.graphs) == 6


def test_integers_choose_and_have_no_gradient():
    hand, arrays, upstream = prepared(scratch.losses.cross_entropy, (6, 3), np.array([0, 2, 1, 1, 0, 2]))
    assert Trace(hand, "cpu").run(arrays, upstream).keys() == {("output", "output"), ("input", "output")}


def test_float32_is_judged_in_float64():
    hand, arrays, upstream = prepared(scratch.models.mlp((4, 5, 3), rng=0), (6, 4), dtype="float32")
    found = Trace(hand, "cpu").run(arrays, upstream)
    doubled = {name: array.astype(float) for name, array in arrays.items()}
    assert_same(found, Trace(hand, "cpu").run(doubled, upstream))
    assert all(array.dtype == np.float64 for array in found.values())


def test_a_trace_is_shaken_like_a_twin():
    hand, arrays, upstream = prepared(scratch.Tanh(), (3, 4))
    trace, twin = Trace(hand, "cpu"), Twin(nn.Tanh(), hand, "cpu")
    base = trace.run(arrays, upstream)["input", "z"]
    for reference in (trace, twin):
        runs = [reference.shaken_run(arrays, upstream, Directions(seed))["input", "z"] for seed in range(8)]
        assert len({run.tobytes() for run in runs}) == 8
        assert all(run == pytest.approx(base, rel=1e-13) for run in runs)  # 1 − tanh² loses a digit or two


def test_nothing_is_left_behind():
    """Counters, settings and compiled functions of torch._dynamo, the subject, warnings: all as they were."""
    from torch._dynamo import config, utils

    compiled = torch.compile(lambda x: x + 1, backend="eager", fullgraph=True)
    compiled(torch.ones(2))
    subject = Stack(np.random.default_rng(0))
    before = (dict(utils.counters["stats"]), config.numpy_default_float, set(config.ignore_logging_functions))
    hand, arrays, upstream = prepared(subject, (5, 4))
    with warnings.catch_warnings(record=True) as caught:
        Trace(hand, "cpu").run(arrays, upstream)
    assert caught == []
    assert before == (dict(utils.counters["stats"]), config.numpy_default_float, set(config.ignore_logging_functions))
    assert set(vars(subject)) == {"layers"}
    with torch.compiler.set_stance("fail_on_recompile"):
        compiled(torch.ones(2))


def test_a_switched_off_compiler_is_said():
    hand, arrays, upstream = prepared(scratch.Tanh(), (3, 4))
    with torch.compiler.set_stance("force_eager"), pytest.raises(NotTraceable, match=r"torch\.compile is switched off"):
        Trace(hand, "cpu").run(arrays, upstream)


TORCH = {
    "context": (Gelu.apply, [(5, 4)]),
    "setup_context": (Affine.apply, [(5, 4), (3, 4), (3,)]),
    "custom op": (cube, [(5, 4)]),
    "packet": (torch.ops.handgrad_tests.cube, [(5, 4)]),
    "module": (Block(), [(5, 4)]),
    "nested": (function(None, lambda ctx, x: cube(Gelu.apply(x)) * 2).apply, [(5, 4)]),
    "in place": (function(None, lambda ctx, x: x.exp_().mul_(x)).apply, [(5, 4)]),
    "dirty": (function(None, lambda ctx, x: (ctx.mark_dirty(x), x.mul_(3))[1]).apply, [(5, 4)]),
    "two": (function(None, lambda ctx, x: (x * x, x > 0, x.sum())).apply, [(5, 4)]),
}


@pytest.mark.parametrize("name", TORCH)
def test_a_torch_forward_is_differentiated_without_its_backward(name, device):
    subject, shapes = TORCH[name]
    if name == "two":
        subject = partial(lambda apply, x: apply(x)[::2], subject)
    hand, arrays, upstream = prepared(subject, *shapes)
    hand.device = device
    found = Trace(hand, device).run(arrays, upstream)
    assert_same(found, Numeric(hand, [key for key in found if key[0] != "output"]).run(arrays, upstream))


def test_a_wrong_backward_is_not_its_own_witness():
    wrong = function(lambda ctx, dy: dy * 7, lambda ctx, x: x * x)
    alias = wrong.apply
    hand, arrays, upstream = prepared(lambda x: alias(x) + 0, (3,))
    assert hand.run(arrays, upstream)["input", "x"] == pytest.approx(7 * upstream[0])
    found = Trace(hand, "cpu").run(arrays, upstream)
    assert found["input", "x"] == pytest.approx(2 * arrays["x"] * upstream[0])
    assert hand.run(arrays, upstream)["input", "x"] == pytest.approx(7 * upstream[0])
    assert set(vars(wrong)) >= {"forward", "backward"}
    assert "vjp" not in vars(wrong)


CLOSED = {
    "detached": (lambda ctx, x: torch.tanh(x.detach()), "leaves autograd's graph"),
    "numpy": (lambda ctx, x: torch.tensor(np.tanh(x.detach().numpy())), "leaves autograd's graph"),
    "number": (lambda ctx, x: x * float(x[0]), "loses part of the derivative"),
    "float32": (lambda ctx, x: torch.tanh(x.float()), "is in torch.float32"),
}


@pytest.mark.parametrize("name", CLOSED)
def test_a_torch_forward_that_leaves_the_graph_is_no_witness(name):
    forward, message = CLOSED[name]
    hand, arrays, upstream = prepared(function(None, forward).apply, (3,))
    with pytest.raises(NotTraceable, match=message):
        Trace(hand, "cpu").run(arrays, upstream)


def test_an_operator_without_a_python_forward_is_no_witness():
    library = torch.library.Library("handgrad_tests", "FRAGMENT")
    library.define("twice(Tensor x) -> Tensor")
    library.impl("twice", lambda x: 2 * x, "CompositeExplicitAutograd")
    torch.library.register_autograd("handgrad_tests::twice", lambda ctx, dy: 2 * dy, lib=library)
    hand, arrays, upstream = prepared(torch.ops.handgrad_tests.twice, (3,))
    with pytest.raises(NotTraceable, match="handgrad_tests::twice has no Python forward"):
        Trace(hand, "cpu").run(arrays, upstream)
