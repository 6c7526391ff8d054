"""Are batch, layer, group and RMS norm torch's, in both modes, on any shape, far from 0 and at the edges?"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import parity
import scratch
from parity_tests.beside_torch import beside_torch
from parity_tests.cases import redrawn

drawn = settings(max_examples=25, deadline=None, derandomize=True)
RNG = np.random.default_rng(7)
SIZE = st.integers(1, 5)
EPS = st.sampled_from([1e-5, 1e-3, 0.5])


@st.composite
def channelled(draw, axes):
    """A shape (N, C, ...) of so many axes with at least two values per channel."""
    shape = tuple(draw(st.lists(SIZE, min_size=axes, max_size=axes)))
    return shape if np.prod(shape) > shape[1] else (2, *shape[1:])


@drawn
@given(st.data(), st.integers(2, 4), st.booleans(), st.booleans(), EPS, st.sampled_from([0.1, 0.0, 1.0, None]))
def test_batch_norm_is_torchs(data, axes, affine, tracked, eps, momentum):
    """Three steps of training, so that the running statistics move, and one of evaluation."""
    shape, name = data.draw(channelled(axes)), "BatchNorm2d" if axes == 4 else "BatchNorm1d"
    ours = redrawn(getattr(scratch, name)(shape[1], eps, momentum, affine, tracked))
    twin = getattr(nn, name)(shape[1], eps, momentum, affine, tracked)
    for _ in range(3):
        beside_torch(ours, twin, RNG.normal(1, 2, shape))
    beside_torch(ours.eval(), twin, RNG.normal(1, 2, shape))


@drawn
@given(st.lists(SIZE, max_size=3), st.lists(SIZE, min_size=1, max_size=2), EPS, st.booleans(), st.booleans())
def test_layer_norm_is_torchs(lead, normalized, eps, affine, bias):
    arguments = (normalized[0] if len(normalized) == 1 else tuple(normalized), eps, affine, bias)
    x = RNG.normal(1, 2, (*lead, *normalized))
    beside_torch(redrawn(scratch.LayerNorm(*arguments)), nn.LayerNorm(*arguments), x)


@drawn
@given(
    st.lists(SIZE, max_size=3),
    st.lists(SIZE, min_size=1, max_size=2),
    st.sampled_from([None, 1e-5, 0.5]),
    st.booleans(),
)
def test_rms_norm_is_torchs(lead, normalized, eps, affine):
    arguments = (tuple(normalized), eps, affine)
    x = RNG.normal(1, 2, (*lead, *normalized))
    beside_torch(redrawn(scratch.RMSNorm(*arguments)), nn.RMSNorm(*arguments), x)


@drawn
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.lists(SIZE, max_size=3), EPS, st.booleans())
def test_group_norm_is_torchs(groups, each, batch, pixels, eps, affine):
    shape = (batch, groups * each, *pixels) if batch * each * np.prod(pixels) > 1 else (2, groups * each, *pixels)
    arguments = (groups, groups * each, eps, affine)
    ours, twin = redrawn(scratch.GroupNorm(*arguments)), nn.GroupNorm(*arguments)
    beside_torch(ours, twin, RNG.normal(1, 2, shape), close=1e-9)  # torch's x γ r + (β − m γ r) cancels


LAYERS = {
    "BatchNorm1d": (lambda **o: scratch.BatchNorm1d(4, **o), lambda: nn.BatchNorm1d(4), (6, 4, 3)),
    "BatchNorm2d": (lambda **o: scratch.BatchNorm2d(4, **o), lambda: nn.BatchNorm2d(4), (3, 4, 2, 3)),
    "LayerNorm": (lambda **o: scratch.LayerNorm(6, **o), lambda: nn.LayerNorm(6), (3, 4, 6)),
    "GroupNorm": (lambda **o: scratch.GroupNorm(2, 4, **o), lambda: nn.GroupNorm(2, 4), (3, 4, 5)),
    "RMSNorm": (lambda **o: scratch.RMSNorm(6, **o), lambda: nn.RMSNorm(6), (3, 4, 6)),
}
each_layer = pytest.mark.parametrize("name", LAYERS)


def built(name):
    """(ours with random weights, twin, x)."""
    ours, twin, shape = LAYERS[name]
    return redrawn(ours()), twin(), RNG.normal(1, 2, shape)


@each_layer
@pytest.mark.parametrize("size", [1e-8, 1e8])
def test_small_and_huge_inputs_keep_their_digits(name, size):
    """At 1e-8 all but RMSNorm are ruled by ε; torch's group norm loses digits beside a mean, so x is centred."""
    ours, twin, x = built(name)
    beside_torch(ours, twin, size * (x - 1), close=1e-9, terms=0)


@pytest.mark.parametrize("name", [name for name in LAYERS if name != "RMSNorm"])  # which takes no mean off
def test_a_mean_far_from_0_costs_no_more_than_x_itself_lost(name):
    """x + 1e6 is known to 1e-10, so x̂ is, in another 8 units or so; mean x² − mean² would keep 4 digits."""
    ours, _, x = built(name)
    far = x + 1e6
    expected, shifted = ours(far - 1e6), ours(far)
    assert shifted == pytest.approx(expected, abs=1e-9 * np.abs(expected).max())


@each_layer
def test_equal_values_give_the_shift_and_finite_gradients(name):
    ours, twin, x = built(name)
    outputs, dx, _ = beside_torch(ours, twin, np.full_like(x, 3.0))
    if name != "RMSNorm":
        bias = ours.bias if name == "LayerNorm" else ours.bias.reshape(-1, *(1,) * (x.ndim - 2))
        assert (outputs == np.broadcast_to(bias, x.shape)).all()
    assert np.isfinite(dx).all()


