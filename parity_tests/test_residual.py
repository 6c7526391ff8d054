"""Does the residual block add what came in, there and back, under Sequential's names, and equal to its twin?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import parity
import scratch
import torch_ref
from parity_tests.beside_torch import beside_torch

RNG = np.random.default_rng(5)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(0, 3), st.booleans())
def test_it_is_its_twin(shape, depth, nested):
    width = shape[-1]
    layers, modules = [], []
    for i in range(depth):
        layers += [scratch.Linear(width, width, rng=i), scratch.Tanh()]
        modules += [nn.Linear(width, width), nn.Tanh()]
    ours, twin = scratch.Residual(*layers), torch_ref.Residual(*modules)
    if nested:
        ours, twin = scratch.Residual(ours, scratch.Tanh()), torch_ref.Residual(twin, nn.Tanh())
    beside_torch(ours, twin, RNG.normal(size=shape))


def test_parameters_are_named_as_in_sequential():
    ours = scratch.Residual(scratch.Tanh(), scratch.Linear(3, 3, rng=1), scratch.Residual(scratch.Linear(3, 3, rng=2)))
    twin = torch_ref.Residual(nn.Tanh(), nn.Linear(3, 3), torch_ref.Residual(nn.Linear(3, 3))).double()
    names = ["1.weight", "1.bias", "2.0.weight", "2.0.bias"]
    assert list(scratch.state_dict(ours)) == list(twin.state_dict()) == names
    parity.to_torch(ours, twin)
    parity.to_scratch(twin, ours)
    assert isinstance(ours, scratch.Sequential)
    assert isinstance(twin, nn.Sequential)


def test_a_block_of_a_transformer():
    ours = scratch.Residual(
        scratch.LayerNorm(4), scratch.Linear(4, 8, rng=1), scratch.Tanh(), scratch.Linear(8, 4, rng=2)
    )
    twin = torch_ref.Residual(nn.LayerNorm(4), nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 4))
    net, theirs = scratch.Sequential(ours, scratch.LayerNorm(4)), nn.Sequential(twin, nn.LayerNorm(4))
    beside_torch(net, theirs, RNG.normal(size=(2, 3, 4)))


@pytest.mark.parametrize("size", [1e-8, 1e8])
def test_small_and_huge_inputs(size):
    beside_torch(
        scratch.Residual(scratch.Linear(3, 3, rng=1), scratch.Tanh()),
        torch_ref.Residual(nn.Linear(3, 3), nn.Tanh()),
        size * RNG.normal(size=(4, 3)),
    )


def test_one_block_in_two_places_adds_its_gradients():
    ours, twin = scratch.Residual(scratch.Linear(3, 3, rng=1)), torch_ref.Residual(nn.Linear(3, 3))
    net, theirs = scratch.Sequential(ours, scratch.Tanh(), ours), nn.Sequential(twin, nn.Tanh(), twin)
    report = parity.assert_parity(net, (4, 3), against=theirs)
    assert [row.name for row in report.rows] == ["output", "x", "0.0.weight", "0.0.bias"]


def test_inputs_stay_and_gradients_are_fresh():
    net = scratch.Residual()
    x = RNG.normal(size=(2, 3))
    before = x.copy()
    y, caches = net.forward(x)
    dx, grads = net.backward(y, caches)
    assert (y == 2 * x).all()
    assert (dx == 2 * y).all()
    assert grads == {}
    assert (x == before).all()
    assert not np.shares_memory(dx, y)
    assert not np.shares_memory(y, x)


def test_modes_reach_the_parts():
    net = scratch.Residual(scratch.Dropout(0.5, rng=1))
    net.eval()
    assert not net.layers[0].training
    assert net.train().layers[0].training


def test_float32_stays_float32():
    net = scratch.Residual(scratch.Linear(3, 3, rng=1, dtype="float32"))
    y, caches = net.forward(np.ones((2, 3), np.float32))
    dx, grads = net.backward(y, caches)
    assert {array.dtype for array in (y, dx, *grads.values())} == {np.dtype(np.float32)}


def test_an_empty_batch():
    beside_torch(
        scratch.Residual(scratch.Linear(3, 3, rng=1)), torch_ref.Residual(nn.Linear(3, 3)), RNG.normal(size=(0, 3))
    )


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"Residual: expected layers that keep the shape \(2, 3\) of x, got \(2, 4\)"):
        scratch.Residual(scratch.Linear(3, 4))(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"keep the shape \(2, 3\) of x, got \(2, 1\)"):  # NumPy would stretch it
        scratch.Residual(scratch.Linear(3, 1))(np.ones((2, 3)))
    with pytest.raises(TypeError, match="Residual: expected layers as arguments, got a list at 0"):
        scratch.Residual([scratch.Tanh()])
    with pytest.raises(TypeError, match="Residual: argument 0 is the class Tanh"):
        scratch.Residual(scratch.Tanh)


def test_the_repr_is_a_call():
    assert repr(scratch.Residual(scratch.Tanh(), scratch.Residual())) == "Residual(Tanh(), Residual())"
