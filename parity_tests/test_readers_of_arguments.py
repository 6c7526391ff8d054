"""Are arguments of forward and backward given their roles, and subjects that cannot be read refused by name?"""

import numpy as np
import pytest
import torch
from torch import nn

import parity
import scratch
from parity_tests.keepers import Affine


class Cell:
    """Two outputs, two upstream gradients; backward wants the input as well."""

    def step(self, x, h):
        self.x, self.h = x, h
        return np.tanh(x + h), x * h

    def backward(self, dh, dc):
        slope = 1 - np.tanh(self.x + self.h) ** 2
        return dh * slope + dc * self.h, dh * slope + dc * self.x


class CalledCell(Cell):
    def __call__(self, x, h):
        return self.step(x, h)


class ForwardCell(Cell):
    """Its outputs could be taken for an output and a cache."""

    def forward(self, x, h):
        return self.step(x, h)


@pytest.mark.parametrize("cell", [CalledCell, ForwardCell])
def test_upstream_gradients_of_several_outputs_may_be_arguments(cell):
    report = parity.assert_parity(cell(), (5, 4), (5, 4))
    assert [row.name for row in report.rows] == ["output 0", "output 1", "x", "h"]


def test_upstream_gradients_without_an_output_are_refused():
    class OneOutput(CalledCell):
        def __call__(self, x, h):
            return self.step(x, h)[0]

    report = parity.check(OneOutput(), (5, 4), (5, 4))
    assert report.verdict == "error"
    assert "backward takes dh, dc, forward gives 1 outputs" in str(report)


def test_outputs_that_a_twin_nests_are_taken_in_order():
    report = parity.assert_parity(CalledCell(), (5, 4), (5, 4), against=lambda x, h: (torch.tanh(x + h), (x * h,)))
    assert [row.name for row in report.rows] == ["output 0", "output 1", "x", "h"]
    swapped = parity.check(CalledCell(), (5, 4), (5, 4), against=lambda x, h: ([x * h], torch.tanh(x + h)))
    assert {row.name for row in swapped.rows if row.verdict == "fail"} >= {"output 0", "output 1"}


def test_torchs_lstm_takes_two_states_as_one_pair():
    """Its outputs are nested as well: output, (h_n, c_n)."""
    ours, twin = scratch.LSTM(3, 2, rng=0), nn.LSTM(3, 2)
    states = np.random.default_rng(0).normal(size=(2, 1, 4, 2))
    for given, names in (((), []), (states, ["h0", "c0"]), ((tuple(states),), ["h0.0", "h0.1"])):
        report = parity.assert_parity(ours, (3, 4, 3), *given, against=twin)
        outputs = ["output 0", "output 1", "output 2"]
        assert [row.name for row in report.rows] == [*outputs, "x", *names, *ours.params]


class OwnLoss(Affine):
    """forward takes the target and returns its loss beside the scores; backward takes nothing."""

    factor = 2.0

    def forward(self, x, target):
        z = super().forward(x)
        self.error = z - target
        return np.mean(self.error**2), z

    def backward(self):
        super().backward(self.factor * self.error / self.error.size)


def test_of_what_a_subject_with_its_own_loss_returns_the_number_is_the_loss():
    assert {row.name for row in parity.assert_parity(OwnLoss(), (5, 4), (5, 3)).rows} >= {"W", "b"}
    wrong = type("Wrong", (OwnLoss,), {"factor": 1.0})
    report = parity.check(wrong(), (5, 4), (5, 3))
    assert {row.name for row in report.rows if row.verdict == "fail"} == {"W", "b"}


class WantsTheInput(Affine):
    def forward(self, x):
        return x @ self.W + self.b

    def backward(self, dz, x):
        self.x = x
        return super().backward(dz)


def test_backward_may_take_the_input_again():
    assert len(parity.assert_parity(WantsTheInput(), (5, 4)).rows) == 4


class Steps(Affine):
    def backward(self, dz, lr):
        return super().backward(dz)


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        (Affine, "the subject is the class Affine; pass an instance of it"),
        (Steps(), "backward takes a step size lr: it updates weights where it should give gradients"),
        (3, "cannot read 3 as a hand-derived backward"),
        ([np.tanh, np.tanh], "cannot read .* expected an object with forward and backward, a pair of functions"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(subject, message):
    with pytest.raises(TypeError, match=message):
        parity.check(subject, (5, 4))
