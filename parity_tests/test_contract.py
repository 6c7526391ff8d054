"""Do layers keep the contract: pending calls, fresh gradients, dtypes kept, shared layers summed, torch's names?"""

import numpy as np
import pytest
from torch import nn

import parity
import scratch
from parity_tests.cases import LAYERS, MODELS, NEURONS


def drawn(case):
    rng = np.random.default_rng(0)
    return [rng.normal(size=x) if isinstance(x, tuple) else x for x in case.inputs(rng)]


@pytest.mark.parametrize("case", [*LAYERS, *NEURONS, *MODELS], ids=lambda case: case.name)
def test_any_number_of_calls_may_be_pending(case):
    net, (x,) = case.hand(), drawn(case)
    first, cache = net.forward(x)
    second, later = net.forward(2 * x)
    dy = np.ones_like(first)
    once = net.backward(dy, cache)
    net.backward(np.ones_like(second), later)
    again = net.backward(dy, cache)
    assert (once[0] == again[0]).all()
    assert all((once[1][name] == again[1][name]).all() for name in once[1])
    assert not any(np.shares_memory(once[1][name], again[1][name]) for name in once[1])


@pytest.mark.parametrize("case", [*LAYERS, *NEURONS, *MODELS], ids=lambda case: case.name)
def test_names_and_shapes_are_torchs(case):
    ours = {name: array.shape for name, array in scratch.state_dict(case.hand()).items()}
    assert ours == {name: tuple(tensor.shape) for name, tensor in case.twin().state_dict().items()}
    case.twin().load_state_dict(parity.to_torch(case.hand(), case.twin()).state_dict(), strict=True)


def test_a_layer_that_stands_twice_adds_its_gradients():
    shared, twin = scratch.Linear(4, 4, rng=0), nn.Linear(4, 4)
    net = scratch.Sequential(shared, scratch.Tanh(), shared)
    report = parity.assert_parity(net, (5, 4), against=nn.Sequential(twin, nn.Tanh(), twin))
    assert [row.name for row in report.rows] == ["output", "x", "0.weight", "0.bias"]


def test_a_layer_shared_across_nested_networks_adds_its_gradients():
    shared, twin = scratch.Linear(3, 3, rng=0), nn.Linear(3, 3)
    net = scratch.Sequential(scratch.Sequential(shared, scratch.Tanh()), shared)
    report = parity.assert_parity(net, (5, 3), against=nn.Sequential(nn.Sequential(twin, nn.Tanh()), twin))
    assert [row.name for row in report.rows] == ["output", "x", "0.0.weight", "0.0.bias"]


def test_loading_keeps_the_arrays_that_an_optimizer_holds():
    net, other = scratch.models.mlp((2, 3, 1), rng=0), scratch.models.mlp((2, 3, 1), rng=1)
    optimizer = scratch.optim.SGD(scratch.named_parameters(net), lr=1.0)
    scratch.load_state_dict(net, scratch.state_dict(other))
    optimizer.step({name: np.ones_like(array) for name, array in scratch.named_parameters(net).items()})
    for name, array in scratch.named_parameters(net).items():
        assert array == pytest.approx(scratch.named_parameters(other)[name] - 1)


def test_float32_stays_float32():
    net = scratch.models.mlp((4, 5, 3), rng=0, dtype="float32")
    y, caches = net.forward(np.ones((2, 4), np.float32))
    J, dy = scratch.losses.cross_entropy(y, np.array([0, 2]))
    dx, grads = net.backward(dy, caches)
    assert {array.dtype for array in (y, J, dy, dx, *grads.values())} == {np.dtype(np.float32)}


def test_an_optimizer_updates_the_nets_own_arrays():
    net = scratch.Linear(2, 1, rng=0)
    weight, before = net.weight, net.weight.copy()
    scratch.optim.SGD(scratch.named_parameters(net), lr=0.5).step({"weight": np.ones((1, 2)), "bias": np.ones(1)})
    assert net.weight is weight
    assert net.weight == pytest.approx(before - 0.5)


def test_initial_weights_come_from_rng_alone():
    first, same, other = (scratch.state_dict(scratch.models.mlp((4, 5, 3), rng=seed)) for seed in (1, 1, 2))
    assert all((first[name] == same[name]).all() for name in first)
    assert not any((first[name] == other[name]).any() for name in first)
    generator = np.random.default_rng(1)
    assert (scratch.state_dict(scratch.models.mlp((4, 5, 3), rng=generator))["0.weight"] == first["0.weight"]).all()


def test_initial_weights_are_distributed_as_torchs():
    """Uniform in ±1/√in_features: both moments within 5 standard errors for 40,000 draws."""
    weight = scratch.Linear(100, 400, rng=0).weight
    assert np.abs(weight).max() <= 0.1
    assert abs(weight.mean()) < 5 * 0.1 / np.sqrt(3 * weight.size)
    assert weight.var() == pytest.approx(0.01 / 3, rel=5 * np.sqrt(0.8 / weight.size))
    assert nn.Linear(100, 400).weight.abs().max() <= 0.1


def test_reprs_name_the_arguments():
    assert repr(scratch.models.lecture_net()) == (
        "Sequential(Linear(2, 3, bias=False), Sigmoid(), Linear(3, 1, bias=False), Sigmoid())"
    )
    assert repr(scratch.Neuron(3, scratch.Tanh(), bias=False)) == "Neuron(3, Tanh(), bias=False)"
    assert repr(scratch.LogisticNeuron(2)) == "LogisticNeuron(2)"
    assert repr(scratch.Perceptron(2)) == "Perceptron(2)"
