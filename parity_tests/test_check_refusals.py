"""Is what cannot be checked refused by name, and what breaks the contract a finding that says what was expected?"""

import re

import numpy as np
import pytest
import torch
from torch import nn

import parity
import scratch

BROKEN = {
    "forward-alone": (
        lambda self, x: x,
        None,
        r"Subject.forward must return \(outputs, cache\), got an array",
    ),
    "forward-three": (lambda self, x: (x, x, x), None, "got a tuple of ndarray, ndarray, ndarray"),
    "backward-alone": (
        None,
        lambda self, da, c: da,
        r"Subject.backward must return \(input gradients, \{name",
    ),
    "grads-none": (None, lambda self, da, c: (da, None), "got a tuple of ndarray, NoneType"),
}


@pytest.mark.parametrize("batch", [2, 5])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_contract_is_named(name, batch):
    forward, backward, message = BROKEN[name]

    class Subject(scratch.ReLU):
        pass

    if forward:
        Subject.forward = forward
    if backward:
        Subject.backward = backward
    report = parity.check(Subject(), (batch, 4), against=nn.ReLU())
    assert report.verdict == "error"
    assert re.search(message, str(report))


@pytest.mark.parametrize("loss", [lambda y, t: 0.5, lambda y, t: (0.5, {"output": y}), lambda y, t: None])
def test_a_loss_that_breaks_the_contract_is_named(loss):
    report = parity.check(loss, (3, 2), (3, 2), against=nn.functional.mse_loss)
    assert report.verdict == "error"
    assert "must return (J, dJ/doutput), got " in str(report)


REFUSED = [
    ({"device": "cuda:99"}, ValueError, "device cuda:99 is not available here; usable: cpu"),
    ({"device": "gpu"}, ValueError, "device gpu is not available here; usable: cpu"),
    ({"dtype": "float16"}, TypeError, 'expected dtype "float32" or "float64", got \'float16\''),
    ({"dtype": "single bed"}, TypeError, "got 'single bed'"),
    ({"against": nn.ReLU}, TypeError, "against is the class ReLU; pass an instance of it"),
    ({"against": 3}, TypeError, "expected against as an nn.Module or a function, got 3"),
    ({"against": nn.Linear(4, 3, bias=False)}, ValueError, "unexpected bias"),
    ({"against": nn.Linear(5, 3)}, ValueError, r"weight has shape \(3, 4\), expected \(3, 5\)"),
    ({"against": torch.sigmoid}, ValueError, "unexpected weight; unexpected bias"),
    ({"wrt": "y"}, ValueError, "wrt names y; float inputs: x"),
]


@pytest.mark.parametrize(("options", "error", "message"), REFUSED, ids=[case[2] for case in REFUSED])
def test_what_cannot_be_checked_is_refused_by_name(options, error, message):
    options = {"against": nn.Linear(4, 3)} | options
    with pytest.raises(error, match=message):
        parity.check(scratch.Linear(4, 3), (5, 4), **options)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.array([["a"]]), TypeError, "expected input x as numbers"),
        (np.array([[1 + 2j] * 4]), TypeError, "expected input x as numbers, got an array of complex128"),
        (np.array([[np.nan] * 4]), ValueError, "input x holds NaN, infinities or numbers too large"),
        (torch.ones(5, 4).to_sparse(), TypeError, "expected a dense tensor"),
        (torch.ones(5, 4, device="meta"), TypeError, "expected a dense tensor"),
    ],
)
def test_strange_inputs_are_refused_by_name(x, error, message):
    with pytest.raises(error, match=message):
        parity.check(scratch.Linear(4, 3), x, against=nn.Linear(4, 3))


def test_weights_that_are_not_named_are_hinted_at():
    class Nameless:
        def __init__(self):
            self.weight = np.ones((3, 4))

        def forward(self, x):
            return x @ self.weight.T, x

        def backward(self, dz, x):
            return dz @ self.weight, {"weight": dz.T @ x}

    with pytest.raises(ValueError, match="missing weight; name the arrays that it learns in its attribute `params`"):
        parity.check(Nameless(), (5, 4), against=nn.Linear(4, 3, bias=False))


