"""Are activations and softmax torch's on any shape and layout, and right to the last digits where units saturate?"""

import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import scratch
from scratch.layers import activations
from scratch.layers.normal import normal_tail

drawn = settings(derandomize=True, max_examples=25, deadline=None)
DTYPES = (np.float64, np.float32)
number, dim = st.floats(-3, 3), st.integers(-3, 2)
OPTIONS = {
    **dict.fromkeys(("Sigmoid", "Tanh", "ReLU", "SiLU"), st.tuples()),
    **dict.fromkeys(("LeakyReLU", "ELU"), st.tuples(number)),
    **dict.fromkeys(("Softmax", "LogSoftmax"), st.tuples(dim)),
    "GELU": st.tuples(st.sampled_from(["none", "tanh"])),
    "Softplus": st.tuples(st.floats(0.1, 5), st.floats(-2, 30)),
}
KINDS = ("Sigmoid", "Tanh", "ReLU", "LeakyReLU", "ELU", "GELU", "SiLU", "Softplus")
ALL = {kind: getattr(scratch, kind)() for kind in KINDS} | {"GELU-tanh": scratch.GELU("tanh")}
ALL |= {"Softmax": scratch.Softmax(-1), "LogSoftmax": scratch.LogSoftmax(-1)}
each = pytest.mark.parametrize("layer", ALL.values(), ids=ALL)


def pair(name, *options):
    return getattr(scratch, name)(*options), getattr(nn, name)(*options)


def both(layer, z, da):
    """(a, dz) by hand."""
    a, cache = layer.forward(z)
    dz, grads = layer.backward(da, cache)
    assert grads == {}
    return a, dz


def by_torch(twin, z, da):
    x = torch.tensor(z, requires_grad=True)
    a = twin(x)
    (dz,) = torch.autograd.grad(a, x, torch.tensor(da))
    return a.detach().numpy(), dz.numpy()


def assert_as_torch(layer, twin, z, da):
    for ours, theirs in zip(both(layer, z, da), by_torch(twin, z, da), strict=True):
        assert ours.dtype == z.dtype
        # torch's own forms round like their largest term: for GELU 1 + erf, for SiLU 1 + z (1 − σ), both times |da|
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14, strict=True)


@pytest.mark.parametrize("name", OPTIONS)
@drawn
@given(data=st.data())
def test_any_shape_size_and_option_is_as_torch(name, data):
    axes = 3 if name.endswith("oftmax") else data.draw(st.integers(0, 4))
    shape, size = data.draw(st.tuples(*[st.integers(0, 5)] * axes)), data.draw(st.sampled_from([1e-8, 1.0, 8.0, 40.0]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    assert_as_torch(*pair(name, *data.draw(OPTIONS[name])), size * rng.normal(size=shape), rng.normal(size=shape))


KINKS = {"ReLU": ((), 0.0), "LeakyReLU": ((0.2,), 0.0), "ELU": ((0.5,), 0.0), "Softplus": ((2.0, 3.0), 1.5)}


@pytest.mark.parametrize("name", KINKS)
def test_kinks_are_taken_as_torch_does(name):
    options, kink = KINKS[name]
    z = np.array([kink, np.nextafter(kink, 9), np.nextafter(kink, -9)])
    assert_as_torch(*pair(name, *options), z, np.full(3, 0.7))


@each
@pytest.mark.parametrize("dtype", DTYPES)
def test_any_memory_layout_gives_the_same_numbers(layer, dtype):
    rng = np.random.default_rng(0)
    z, da = rng.normal(size=(2, 4, 6)).astype(dtype)
    wide = np.repeat(z, 2, axis=1)
    readonly = z.copy()
    readonly.flags.writeable = False
    expected = both(layer, z, da)
    for other in (np.asfortranarray(z), wide[:, ::2], z[::-1, ::-1].copy()[::-1, ::-1], readonly):
        for found, right in zip(both(layer, other, da), expected, strict=True):
            np.testing.assert_allclose(found, right, rtol=4 * np.finfo(dtype).eps, strict=True)
    assert (z == readonly).all()


@pytest.mark.parametrize("layer", [layer for name, layer in ALL.items() if not name.endswith("oftmax")], ids=repr)
def test_large_arrays_are_worked_in_blocks_with_the_same_result(layer, monkeypatch):
    rng = np.random.default_rng(1)
    z, da = rng.normal(size=(2, 9, 11))
    expected = both(layer, z, da)
    monkeypatch.setattr(activations, "BLOCK", 10)
    for found, right in zip(both(layer, np.asfortranarray(z), da), expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-15, strict=True)


@each
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1e-38, 1e-8, 1e8, 1e30, 3e38])
def test_huge_and_tiny_inputs_stay_finite_without_warnings(layer, dtype, size):
    z = size * np.array([[1.0, -1.0, 0.25, -0.5, 0.0]])
    a, dz = both(layer, z.astype(dtype), np.ones((1, 5), dtype))
    assert np.isnan(layer(np.array([[np.nan, size]], dtype))[0, 0])  # nor is NaN hidden
    assert np.isfinite(a).all() or (size == 3e38 and dtype is np.float32 and isinstance(layer, scratch.LogSoftmax))
    assert np.isfinite(dz).all()


@each
def test_an_empty_batch_is_an_empty_result(layer):
    for shape in ((0, 3), (3, 0), (2, 0, 4)):
        a, dz = both(layer, np.ones(shape), np.ones(shape))
        assert a.shape == dz.shape == shape


