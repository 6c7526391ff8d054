"""Is convolution torch's, forwards and backwards, for any shape, option, size and memory layout?"""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import parity
import scratch

MANY = settings(derandomize=True, max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ROUNDING = 1e-13  # of the largest entry, or of 1: two ways of adding up to a few hundred products, 400 ulp
LAYERS = {  # name: (ours, torch's, shape of x)
    "conv-1d": (
        lambda: scratch.Conv1d(2, 4, 3, 2, 1, groups=2, rng=1),
        lambda: nn.Conv1d(2, 4, 3, 2, 1, groups=2),
        (3, 2, 7),
    ),
    "conv-2d": (lambda: scratch.Conv2d(2, 3, 3, padding=1, rng=1), lambda: nn.Conv2d(2, 3, 3, padding=1), (3, 2, 4, 5)),
    "conv-transpose-2d": (
        lambda: scratch.ConvTranspose2d(2, 3, 3, 2, 1, rng=1),
        lambda: nn.ConvTranspose2d(2, 3, 3, 2, 1),
        (3, 2, 3, 4),
    ),
}
every_layer = pytest.mark.parametrize("name", LAYERS)


def assert_is_torchs(ours, twin, x, dtype=torch.float64):
    """Output and all gradients of one random upstream gradient, in float64, with the weights of ours."""
    twin = twin.to(dtype)
    twin.load_state_dict({name: torch.tensor(array) for name, array in scratch.state_dict(ours).items()}, strict=True)
    tensor = torch.tensor(np.array(x, order="C"), requires_grad=True)
    expected = twin(tensor)
    y, cache = ours.forward(x)
    assert y.shape == tuple(expected.shape)
    dy = np.random.default_rng(y.size).normal(size=y.shape).astype(x.dtype)
    expected.backward(torch.tensor(dy))
    dx, grads = ours.backward(dy, cache)
    theirs = {"output": expected.detach(), "x": tensor.grad} | {n: p.grad for n, p in twin.named_parameters()}
    assert_equal({"output": y, "x": dx} | grads, {name: value.numpy() for name, value in theirs.items()})


def assert_equal(ours, theirs, share=ROUNDING):
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert (array.shape, array.dtype) == (theirs[name].shape, theirs[name].dtype), name
        largest = np.abs(theirs[name]).max(initial=1.0)
        np.testing.assert_allclose(array, theirs[name], rtol=0, atol=share * largest, err_msg=name)


def results(layer, x):
    """What a layer makes of x and of a random upstream gradient."""
    y, cache = layer.forward(x)
    dx, grads = layer.backward(np.random.default_rng(5).normal(size=y.shape).astype(y.dtype), cache)
    return {"output": y, "x": dx} | grads


def pair(axes, low, high):
    """One number for all axes, or one for each."""
    return st.integers(low, high) | st.tuples(*[st.integers(low, high)] * axes)


@st.composite
def images(draw, axes, channels, least=1, most=7):
    """Random images of that many channels, a batch of none to three or one alone."""
    shape = (
        *draw(st.sampled_from([(), (0,), (1,), (3,)])),
        channels,
        *draw(st.tuples(*[st.integers(least, most)] * axes)),
    )
    return np.random.default_rng(draw(st.integers(0, 99))).normal(size=shape)


@st.composite
def convolutions(draw):
    axes, groups = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    C, F = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 3))
    padding = draw(st.sampled_from(["same", "valid"]) | pair(axes, 0, 2))
    options = {
        "kernel_size": draw(pair(axes, 1, 3)),
        "stride": 1 if padding == "same" else draw(pair(axes, 1, 3)),
        "padding": padding,
        "dilation": draw(pair(axes, 1, 2)),
        "groups": groups,
        "bias": draw(st.booleans()),
    }
    return axes, (C, F), options, draw(images(axes, C, least=5))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even")
