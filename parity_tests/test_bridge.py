"""Do weights cross both ways by name, as copies, and not at all where they do not fit?"""

import numpy as np
import pytest
import torch
from torch import nn

import parity
import scratch


def both():
    return scratch.models.mlp((3, 4, 2), rng=1), nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()


def test_there_and_back(device):
    net, module = both()
    start = scratch.state_dict(net)
    assert parity.to_torch(net, module.to(device)) is module
    for name, tensor in module.state_dict().items():
        assert (tensor.cpu().numpy() == start[name]).all()
    other = scratch.models.mlp((3, 4, 2), rng=2)
    assert parity.to_scratch(module, other) is other
    for name, array in scratch.state_dict(other).items():
        assert (array == start[name]).all()


def test_neither_side_writes_into_the_other():
    net, module = both()
    parity.to_torch(net, module)
    start = scratch.state_dict(net)
    with torch.no_grad():
        module[0].weight.zero_()
    assert (net.layers[0].weight == start["0.weight"]).all()
    net.layers[2].weight[...] = 7
    assert (module[2].weight != 7).all()
    parity.to_scratch(module, net)
    net.layers[0].bias[...] = 5
    assert (module[0].bias != 5).all()
    start["0.bias"][...] = 3
    assert (net.layers[0].bias == 5).all()


def test_dtypes_are_the_receivers():
    net = scratch.models.mlp((3, 4, 2), rng=1, dtype="float32")
    module = both()[1]
    parity.to_torch(net, module)
    assert module[0].weight.dtype == torch.float64
    parity.to_scratch(module, net)
    assert net.layers[0].weight.dtype == np.float32
    assert (parity.to_numpy(torch.tensor([1.5], dtype=torch.bfloat16)) == np.array([1.5], np.float32)).all()


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)), r"0.weight has shape \(4, 3\), expected \(5, 3\)"),
        (nn.Sequential(nn.Linear(3, 4), nn.Tanh()), "unexpected 2.weight; unexpected 2.bias"),
        (nn.Sequential(*both()[1], nn.Linear(2, 2)), "missing 3.weight; missing 3.bias"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_touched(module, message):
    net = both()[0]
    weights = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with pytest.raises(ValueError, match=message):
        parity.to_torch(net, module)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in module.state_dict().items())
    arrays = scratch.state_dict(net)
    with pytest.raises(ValueError, match="load_state_dict: "):
        parity.to_scratch(module, net)
    assert all((array == arrays[name]).all() for name, array in scratch.state_dict(net).items())
