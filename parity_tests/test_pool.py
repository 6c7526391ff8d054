"""Are pooling and Flatten torch's, forwards and backwards, for any shape, option and memory layout, ties and NaN?"""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

import scratch
from parity_tests.test_conv import MANY, assert_equal, assert_is_torchs, images, pair, results

LAYERS = {  # name: (ours, shape of x)
    "max-pool-1d": (scratch.MaxPool1d(3, 2, 1), (3, 2, 7)),
    "max-pool-2d": (scratch.MaxPool2d(2), (3, 2, 4, 5)),
    "max-pool-2d-overlapping": (scratch.MaxPool2d(3, 2, ceil_mode=True), (3, 2, 6, 5)),
    "avg-pool-1d": (scratch.AvgPool1d(2), (3, 2, 7)),
    "avg-pool-2d": (scratch.AvgPool2d(3, 2, 1, count_include_pad=False), (3, 2, 4, 5)),
    "avg-pool-2d-ceil": (scratch.AvgPool2d(3, 2, 1, ceil_mode=True), (3, 2, 6, 4)),
    "avg-pool-2d-divisor": (scratch.AvgPool2d(2, divisor_override=-2), (3, 2, 4, 5)),
    "adaptive-avg-pool-2d": (scratch.AdaptiveAvgPool2d((2, 3)), (3, 2, 5, 4)),
    "flatten": (scratch.Flatten(), (3, 2, 4, 5)),
}
every_layer = pytest.mark.parametrize("name", LAYERS)


@every_layer
def test_each_is_what_torch_builds_from_the_same_words(name):
    layer, shape = LAYERS[name]
    assert_is_torchs(layer, eval(repr(layer), vars(nn)), np.random.default_rng(0).normal(size=shape))


