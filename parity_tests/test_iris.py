"""Iris by both sides: the stop of the lecture's descent, gradients along the path, networks in lockstep."""

import numpy as np
import pytest
from torch import nn
from torch.nn import functional as F

import parity
import scratch
import torch_ref
from scripts.experiments import iris_neuron, networks, perceptron

STOP, THETA = 237_706, (11.65990, -12.81557, -23.12048)


@pytest.fixture(scope="module")
def table():
    return scratch.data.iris_setosa()


@pytest.fixture(scope="module")
def descent(table):
    return iris_neuron.descend_to_the_stop(table)


def test_the_descent_stops_where_the_lectures_does(table, descent):
    neuron, steps, path = descent
    assert steps == STOP
    assert neuron.theta() == pytest.approx(THETA, abs=1e-5)
    assert path[0] == (0, pytest.approx(np.ones(3)))
    assert [step for step, _ in path[1:-1]] == list(range(4000, STOP, 4000))
    assert ((neuron(table.x) > 0.5) == (table.target == 1)).all()


def test_the_closed_form_takes_the_steps_of_the_obvious_loop(table):
    x, theta = np.column_stack([table.x, np.ones(150)]), np.ones(3)
    for _ in range(500):
        p = 1 / (1 + np.exp(-x @ theta))
        theta = theta - 0.1 * np.mean((p - table.target) * x.T, axis=1)
    neuron = iris_neuron.place(scratch.LogisticNeuron(2), np.ones(3))
    assert neuron.fit(table.x, table.target, max_steps=500) == 500
    assert neuron.theta() == pytest.approx(theta, rel=1e-12)


def test_float32_stops_as_well(table):
    """Where exactly is decided by float32's rounding of θ; the loop that one writes first stops after 239,181."""
    neuron = scratch.LogisticNeuron(2, dtype="float32")
    neuron.weight, neuron.bias = np.ones(2, np.float32), np.ones((), np.float32)
    steps = neuron.fit(table.x.astype(np.float32), table.target.astype(np.float32), max_steps=300_000)
    assert 230_000 < steps < 245_000
    assert neuron.weight.dtype == neuron.bias.dtype == np.float32


def test_loss_and_gradient_agree_along_the_whole_path(table, descent, device):
    report = iris_neuron.gradients_along(descent[2][::6] + descent[2][-1:], table, device, 0)
    assert report.ok, str(report)


def test_the_first_steps_agree(table, device):
    report = iris_neuron.first_steps(100, table, device, 0)
    assert report.ok, str(report)


@pytest.mark.parametrize("job", [networks.iris, networks.diabetes])
def test_networks_in_lockstep(job, device):
    experiment = job(device, 1, quick=True)
    (report,) = experiment.reports
    assert report.ok, str(report)
    assert [row.name for row in report.rows] == ["loss", "gradients", "weights"]
    by_hand, by_torch = list(experiment.values.values())[-2:]
    assert by_hand == pytest.approx(by_torch, rel=1e-9)


def test_a_wrong_derivative_is_seen_in_lockstep(monkeypatch):
    mse = scratch.losses.mse

    def wrong_mse(output, target):
        J, dy = mse(output, target)
        return J, dy * (1 + 1e-9)

    monkeypatch.setattr(scratch.losses, "mse", wrong_mse)
    (report,) = networks.diabetes("cpu", 0, quick=True).reports
    assert {row.name: row.verdict for row in report.rows} == {"loss": "fail", "gradients": "fail", "weights": "fail"}


def test_the_perceptron_converges_after_the_same_pass(device):
    experiment = perceptron.run(device)
    assert experiment.reports[0].ok
    assert experiment.values["last misses"] == 0


@pytest.mark.parametrize(
    ("activation", "twin_activation", "loss", "twin_loss"),
    [
        (scratch.Sigmoid, nn.Sigmoid, scratch.losses.bce, F.binary_cross_entropy),
        (scratch.Tanh, nn.Tanh, scratch.losses.mse, F.mse_loss),
        (scratch.ReLU, nn.ReLU, scratch.losses.bce_with_logits, F.binary_cross_entropy_with_logits),
    ],
)
def test_a_neuron_trains_with_any_activation_and_loss(activation, twin_activation, loss, twin_loss, table, device):
    neuron, twin = scratch.Neuron(2, activation(), rng=3), torch_ref.Neuron(2, twin_activation())
    batch = table.x - table.x.mean(axis=0), table.target
    report = parity.lockstep(neuron, twin, [batch], ("SGD", {"lr": 0.1}), 30, (loss, twin_loss), device=device)
    assert report.ok, str(report)


def test_the_report_of_a_lockstep_is_over_every_step():
    report = iris_neuron.first_steps(10, scratch.data.iris_setosa(), "cpu", 0)
    assert isinstance(report, parity.Report)
    assert report.rows[0].shape == (11, 3)