def test_a_subject_that_cannot_be_read():
    with pytest.raises(TypeError, match="cannot read 3 as a hand-derived backward"):
        parity.check(3, (5, 4), against=nn.Linear(4, 3))


def test_what_backward_returns_may_be_odd_but_is_never_our_traceback():
    class Odd(scratch.Linear):
        def __init__(self, returned):
            super().__init__(4, 3, rng=0)
            self.returned = returned

        def backward(self, dz, x):
            return self.returned(*super().backward(dz, x))

    def check(returned):
        return parity.check(Odd(returned), (5, 4), against=nn.Linear(4, 3))

    assert check(lambda dx, grads: (dx, grads | {"bias": None})).rows[3].cause == "never-written"
    assert check(lambda dx, grads: (None, grads)).unjudged == ("x",)
    assert check(lambda dx, grads: ((dx,), grads)).ok
    assert check(lambda dx, grads: ([dx], grads)).ok
    assert "gives 2 input gradients for 1 inputs" in str(check(lambda dx, grads: ((dx, dx), grads)))
    assert check(lambda dx, grads: (dx + 0j, grads)).rows[1].cause == "dtype-changed"
    assert check(lambda dx, grads: ("dx", grads)).verdict == "error"
    assert check(lambda dx, grads: (dx, None)).verdict == "error"
    assert check(lambda dx, grads: dx).verdict == "error"


def test_a_twin_that_does_not_take_the_inputs_is_refused():
    with pytest.raises(ValueError, match=r"the twin torch\.nn\.Softmax2d does not take these inputs"):
        parity.check(scratch.Tanh(), (5, 4), against=nn.Softmax2d())


def test_outputs_are_counted():
    with pytest.raises(ValueError, match="gives 2 outputs, the subject 1"):
        parity.check(scratch.ReLU(), (5, 4), against=lambda x: (x, x))


STRANGE = {
    "weight-list": ({"bias": [0.1, 0.2, 0.3]}, TypeError, "expected weight bias as an array of real numbers, got list"),
    "weight-complex": ({"bias": np.ones(3) + 0j}, TypeError, "expected weight bias .* got complex128"),
    "weight-nan": ({"bias": np.full(3, np.nan)}, ValueError, "weight bias holds NaN"),
    "params-text": (
        {"params": "weight"},
        TypeError,
        "expected params as a tuple of names .* got 'weight'",
    ),
    "params-missing": ({"params": ("weight", "b")}, TypeError, "expected params as a tuple of names"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_strange_weights_are_refused(name):
    attributes, error, message = STRANGE[name]
    subject = scratch.Linear(4, 3, rng=0)
    vars(subject).update(attributes)
    with pytest.raises(error, match=message):
        parity.check(subject, (5, 4), against=nn.Linear(4, 3))


@pytest.mark.parametrize(
    ("against", "message"),
    [
        (lambda x: torch.sigmoid(x).detach(), "autograd cannot differentiate the twin"),
        (lambda x: x > 0, "must return float tensors, got torch.bool"),
        (lambda x: None, "must return float tensors, got NoneType"),
        (lambda x: x.detach().numpy(), "must return float tensors, got float64"),
    ],
)
def test_strange_twins_are_refused(against, message):
    with pytest.raises(ValueError, match=message):
        parity.check(scratch.Sigmoid(), (5, 4), against=against)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: parity.check(scratch.Linear, (5, 4), against=nn.Linear(4, 3)),
            TypeError,
            "the subject is the class Linear",
        ),
        (
            lambda: parity.check(scratch.Tanh(), (-5, 4), against=nn.Tanh()),
            ValueError,
            "as a shape of numbers from 0 up",
        ),
        (
            lambda: parity.check(scratch.Tanh(), [[1.0], [1.0, 2]], against=nn.Tanh()),
            TypeError,
            "as an array or a shape",
        ),
        (
            lambda: parity.check(scratch.Tanh(), (5, 4), against=nn.Tanh(), seed=-1),
            ValueError,
            "expected seed as a whole",
        ),
        (
            lambda: parity.check(scratch.Tanh(), np.array([1e300]), against=nn.Tanh(), dtype="float32"),
            ValueError,
            "numbers too large for float32",
        ),
    ],
)
def test_strange_calls_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