@pytest.mark.parametrize("kind", [scratch.GELU, scratch.SiLU, scratch.Softplus, scratch.Sigmoid, scratch.Tanh])
@pytest.mark.parametrize("step", [1e-30, -1e-30])
def test_a_complex_step_passes_at_zero_in_both_directions(kind, step):
    """Where values are split by sign, both halves must be the same analytic function of the step."""
    moved = kind()(np.array([step * 1j]))
    assert moved.imag[0] / step == pytest.approx(both(kind(), np.zeros(1), np.ones(1))[1][0], rel=1e-14)


mpmath.mp.dps = 60
LOG = scratch.LogSoftmax(-1)


def units_of(found, truth):
    return abs(float((mpmath.mpf(float(found)) - truth) / truth)) / np.finfo(found.dtype).eps


def sigma(z):
    return 1 / (1 + mpmath.exp(-z))


def gelu_tanh(z):
    return z * sigma(2 * mpmath.sqrt(2 / mpmath.pi) * (z + mpmath.mpf(0.044715) * z**3))


EXACT = {  # slopes are its derivative
    "Sigmoid": sigma,
    "Tanh": mpmath.tanh,
    "ELU": lambda z: z if z > 0 else mpmath.expm1(z),
    "GELU": lambda z: z * mpmath.ncdf(z),
    "GELU-tanh": gelu_tanh,
    "SiLU": lambda z: z * sigma(z),
    "Softplus": lambda z: mpmath.log1p(mpmath.exp(z)) if z <= 20 else z,
}
POINTS = [sign * point for point in (1e-8, 0.3, 1.0, 2.5, 5.0, 8.0, 12.0) for sign in (1, -1)]


def exponents(name, z):
    """The exponent of e that the value goes by, whose own rounding no form of it escapes: one unit for each 1."""
    cubic = 2 * math.sqrt(2 / math.pi) * (abs(z) + 0.044715 * abs(z) ** 3)
    return {"GELU": z * z, "GELU-tanh": 3 * cubic}.get(name, abs(z))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", EXACT)
def test_values_and_slopes_keep_their_digits_in_both_tails(name, dtype):
    """Within 16 units in the last place and what the exponent's rounding explains; 1 + erf loses all at z = −8."""
    z = np.array(POINTS, dtype)
    a, slope = both(ALL[name], z, np.ones_like(z))
    for i, point in enumerate(z):
        exact = mpmath.mpf(float(point))
        value, derivative = EXACT[name](exact), mpmath.diff(EXACT[name], exact, h=mpmath.mpf(10) ** -20)
        for found, truth in ((a[i], value), (slope[i], derivative)):
            if abs(truth) > np.finfo(dtype).tiny:
                assert units_of(found, truth) <= 16 + 2 * exponents(name, float(point)), point


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_normal_tail_is_right_over_its_whole_range(dtype):
    """4 units for P and its products, u²/2 for the exponent of e^{−u²/2}; below the normal numbers digits end."""
    u = np.linspace(0, 13.0 if dtype is np.float32 else 37.0, 300).astype(dtype)
    q, density = normal_tail(u)
    for found, f in ((q, lambda x: mpmath.ncdf(-x)), (density, mpmath.npdf)):
        units = np.array([units_of(y, f(mpmath.mpf(float(x)))) for x, y in zip(u, found, strict=True)])
        assert (units <= 4 + u * u / 2).all()
    assert normal_tail(np.array([60.0, 1e3], dtype))[0].tolist() == [0, 0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gap", [0.0, 1.0, 12.0, 30.0, 80.0])
def test_shares_near_one_keep_their_digits(gap, dtype):
    """softmax and log-softmax and their gradients, entry by entry, for one score far ahead; da picks each entry."""
    z = np.array([[gap, 0.0, -gap]], dtype)
    e = [mpmath.exp(mpmath.mpf(float(x))) for x in z[0]]
    rest = [sum(e[:k] + e[k + 1 :]) for k in range(3)]
    total, log_p = sum(e), LOG(z)
    for k in range(3):
        assert units_of(log_p[0, k], -mpmath.log1p(rest[k] / e[k])) <= 8
        da = np.eye(3, dtype=dtype)[k][None]
        dz, dlog = (layer.backward(da, layer.forward(z)[1])[0][0] for layer in (scratch.Softmax(-1), LOG))
        for j in range(3):
            of_log = rest[j] / total if j == k else -e[j] / total
            of_share = of_log * e[k] / total
            for found, exact in ((dlog[j], of_log), (dz[j], of_share)):
                assert abs(exact) < np.finfo(dtype).tiny or units_of(found, exact) <= 8


def test_a_masked_score_has_no_share():
    z, da = np.array([[0.5, -np.inf, 2.0]]), np.array([[1.0, 2.0, 3.0]])
    assert_as_torch(*pair("Softmax", 1), z, da)
    a, p = LOG.forward(z)
    assert (a[0, 1], p[0, 1]) == (-np.inf, 0)


def test_options_keep_float32():
    """A NumPy number would promote; its value alone is kept."""
    for layer in (scratch.LeakyReLU(np.float64(0.1)), scratch.ELU(np.float64(2)), scratch.Softplus(np.float64(2))):
        assert layer(np.ones((2, 3), "f")).dtype == np.float32


def test_reprs_name_the_options():
    assert [repr(layer) for layer in ALL.values()] == [
        *("Sigmoid()", "Tanh()", "ReLU()", "LeakyReLU(negative_slope=0.01)", "ELU(alpha=1.0)"),
        *("GELU(approximate='none')", "SiLU()", "Softplus(beta=1.0, threshold=20.0)", "GELU(approximate='tanh')"),
        *("Softmax(dim=-1)", "LogSoftmax(dim=-1)"),
    ]