@each_layer
def test_any_memory_layout_gives_the_same_numbers(name):
    ours, _, x = built(name)
    ours.eval() if name.startswith("Batch") else ours
    y, cache = ours.forward(x)
    dx, grads = ours.backward(y, cache)
    readonly = x.copy()
    readonly.flags.writeable = False
    wide = np.repeat(x, 2, axis=-1)
    for other in (np.asfortranarray(x), x[::-1].copy()[::-1], wide[..., ::2], readonly, np.flip(np.flip(x).copy())):
        z, other_cache = ours.forward(other)
        assert z == pytest.approx(y, rel=1e-13, abs=1e-13)
        for dy in (np.asfortranarray(y), readonly_copy(y)):
            dz, other_grads = ours.backward(dy, other_cache)
            assert dz == pytest.approx(dx, rel=1e-13, abs=1e-13)
            for key in grads:
                assert other_grads[key] == pytest.approx(grads[key], rel=1e-13)


def readonly_copy(array):
    copied = array.copy()
    copied.flags.writeable = False
    return copied


@each_layer
def test_float32_stays_float32(name):
    ours = LAYERS[name][0](dtype="float32")
    x = RNG.normal(size=LAYERS[name][2]).astype(np.float32)
    for layer in (ours, ours.eval()):
        y, cache = layer.forward(x)
        dx, grads = layer.backward(y, cache)
        held = [*scratch.named_parameters(layer).values(), *scratch.named_buffers(layer).values()]
        floats = [array for array in (y, dx, *grads.values(), *held) if array.dtype.kind == "f"]
        assert {array.dtype for array in floats} == {np.dtype(np.float32)}


@each_layer
def test_weights_and_statistics_start_as_torchs_and_cross_both_ways(name):
    ours, twin = LAYERS[name][0](), LAYERS[name][1]().double()
    start = scratch.state_dict(ours)
    assert start.keys() == twin.state_dict().keys()
    for key, value in twin.state_dict().items():
        assert (start[key] == value.numpy()).all()
        assert start[key].dtype == value.numpy().dtype
        assert start[key].shape == tuple(value.shape)
    other = parity.to_torch(redrawn(ours), twin)
    back = parity.to_scratch(other, LAYERS[name][0]())
    for key, array in scratch.state_dict(back).items():
        assert (array == scratch.state_dict(ours)[key]).all()


@each_layer
def test_an_empty_batch_is_what_torch_makes_of_it_in_evaluation(name):
    ours, twin, x = built(name)
    _, dx, grads = beside_torch(ours.eval(), twin, x[:0])
    assert dx.shape == x[:0].shape
    assert not any(gradient.any() for gradient in grads.values())


@each_layer
def test_a_layer_that_stands_twice(name):
    ours, twin, x = built(name)
    net = scratch.Sequential(ours, scratch.Tanh(), ours)
    parity.assert_parity(net, x, against=nn.Sequential(twin, nn.Tanh(), twin))


def test_evaluation_is_by_running_statistics_and_moves_none():
    ours, _, x = built("BatchNorm2d")
    before = scratch.state_dict(ours)
    ours.eval()
    first = ours(x)
    assert first[:1] == pytest.approx(ours(x[:1]), rel=1e-15)  # one sample does not move another
    assert all((array == before[name]).all() for name, array in scratch.state_dict(ours).items())
    ours.train()
    assert not np.allclose(ours(x), first)
    assert ours.num_batches_tracked == 1


def test_a_pending_evaluation_outlives_a_step_of_training():
    ours, _, x = built("BatchNorm1d")
    y, cache = ours.eval().forward(x)
    expected = ours.backward(y, cache)[0]
    ours.train().forward(x + 5)
    assert (ours.backward(y, cache)[0] == expected).all()


def test_buffers_stay_the_same_arrays():
    ours, _, x = built("BatchNorm1d")
    held = scratch.named_buffers(ours)
    before = {name: array.copy() for name, array in held.items()}
    ours(x)
    for name, array in scratch.named_buffers(ours).items():
        assert array is held[name]
        assert (array != before[name]).all()


def test_what_is_refused_moves_no_statistics():
    ours = scratch.BatchNorm1d(4)
    with pytest.raises(ValueError, match="more than one value per channel"):
        ours(np.ones((1, 4)))
    assert ours.num_batches_tracked == 0
    assert not ours.running_mean.any()


def test_the_unbiased_variance_is_tracked():
    x = RNG.normal(size=(5, 2))
    ours = scratch.BatchNorm1d(2, momentum=1.0)
    ours(x)
    assert ours.running_var == pytest.approx(x.var(axis=0, ddof=1), rel=1e-14)
    assert ours.running_mean == pytest.approx(x.mean(axis=0), rel=1e-14)


def test_one_group_and_one_channel_are_layer_and_instance_norm():
    x = RNG.normal(size=(3, 4, 5))
    theirs = torch.from_numpy(x)
    assert scratch.GroupNorm(1, 4, affine=False)(x) == pytest.approx(
        nn.functional.layer_norm(theirs, (4, 5)).numpy(), rel=1e-12
    )
    assert scratch.GroupNorm(4, 4, affine=False)(x) == pytest.approx(
        nn.functional.instance_norm(theirs).numpy(), rel=1e-12
    )


@each_layer
def test_other_dtypes_are_refused(name):
    ours, _, x = built(name)
    with pytest.raises(TypeError, match=f"{name}: x is float32 but weight is float64"):
        ours(x.astype(np.float32))
    with pytest.raises(TypeError, match=f"{name}: expected x as float32 or float64, got int64"):
        ours(x.astype(int))
    y, cache = ours.forward(x)
    with pytest.raises(TypeError, match=f"{name}: dy is float32 but x is float64"):
        ours.backward(y.astype(np.float32), cache)
