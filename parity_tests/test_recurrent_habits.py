"""Do RNN, LSTM and GRU start, drop, load and print as torch's do?"""

import numpy as np
import pytest
import torch

import scratch
from parity_tests.beside_torch import assert_close
from parity_tests.test_recurrent import RNG, SUMS, beside_torch, both, each_kind


@each_kind
def test_dropout_acts_between_layers_in_training_alone(kind):
    ours, twin = both(kind, 3, 4, 3, dropout=1.0)  # then torch draws nothing
    x = RNG.normal(size=(3, 2, 3))
    beside_torch(ours, twin, x)
    kept = beside_torch(ours.eval(), twin, x)[0][0]
    assert not np.allclose(kept, ours.train()(x)[0])


def test_what_is_kept_by_dropout_is_scaled():
    """ReLU units that hand on positive x as it is: the second layer sees x f with f 0 or 1/(1 − 0.4)."""
    layer = scratch.RNN(3, 3, 2, "relu", bias=False, dropout=0.4, rng=0, dtype="float32")
    for k in (0, 1):
        getattr(layer, f"weight_ih_l{k}")[...], getattr(layer, f"weight_hh_l{k}")[...] = np.eye(3), 0
    x = RNG.uniform(1, 2, (40, 30, 3)).astype(np.float32)
    y, _ = layer(x)
    dropped = y == 0
    assert dropped.mean() == pytest.approx(0.4, abs=5 * np.sqrt(0.24 / y.size))
    assert y[~dropped] == pytest.approx(x[~dropped] / 0.6, rel=1e-6)
    assert not (layer(x)[0] == y).all()
    assert (layer.eval()(x)[0] == x).all()


def test_dropout_without_a_layer_to_follow_is_said_as_torch_does():
    with pytest.warns(UserWarning, match="GRU: dropout acts between layers; with num_layers=1 it does nothing"):
        scratch.GRU(2, 2, dropout=0.5)


@pytest.mark.parametrize("options", [{}, {"bias": False}, {"num_layers": 2, "bidirectional": True}])
@each_kind
def test_weights_cross_both_ways(kind, options):
    ours, twin = both(kind, 3, 2, **options)
    x = RNG.normal(size=(3, 2, 3))
    twin.double().load_state_dict({n: torch.from_numpy(a) for n, a in scratch.state_dict(ours).items()}, strict=True)
    assert_close(ours(x)[0], twin(torch.from_numpy(x))[0], SUMS, 1.0)
    other = getattr(scratch, kind)(3, 2, **options)
    scratch.load_state_dict(other, {name: tensor.numpy() for name, tensor in twin.state_dict().items()})
    assert all((a == b).all() for a, b in zip(other(x), ours(x), strict=True))


@each_kind
def test_initial_weights_are_distributed_as_torchs(kind):
    """Uniform in ±1/√hidden_size whatever their shape: mean and variance within 5 standard errors."""
    ours, twin = both(kind, 30, 100, 2, bidirectional=True, dropout=0.5)
    for name, array in scratch.named_parameters(ours).items():
        assert 0.09 < np.abs(array).max() <= 0.1, name
        assert abs(array.mean()) < 5 * 0.1 / np.sqrt(3 * array.size), name
        assert array.var() == pytest.approx(0.01 / 3, rel=5 * np.sqrt(0.8 / array.size)), name
    assert all(0.09 < tensor.abs().max() <= 0.1 for tensor in twin.parameters())
    arrays = scratch.state_dict(ours)
    same, other = (scratch.state_dict(getattr(scratch, kind)(30, 100, 2, bidirectional=True, rng=k)) for k in (1, 2))
    assert all((same[name] == arrays[name]).all() and not (other[name] == arrays[name]).any() for name in arrays)


@each_kind
def test_reprs_name_what_differs_from_the_default(kind):
    layer = getattr(scratch, kind)(3, 2, 2, bias=False, batch_first=True, dropout=0.5, bidirectional=True)
    assert repr(layer) == f"{kind}(3, 2, num_layers=2, bias=False, batch_first=True, dropout=0.5, bidirectional=True)"
    assert repr(getattr(scratch, kind)(3, 2)) == f"{kind}(3, 2)"