@MANY
@given(convolutions())
def test_convolutions_are_torchs(case):
    axes, channels, options, x = case
    name = f"Conv{axes}d"
    assert_is_torchs(getattr(scratch, name)(*channels, **options, rng=2), getattr(nn, name)(*channels, **options), x)


@st.composite
def transposed(draw):
    groups = draw(st.integers(1, 2))
    C, F = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 3))
    stride, dilation = draw(pair(2, 1, 3)), draw(pair(2, 1, 2))
    least = max(min(np.broadcast_to(stride, 2)), min(np.broadcast_to(dilation, 2)))
    options = {
        "kernel_size": draw(pair(2, 1, 3)),
        "stride": stride,
        "padding": draw(pair(2, 0, 1)),
        "output_padding": draw(st.integers(0, int(least) - 1)),
        "groups": groups,
        "bias": draw(st.booleans()),
        "dilation": dilation,
    }
    return (C, F), options, draw(images(2, C, least=3, most=4))


@MANY
@given(transposed())
def test_transposed_convolutions_are_torchs(case):
    channels, options, x = case
    assert_is_torchs(scratch.ConvTranspose2d(*channels, **options, rng=2), nn.ConvTranspose2d(*channels, **options), x)


@pytest.mark.parametrize("x", [(1, 1, 3, 2), (1, 3, 2)], ids=["batch-of-one", "one-image"])
def test_a_kernel_as_large_as_the_image_and_one_channel(x):
    x = np.random.default_rng(0).normal(size=x)
    assert_is_torchs(scratch.Conv2d(1, 1, (3, 2), rng=0), nn.Conv2d(1, 1, (3, 2)), x)
    assert_is_torchs(scratch.ConvTranspose2d(1, 1, (3, 2), rng=0), nn.ConvTranspose2d(1, 1, (3, 2)), x)


def test_same_padding_of_an_even_kernel_adds_the_odd_zero_at_the_end():
    layer = scratch.Conv1d(1, 1, 2, padding="same", bias=False)
    layer.weight[...] = [[[0.0, 1.0]]]
    assert layer(np.array([[1.0, 2.0, 3.0]])).tolist() == [[2.0, 3.0, 0.0]]


def test_a_transposed_convolution_is_the_input_gradient_of_a_convolution():
    """Of the same weight, to the bit: the same product and the same sums."""
    conv = scratch.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), dilation=(1, 2), groups=2, bias=False, rng=0)
    back = scratch.ConvTranspose2d(6, 4, (3, 2), (2, 1), (1, 0), dilation=(1, 2), groups=2, bias=False)
    back.weight = conv.weight
    z, cache = conv.forward(np.random.default_rng(0).normal(size=(2, 4, 7, 5)))
    assert (back(z) == conv.backward(z, cache)[0]).all()


@every_layer
@pytest.mark.parametrize("size", [1e-8, 1e8])
def test_tiny_and_huge_images_keep_their_digits(name, size):
    """A convolution without bias is linear in x: a factor of x is one of z, and does not change the digits of dx."""
    ours, _, shape = LAYERS[name]
    layer, x = ours(), np.random.default_rng(0).normal(size=shape)
    layer.bias = None
    plain, scaled = results(layer, x), results(layer, size * x)
    factors = {"output": size, "x": 1.0, "weight": size}
    for key, factor in factors.items():
        assert_equal({key: scaled[key] / factor}, {key: plain[key]})


@every_layer
def test_float32_stays_float32(name):
    ours, _, shape = LAYERS[name]
    layer, x = ours(), np.random.default_rng(0).normal(size=shape)
    exact = results(layer, x)
    for key, array in scratch.named_parameters(layer).items():
        setattr(layer, key, array.astype("f"))
    found = results(layer, x.astype("f"))
    assert {array.dtype for array in found.values()} == {np.dtype("f")}
    share = 1e-5  # of the largest entry: sums of some hundred products, each rounded to 6e-8
    assert_equal({key: array.astype(float) for key, array in found.items()}, exact, share)