@st.composite
def windows(draw, axes, dilated):
    """Pixels that are few whole numbers, so that many are equal, and options of a pooling."""
    kernel = draw(pair(axes, 1, 4))
    options = {
        "kernel_size": kernel,
        "stride": draw(st.none() | pair(axes, 1, 3)),
        "padding": draw(st.integers(0, int(min(np.broadcast_to(kernel, axes))) // 2)),
        "ceil_mode": draw(st.booleans()),
    }
    if dilated:
        options["dilation"] = draw(pair(axes, 1, 2))
    return options, np.round(draw(images(axes, 2, least=4 if not dilated else 7, most=8)))


@MANY
@given(st.data(), st.integers(1, 2))
def test_max_pooling_is_torchs(data, axes):
    options, x = data.draw(windows(axes, dilated=True))
    ours = getattr(scratch, f"MaxPool{axes}d")(**options)
    assume(np.isfinite(ours(x)).all())  # torch writes out of bounds where a window meets padding alone
    assert_is_torchs(ours, getattr(nn, f"MaxPool{axes}d")(**options), x)


@MANY
@given(st.data(), st.integers(1, 2))
def test_average_pooling_is_torchs(data, axes):
    options, x = data.draw(windows(axes, dilated=False))
    options["count_include_pad"] = data.draw(st.booleans())
    if axes == 2:
        options["divisor_override"] = data.draw(st.sampled_from([None, None, 3, -2]))
    assert_is_torchs(getattr(scratch, f"AvgPool{axes}d")(**options), getattr(nn, f"AvgPool{axes}d")(**options), x)


@MANY
@given(images(2, 2), st.integers(1, 9) | st.tuples(*[st.none() | st.integers(1, 9)] * 2))
def test_adaptive_pooling_is_torchs(x, size):
    assert_is_torchs(scratch.AdaptiveAvgPool2d(size), nn.AdaptiveAvgPool2d(size), x)


@MANY
@given(st.lists(st.integers(0, 3), max_size=4), st.data())
def test_flatten_is_torchs(shape, data):
    axes = max(1, len(shape))
    first = data.draw(st.integers(0, axes - 1))
    last = data.draw(st.integers(first, axes - 1))
    start_dim, end_dim = (data.draw(st.sampled_from([dim, dim - axes])) for dim in (first, last))
    x = np.random.default_rng(0).normal(size=shape)
    assert_is_torchs(scratch.Flatten(start_dim, end_dim), nn.Flatten(start_dim, end_dim), np.asarray(x))


def gradient(layer, x):
    y, cache = layer.forward(x)
    return layer.backward(np.ones_like(y), cache)[0]


def test_of_equal_pixels_the_first_row_by_row_takes_the_gradient():
    x = np.array([[[0.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]])
    assert gradient(scratch.MaxPool2d(2), x).tolist() == [[[0, 1, 1, 0], [0, 0, 0, 0]]]
    assert gradient(scratch.MaxPool1d(4), np.zeros((1, 4))).tolist() == [[1, 0, 0, 0]]


@pytest.mark.parametrize("nans", [[0], [1, 2], [5, 7], [0, 1, 2, 3, 4, 5, 6, 7, 8]])
def test_nan_is_the_largest_as_in_torch(nans):
    x = np.random.default_rng(0).normal(size=(1, 1, 3, 3))
    x.reshape(-1)[nans] = np.nan
    tensor = torch.tensor(x, requires_grad=True)
    expected = nn.MaxPool2d(2, 1)(tensor)
    expected.sum().backward()
    layer = scratch.MaxPool2d(2, 1)
    assert np.array_equal(layer(x), expected.detach().numpy(), equal_nan=True)
    assert (gradient(layer, x) == tensor.grad.numpy()).all()


@pytest.mark.parametrize("value", [-np.inf, np.inf, -1e308])
def test_padding_is_never_the_largest(value):
    x = np.full((1, 2, 2), value)
    layer = scratch.MaxPool2d(2, padding=1)
    assert (layer(x) == value).all()
    assert (gradient(layer, x) == 1).all()


def test_a_window_on_padding_alone_has_no_gradient():
    layer = scratch.MaxPool1d(2, 1, padding=1, dilation=3)
    x = np.array([[1.0, 2.0]])
    assert layer(x).tolist() == [[-np.inf]]
    assert gradient(layer, x).tolist() == [[0, 0]]


def test_one_infinite_pixel_stays_in_its_own_bins():
    x = np.zeros((1, 1, 4))
    x[0, 0, 0] = np.inf
    assert scratch.AdaptiveAvgPool2d((1, 2))(x).tolist() == [[[np.inf, 0]]]
    assert scratch.AvgPool2d((1, 2))(x).tolist() == [[[np.inf, 0]]]


@every_layer
@pytest.mark.parametrize("size", [1e-8, 1e8])
def test_tiny_and_huge_images_keep_their_digits(name, size):
    """Pooling commutes with a positive factor, and its gradient does not depend on it."""
    layer, shape = LAYERS[name]
    x = np.random.default_rng(0).normal(size=shape)
    plain, scaled = results(layer, x), results(layer, size * x)
    assert_equal({"output": scaled["output"] / size, "x": scaled["x"]}, plain)


@every_layer
def test_float32_stays_float32(name):
    layer, shape = LAYERS[name]
    x = np.random.default_rng(0).normal(size=shape)
    found, exact = results(layer, x.astype("f")), results(layer, x)
    assert {array.dtype for array in found.values()} == {np.dtype("f")}
    share = 1e-6  # of the largest entry: sums of at most 9 numbers, each rounded to 6e-8
    assert_equal({key: array.astype(float) for key, array in found.items()}, exact, share)


@every_layer
def test_any_memory_layout_gives_the_same_numbers(name):
    layer, shape = LAYERS[name]
    x = np.random.default_rng(0).normal(size=shape)
    expected = results(layer, x)
    wide = np.zeros((*shape[:-1], 2 * shape[-1]))
    wide[..., ::2] = x
    readonly = x.copy()
    readonly.flags.writeable = False
    for same in (np.asfortranarray(x), x[::-1, :, ::-1].copy()[::-1, :, ::-1], wide[..., ::2], readonly):
        assert_equal(results(layer, same), expected)


@every_layer
def test_calls_may_be_pending_and_gradients_are_fresh(name):
    layer, shape = LAYERS[name]
    rng = np.random.default_rng(0)
    x, other = rng.normal(size=shape), rng.normal(size=(2, *shape[1:]))
    y, cache = layer.forward(x)
    dy = rng.normal(size=y.shape)
    alone, _ = layer.backward(dy, cache)
    y, cache = layer.forward(x)
    layer.backward(*layer.forward(other))
    between, _ = layer.backward(dy, cache)
    assert (alone == between).all()
    assert not any(np.shares_memory(between, array) for array in (x, y, dy, alone))


def test_a_small_network_of_all_kinds_is_torchs():
    net = scratch.Sequential(
        scratch.Conv2d(1, 4, 3, padding=1, rng=0),
        scratch.ReLU(),
        scratch.MaxPool2d(2),
        scratch.Conv2d(4, 6, 3, padding=1, groups=2, rng=1),
        scratch.Tanh(),
        scratch.AvgPool2d(2, ceil_mode=True),
        scratch.Flatten(),
        scratch.Linear(24, 3, rng=2),
    )
    twin = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, padding=1, groups=2),
        nn.Tanh(),
        nn.AvgPool2d(2, ceil_mode=True),
        nn.Flatten(),
        nn.Linear(24, 3),
    )
    assert_is_torchs(net, twin, np.random.default_rng(0).normal(size=(5, 1, 7, 6)))
