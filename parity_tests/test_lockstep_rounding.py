"""What rounding explains of two trainings: as much as torch's own arithmetic leaves, and no more."""

import numpy as np
import pytest
import torch
from torch import nn

import parity
import scratch
import torch_ref

IRIS = scratch.data.iris()
BATCHES = [(IRIS.x[k::5] - IRIS.x.mean(axis=0), IRIS.target[k::5]) for k in range(5)]


def normalised(momentum=0.1):
    layers = scratch.Linear(4, 8, rng=0), scratch.BatchNorm1d(8, momentum=momentum), scratch.ReLU()
    return scratch.Sequential(*layers, scratch.Linear(8, 3, rng=1))


def its_twin():
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)).double()


def test_running_statistics_run_once_a_step():
    report = parity.lockstep(normalised(), its_twin(), BATCHES, steps=9)
    assert report.ok, str(report)
    assert scratch.state_dict(report.net)["1.num_batches_tracked"] == 9
    worst = max(q.allowed for step in report.steps for q in step.of("update rule") if "running" in q.name)
    assert worst < 1e-12


def test_another_momentum_of_running_statistics_is_seen_in_the_first_step():
    report = parity.lockstep(normalised(0.11), its_twin(), BATCHES, steps=3)
    assert (report.first, report.began) == (0, "update rule")
    assert "running" in str(report).splitlines()[-2]
    assert "1.running_mean is made in forward" in str(report).splitlines()[-1]


@pytest.mark.parametrize("rate", [1.0, 10.0, 1000.0])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("activation", ["Tanh", "ReLU", "Sigmoid"])
def test_losses_near_zero_and_saturated_units_are_no_mistake(activation, dtype, rate):
    """There torch's 1 − p and 1 − a² cancel, and ours do not."""
    ours = getattr(scratch, activation)(), getattr(nn, activation)()
    net = scratch.Sequential(
        scratch.Linear(4, 8, rng=0, dtype=dtype), ours[0], scratch.Linear(8, 3, rng=1, dtype=dtype)
    )
    module = nn.Sequential(nn.Linear(4, 8), ours[1], nn.Linear(8, 3))
    batches = [(x.astype(dtype), target) for x, target in BATCHES]
    module = module if dtype == "float32" else module.double()
    report = parity.lockstep(net, module, batches, optimizer=("SGD", {"lr": rate}), steps=40)
    assert report.first is None, str(report)


def test_where_rounding_explains_everything_nothing_is_judged():
    net = scratch.Sequential(
        scratch.Linear(4, 8, rng=2, dtype="float32"), scratch.Tanh(), scratch.Linear(8, 3, rng=102, dtype="float32")
    )
    module = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
    batches = [(x.astype("float32"), target) for x, target in BATCHES]
    report = parity.lockstep(net, module, batches, optimizer=("SGD", {"lr": 100.0}), steps=40)
    assert (report.ok, report.first, len(report.steps)) == (False, None, 40)
    assert 0 < report.lost < 28
    assert report.to_dict()["lost"] == report.lost
    assert str(report).splitlines()[-2].startswith(f"Steps 0 to {report.lost} agree. Then rounding alone")


def test_a_mistake_before_that_is_found():
    report = parity.lockstep(
        normalised(), its_twin(), BATCHES, optimizer=(of(scratch.optim.SGD, 100.0), of(torch.optim.SGD, 100.1)), steps=9
    )
    assert (report.first, report.began) == (0, "update rule")


def of(optimizer, rate):
    return lambda parameters: optimizer(parameters, lr=rate)


def test_a_training_that_diverges_is_reported_as_far_as_it_went():
    net, module = scratch.models.mlp((4, 8, 3), rng=0), torch_ref.models.mlp((4, 8, 3))
    batches = [*BATCHES, (np.full((2, 4), np.inf), np.array([0, 1]))]
    report = parity.lockstep(net, module, batches, steps=20)
    assert (report.ok, report.first, len(report.steps)) == (False, None, 5)
    assert str(report).splitlines()[-1].startswith("Step 5 was not taken: cross_entropy: output[0, 0] is nan")
    assert report.to_dict()["stopped"] == report.stopped


def test_a_training_that_has_learnt_all_agrees_to_the_end():
    ours, theirs = scratch.models.mlp((4, 16, 3), rng=0), torch_ref.models.mlp((4, 16, 3))
    batch = (BATCHES[0][0], np.arange(len(BATCHES[0][0])) % 3)
    report = parity.lockstep(ours, theirs, [batch], optimizer=("Adam", {"lr": 0.05}), steps=600)
    assert report.ok, str(report)
    assert report.steps[-1].ours < 0.01


def test_views_of_any_stride_are_batches():
    batches = [(x[::-1], target[::-1]) for x, target in BATCHES]
    assert parity.lockstep(normalised(), its_twin(), batches, steps=3).ok
