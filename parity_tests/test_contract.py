"""Do layers keep the contract: pending calls, fresh gradients, dtypes kept, shared layers summed, torch's names?"""

import numpy as np
import pytest
from torch import nn

import parity
import scratch
from parity_tests.cases import LAYERS, MODELS, NEURONS
from scratch.naming import replace


@pytest.mark.parametrize("case", [*LAYERS, *NEURONS, *MODELS], ids=lambda case: case.name)
def test_any_number_of_calls_may_be_pending(case):
    net, inputs = case.hand(), case.drawn(np.random.default_rng(0))
    first, cache = net.forward(*inputs)
    second, later = net.forward(*(2 * x if x.dtype.kind == "f" else x for x in inputs))
    once = net.backward(ones_like(first), cache)
    net.backward(ones_like(second), later)
    again = net.backward(ones_like(first), cache)
    pairs = list(zip(arrays_of(once), arrays_of(again), strict=True))
    assert pairs
    assert all((a == b).all() and not np.shares_memory(a, b) for a, b in pairs)


def ones_like(outputs):
    return tuple(map(np.ones_like, outputs)) if isinstance(outputs, tuple) else np.ones_like(outputs)


def arrays_of(gradients):
    """The arrays of what a backward returns: input gradients, None apart, and those by parameters."""
    dinputs, grads = gradients
    dinputs = dinputs if isinstance(dinputs, tuple) else (dinputs,)
    return [*(dx for dx in dinputs if dx is not None), *grads.values()]


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


def tied():
    first, last = scratch.Linear(3, 3, rng=0), scratch.Linear(3, 3, rng=1)
    last.weight = first.weight
    other = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3))
    other[2].weight = other[0].weight
    return scratch.Sequential(first, scratch.Tanh(), last), other


def test_tied_weights_are_learnt_once_and_stored_under_both_names():
    net, twin = tied()
    report = parity.assert_parity(net, (5, 3), against=twin)
    assert [row.name for row in report.rows] == ["output", "x", "0.weight", "0.bias", "2.bias"]
    assert list(scratch.named_parameters(net)) == [name for name, _ in twin.named_parameters()]
    assert scratch.state_dict(net).keys() == twin.state_dict().keys()


def test_tied_weights_stay_tied():
    (net, twin), (other, _) = tied(), tied()
    scratch.load_state_dict(net, scratch.state_dict(other))
    parity.to_scratch(parity.to_torch(net, twin), net)
    replace(net, {"0.weight": np.ones((3, 3))})
    assert net.layers[0].weight is net.layers[2].weight
    assert (net.layers[2].weight == 1).all()


def test_train_and_eval_reach_every_part():
    inner = scratch.Tanh()
    net = scratch.Sequential(scratch.Sequential(inner), scratch.ReLU())
    assert net.eval() is net
    assert not inner.training
    assert net.train() is net
    assert inner.training


@pytest.mark.parametrize("case", [*LAYERS, *NEURONS, *MODELS], ids=lambda case: case.name)
def test_gradients_alone_are_those_of_backward(case):
    net, inputs = case.hand(), case.drawn(np.random.default_rng(0))
    outputs, cache = net.forward(*inputs)
    grads = net.backward(ones_like(outputs), cache)[1]
    alone = net.gradients(ones_like(outputs), cache)
    assert alone.keys() == grads.keys()
    assert all((alone[name] == grads[name]).all() for name in grads)


class Halved(scratch.Linear):
    """Derives backward anew, and says nothing of `gradients`."""

    def backward(self, dz, x):
        dx, grads = super().backward(dz, x)
        return dx / 2, {name: gradient / 2 for name, gradient in grads.items()}


@pytest.mark.parametrize("make", [lambda: Halved(4, 3, rng=0), lambda: Borrowed()], ids=["subclass", "no base class"])
def test_gradients_alone_follow_the_backward_of_ones_own_class(make):
    net = scratch.Sequential(make(), scratch.Tanh())
    y, cache = net.forward(np.ones((2, 4)))
    grads = net.backward(np.ones_like(y), cache)[1]
    assert all((net.gradients(np.ones_like(y), cache)[name] == grads[name]).all() for name in grads)


class Borrowed:
    """No Layer: it keeps the contract all the same; its `gradients` are something else."""

    params = ("weight",)
    gradients = None

    def __init__(self):
        self.weight = np.full((3, 4), 0.5)

    def forward(self, x):
        return x @ self.weight.T, x

    def backward(self, dz, x):
        return dz @ self.weight, {"weight": dz.T @ x}


def test_a_layer_that_stands_twice_is_stored_under_both_names_as_in_torch():
    shared, twin = scratch.Linear(3, 3, rng=0), nn.Linear(3, 3).double()
    net, module = scratch.Sequential(shared, scratch.Tanh(), shared), nn.Sequential(twin, nn.Tanh(), twin)
    assert list(scratch.state_dict(net)) == list(module.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    parity.to_torch(net, module)
    assert (twin.weight.detach().numpy() == shared.weight).all()
    parity.to_scratch(module, net)
    assert list(scratch.named_parameters(net)) == ["0.weight", "0.bias"]
    assert parity.lockstep(net, module, [(np.ones((2, 3)), np.ones((2, 3)))], steps=3).ok


def test_what_a_caller_writes_into_an_output_does_not_reach_the_cache():
    softmax, dy = scratch.Softmax(dim=1), np.array([[1.0, 0.0, 0.0]])
    y, cache = softmax.forward(np.array([[1.0, 2.0, 3.0]]))
    before = softmax.backward(dy, cache)[0]
    y *= 2
    assert (softmax.backward(dy, cache)[0] == before).all()
