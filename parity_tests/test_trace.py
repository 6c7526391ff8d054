"""Does autograd of the user's own forward say what it should, and does it say nothing where it was misread?"""

import math
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import scratch
from parity.rounding.shaken import Directions
from parity.witnesses.numeric import Numeric
from parity.witnesses.trace import NotTraceable, Trace
from parity.witnesses.twin import Twin
from parity_tests.cases import CASES
from parity_tests.traced import CONSTRUCTS, Dense, Recurrent, Stack, assert_same, of_x, prepared

TRACED = (  # each takes a second or two
    *("linear-3d", "sigmoid", "tanh", "relu", "neuron-tanh", "logistic-neuron", "linear-sigmoid", "worked-example"),
    *("mlp-deep-relu", "mse-mean", "bce-mean", "bce-with-logits-none", "cross-entropy-mean"),
)


@pytest.mark.parametrize("case", [case for case in CASES if case.name in TRACED], ids=lambda case: case.name)
def test_the_trace_of_every_forward_agrees_with_its_twin(case):
    hand, arrays, upstream = prepared(case.hand(), *case.given(np.random.default_rng(0)))
    assert_same(Trace(hand, "cpu").run(arrays, upstream), Twin(case.twin(), hand, "cpu").run(arrays, upstream))


CLASSES = {"dense": (Dense, 4, 3), "stack": (Stack,), "recurrent": (Recurrent,)}


@pytest.mark.parametrize(("name", "shape"), [("dense", (5, 4)), ("stack", (5, 4)), ("recurrent", (2, 5, 4))])
def test_the_lectures_kind_is_traced(name, shape):
    kind, *shapes = CLASSES[name]
    hand, arrays, upstream = prepared(kind(np.random.default_rng(0), *shapes), shape)
    found = Trace(hand, "cpu").run(arrays, upstream)
    assert_same(found, Numeric(hand, [key for key in found if key[0] != "output"]).run(arrays, upstream))


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
