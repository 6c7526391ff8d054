"""Are initial weights distributed as torch's, with torch's fans and gains, and from rng alone?"""

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scratch import init

SHAPES = [(300, 200), (200, 300), (64, 128, 5), (64, 64, 3, 5), (40, 40, 3, 3, 3)]  # 40,000 entries or more
SCHEMES = [
    ("xavier_uniform", {}),
    ("xavier_uniform", {"gain": 5 / 3}),
    ("xavier_normal", {"gain": 0.7}),
    ("kaiming_uniform", {}),
    ("kaiming_uniform", {"a": math.sqrt(5)}),
    ("kaiming_uniform", {"mode": "fan_out", "nonlinearity": "relu"}),
    ("kaiming_normal", {"a": 0.2, "mode": "fan_out"}),
    ("kaiming_normal", {"nonlinearity": "tanh"}),
]


class Asked(torch.Tensor):
    """A tensor that keeps what it is asked to draw."""

    def uniform_(self, low, high, generator=None):
        self.low, self.high = low, high
        return self

    def normal_(self, mean, std, generator=None):
        self.mean_asked, self.std_asked = mean, std
        return self


def asked_by_torch(name, shape, options):
    return getattr(torch.nn.init, f"{name}_")(torch.empty(shape).as_subclass(Asked), **options)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("name", "options"), SCHEMES)
def test_what_torch_asks_for_is_drawn(name, options, shape, dtype):
    torchs = asked_by_torch(name, shape, options)
    w = getattr(init, name)(shape, **options, rng=3, dtype=dtype)
    assert w.shape == shape
    assert w.dtype == np.dtype(dtype)
    w = w.astype(float)
    if name.endswith("uniform"):
        half_unit = np.finfo(dtype).eps  # the bound itself is computed in another order and rounded to dtype
        assert np.abs(w).max() <= torchs.high * (1 + 2 * half_unit)
        assert np.abs(w).max() > torchs.high * (1 - 20 / w.size)  # n draws miss it by 20/n once in e²⁰ cases
        variance, fourth = torchs.high**2 / 3, 0.8  # the variance of w²/s² is E[w⁴]/s⁴ − 1 = 9/5 − 1
    else:
        variance, fourth = torchs.std_asked**2, 2.0  # 3 − 1
        beyond = math.erfc(math.sqrt(2))  # the share of a normal distribution beyond 2 s, 5 standard errors of it
        assert (w * w > 4 * variance).mean() == pytest.approx(beyond, abs=5 * math.sqrt(beyond / w.size))
    # n Σ w²/s² is nearly χ²: 5 standard errors of its mean are left once in 2 million draws, and seeds are fixed
    assert (w * w).mean() / variance == pytest.approx(1, abs=5 * math.sqrt(fourth / w.size))
    assert abs(w.mean()) < 5 * math.sqrt(variance / w.size)


def test_normal_and_uniform():
    w = init.normal((100, 400), mean=2.0, std=0.5, rng=0)
    assert w.mean() == pytest.approx(2, abs=5 * 0.5 / 200)  # 5 standard errors of 40,000 draws, here and below
    assert w.var() == pytest.approx(0.25, rel=5 * math.sqrt(2 / w.size))
    assert not init.normal(3, std=0.0, rng=0).any()
    u = init.uniform((100, 400), -1, 3, rng=0, dtype="float32")
    assert u.dtype == np.float32
    assert -1 <= u.min() < u.max() <= 3
    assert u.mean() == pytest.approx(1, abs=5 * 4 / math.sqrt(12) / 200)
    assert init.normal((), rng=0).shape == ()


@given(shape=st.lists(st.integers(0, 7), min_size=2, max_size=5))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_fans_are_torchs(shape):
    assert init.fans(tuple(shape)) == torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))


@pytest.mark.parametrize("name", [*init.LINEAR, "tanh", "relu", "leaky_relu", "selu"])
def test_gains_are_torchs(name):
    assert init.gain(name) == torch.nn.init.calculate_gain(name)
    for slope in (0, 0.2, math.sqrt(5)):
        assert init.gain(name, slope) == torch.nn.init.calculate_gain(name, slope)


def test_the_gain_keeps_the_size_of_what_a_rectifier_lets_through():
    """g² E[act(z)²] = Var[z]: 5 standard errors of a mean of 400,000 squares, whose kurtosis is at most 6."""
    z = np.random.default_rng(0).normal(size=400_000)
    for name, act in (("relu", np.maximum(z, 0)), ("leaky_relu", np.where(z > 0, z, 0.01 * z))):
        assert init.gain(name) ** 2 * (act * act).mean() == pytest.approx(1, abs=5 * math.sqrt(6 / z.size))


def test_a_deep_chain_of_rectifiers_neither_grows_nor_fades():
    """30 layers of 200 units: a gain of 1 in place of √2 would leave 2⁻³⁰ of the mean square.

    The mean of 200 squares, of relative variance 5/200 each, 30 times over: factors of e^{±√0.75}; 4 of those.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 200))
    start = (x * x).mean()
    for _ in range(30):
        x = np.maximum(x @ init.kaiming_normal((200, 200), nonlinearity="relu", rng=rng).T, 0)
    assert 1 / 32 < (x * x).mean() / (start / 2) < 32


@pytest.mark.parametrize("draw", ["normal", "uniform", "xavier_uniform", "xavier_normal", "kaiming_uniform"])
def test_weights_come_from_rng_alone(draw):
    draw = partial(getattr(init, draw), (4, 3))
    assert (draw(rng=1) == draw(rng=1)).all()
    assert (draw(rng=1) != draw(rng=2)).any()
    assert (draw() != draw()).any()
    generator = np.random.default_rng(1)
    first = draw(rng=generator)
    assert (first == draw(rng=1)).all()
    assert (first != draw(rng=generator)).any()
    assert (draw(rng=1, dtype="float32") == draw(rng=1).astype("float32")).all()


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 3, 0), (0, 0)])
def test_nothing_to_draw_is_drawn(shape):
    for name in ("xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal"):
        assert getattr(init, name)(shape).shape == shape


REFUSED = {
    "axes": (
        lambda: init.xavier_uniform((3,)),
        ValueError,
        r"fans: expected a shape .* of two axes or more, got \(3,\)",
    ),
    "mode": (lambda: init.kaiming_normal((3, 4), mode="in"), ValueError, "kaiming_normal: expected mode .* got 'in'"),
    "name": (
        lambda: init.kaiming_uniform((3, 4), nonlinearity="gelu"),
        ValueError,
        "gain: expected one of .* got 'gelu'",
    ),
    "slope": (lambda: init.gain("leaky_relu", True), ValueError, "slope of leaky_relu as a finite number, got True"),
    "nan": (lambda: init.gain("leaky_relu", math.nan), ValueError, "slope of leaky_relu as a finite number, got nan"),
    "dtype": (lambda: init.normal((3, 4), dtype="int64"), TypeError, "normal: expected dtype float32 or float64"),
    "std": (lambda: init.normal((3, 4), std=-1.0), ValueError, "normal: expected std as a number from 0 up, got -1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message) as caught:
        call()
    assert len(str(caught.value).splitlines()) == 1