@every_layer
def test_any_memory_layout_gives_the_same_numbers(name):
    ours, _, shape = LAYERS[name]
    layer, x = ours(), np.random.default_rng(0).normal(size=shape)
    expected = results(layer, x)
    wide = np.zeros((*shape[:-1], 2 * shape[-1]))
    wide[..., ::2] = x
    readonly = x.copy()
    readonly.flags.writeable = False
    for same in (np.asfortranarray(x), x[::-1, :, ::-1].copy()[::-1, :, ::-1], wide[..., ::2], readonly):
        assert_equal(results(layer, same), expected)


@every_layer
def test_calls_may_be_pending_and_gradients_are_fresh(name):
    ours, _, shape = LAYERS[name]
    layer, rng = ours(), np.random.default_rng(0)
    x, other = rng.normal(size=shape), rng.normal(size=(2, *shape[1:]))
    z, cache = layer.forward(x)
    dz = rng.normal(size=z.shape)
    alone = layer.backward(dz, cache)
    z, cache = layer.forward(x)
    layer.backward(*layer.forward(other))
    between = layer.backward(dz, cache)
    assert (alone[0] == between[0]).all()
    for key in alone[1]:
        assert (alone[1][key] == between[1][key]).all()
    for gradient in (between[0], *between[1].values()):
        assert not any(np.shares_memory(gradient, array) for array in (x, z, dz, alone[0], layer.weight))


def test_a_layer_that_stands_twice_adds_its_gradients():
    shared, twin = scratch.Conv2d(2, 2, 3, padding=1, rng=0), nn.Conv2d(2, 2, 3, padding=1)
    net = scratch.Sequential(shared, scratch.Tanh(), shared)
    parity.assert_parity(net, (2, 2, 3, 4), against=nn.Sequential(twin, nn.Tanh(), twin))


@every_layer
def test_weights_cross_strictly_both_ways(name):
    ours, twin, shape = LAYERS[name]
    layer, other = ours(), twin().double()
    scratch.load_state_dict(layer, {key: value.numpy() for key, value in other.state_dict().items()})
    assert (layer.weight == other.weight.detach().numpy()).all()
    assert_is_torchs(layer, other, np.random.default_rng(0).normal(size=shape))


@pytest.mark.parametrize(
    ("layer", "twin", "fan"),
    [
        (lambda: scratch.Conv1d(8, 64, 5, rng=0), lambda: nn.Conv1d(8, 64, 5), 40),
        (lambda: scratch.Conv2d(8, 64, (3, 2), groups=2, rng=0), lambda: nn.Conv2d(8, 64, (3, 2), groups=2), 24),
        (lambda: scratch.ConvTranspose2d(64, 8, 3, rng=0), lambda: nn.ConvTranspose2d(64, 8, 3), 72),
    ],
    ids=["conv-1d", "conv-2d-groups", "conv-transpose-2d"],
)
def test_initial_weights_are_distributed_as_torchs(layer, twin, fan):
    """Uniform in ±1/√fan: both moments within 5 standard errors, and torch's own within the bound and near it."""
    weight, bias, bound = layer().weight, layer().bias, 1 / np.sqrt(fan)
    assert max(np.abs(weight).max(), np.abs(bias).max()) <= bound
    assert abs(weight.mean()) < 5 * bound / np.sqrt(3 * weight.size)
    assert weight.var() == pytest.approx(bound**2 / 3, rel=5 * np.sqrt(0.8 / weight.size))
    torch.manual_seed(0)
    theirs = twin()
    assert 0.99 * bound < theirs.weight.abs().max() <= bound * (1 + 1e-6)
    assert theirs.bias.abs().max() <= bound * (1 + 1e-6)
    assert 0.8 * bound < np.abs(bias).max()


def test_initial_weights_come_from_rng_alone():
    first, same, other = (scratch.Conv2d(1, 2, 3, rng=seed) for seed in (1, 1, 2))
    assert (first.weight == same.weight).all()
    assert (first.bias == same.bias).all()
    assert not (first.weight == other.weight).any()
