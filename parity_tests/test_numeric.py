"""Are numerical derivatives of the subject's own forward right, to rounding where the complex step passes?"""

import math

import numpy as np
import pytest

import parity
from parity.subjects import read
from parity.witnesses.numeric import Numeric

X = np.array([[0.3, -1.2, 0.7], [2.1, -0.4, 1.6]])
W = np.array([[0.5, -0.2], [1.5, 0.9], [-0.7, 0.3]])
G = np.array([[1.3, -0.6, 0.8], [-1.1, 0.9, 0.4]])
COMPLEX, CENTRAL = "complex step", "central differences"


def witnessed(forward, *arrays, upstream=None):
    """(the method, {name: gradient}) of the numerical witness on a forward alone."""
    hand = read((forward, lambda dy, *given: tuple(map(np.zeros_like, given))), arrays)
    given = dict(zip(hand.input_names, arrays, strict=True))
    numeric = Numeric(hand, [("input", name) for name in given])
    with np.errstate(all="ignore"):  # as in a check
        outputs = np.asarray(forward(*arrays))
        found = numeric.run(given, [np.ones(outputs.shape) if upstream is None else upstream])
    return numeric.method, {name: found["input", name] for name in given}


def sign(x):
    return np.where(x < 0, -1.0, 1.0)


def with_zeros(x):
    out = np.zeros(x.shape)
    for i in range(len(x)):
        out[i] = x[i] ** 2
    return out


def softplus(x):
    return np.logaddexp(0, x)


PASSING = {  # name: forward, derivative
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "abs": (np.abs, sign),
    "builtin-abs": (abs, sign),
    "softsign": (lambda x: x / (1 + np.abs(x)), lambda x: 1 / (1 + np.abs(x)) ** 2),
    "x-sign": (lambda x: x * np.sign(x), sign),
    "softplus": (softplus, lambda x: 1 / (1 + np.exp(-x))),
    "norm": (lambda x: np.linalg.norm(x, axis=1, keepdims=True) + 0 * x, None),
    "asarray-float": (lambda x: np.asarray(x, dtype=float) ** 3, lambda x: 3 * x**2),
    "array-float64": (lambda x: np.array(x, np.float64) ** 3, lambda x: 3 * x**2),
    "zeros": (with_zeros, lambda x: 2 * x),
    "where": (lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x > 0, 1, 0.1)),
    "clip": (lambda x: np.clip(x, -1, 1), lambda x: (np.abs(x) < 1) * 1.0),
    "maximum": (lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0),
    "copysign-free-hypot": (lambda x: np.hypot(x, 2.0), lambda x: x / np.hypot(x, 2.0)),
    "cumsum": (lambda x: np.cumsum(x**2, axis=1), None),
    "einsum": (lambda x: np.einsum("ij,ij->ij", x, x), lambda x: 2 * x),
}
CLOSED = {
    "norm": lambda x, g: g.sum(axis=1, keepdims=True) * x / np.sqrt((x * x).sum(axis=1, keepdims=True)),
    "cumsum": lambda x, g: 2 * x * np.cumsum(g[:, ::-1], axis=1)[:, ::-1],
}


def expected(name, table):
    derivative = table[name][1]
    return CLOSED[name](X, G) if derivative is None else G * derivative(X)


@pytest.mark.parametrize("name", PASSING)
def test_the_complex_step_is_exact_to_rounding(name):
    """A few operations, each rounded by half a unit: 16 units of the largest entry leave room for 32 of them."""
    method, found = witnessed(PASSING[name][0], X, upstream=G)
    assert method == COMPLEX
    right = expected(name, PASSING)
    assert np.abs(found["x" if "x" in found else "x0"] - right).max() <= 16 * np.spacing(np.abs(right).max())


REFUSING = {
    "float": (lambda x: np.array([[math.exp(float(v)) for v in row] for row in x]), np.exp),
    "astype": (lambda x: np.tanh(x.astype(np.float64)), lambda x: 1 / np.cosh(x) ** 2),
    "math": (lambda x: np.array([[math.sin(v) for v in row] for row in x]), np.cos),
    "floats-out": (lambda x: np.array([v.real**2 for v in x.ravel()]).reshape(x.shape), lambda x: 2 * x),
    "cbrt": (np.cbrt, lambda x: 1 / (3 * np.cbrt(x) ** 2)),
    "singular-values": (lambda x: 0 * x + np.linalg.svd(x, compute_uv=False).sum(), None),
    "power": (lambda x: 0 * x + (np.abs(np.fft.fft(x, axis=1)) ** 2).sum(axis=1, keepdims=True), None),
}
CLOSED["power"] = lambda x, g: g.sum(axis=1, keepdims=True) * 2 * x.shape[1] * x  # Parseval: Σ|F|² = n Σ x²
CLOSED["singular-values"] = lambda x, g: g.sum() * np.matmul(*np.linalg.svd(x, full_matrices=False)[::2])


@pytest.mark.parametrize("name", REFUSING)
def test_central_differences_stay_within_the_error_that_they_state(name):
    """Rounding of J divided by the best step, about ε^(4/5) of a smooth function: 10⁻¹⁰ allows a hundredfold."""
    forward = REFUSING[name][0]
    hand = read((forward, lambda dy, x: dy), (X,))
    numeric = Numeric(hand, [("input", hand.input_names[0])])
    key = ("input", hand.input_names[0])
    found = numeric.run({key[1]: X}, [G])[key]
    right = expected(name, REFUSING)
    assert numeric.method == CENTRAL
    assert (np.abs(found - right) <= numeric.own_error[key]).all()
    assert numeric.own_error[key].max() <= 1e-10 * np.abs(right).max()


def penalty(x, w):
    return np.sum((x @ w) ** 2) + 1e-6 * sum(abs(v.real) for v in w.ravel())


def test_a_step_that_one_small_term_loses_is_noticed():
    """A penalty of 10⁻⁶ |w| through Python's floats: the complex step sees all but that."""
    method, found = witnessed(penalty, X, W)
    assert method == CENTRAL
    assert found["w"] == pytest.approx(2 * X.T @ (X @ W) + 1e-6 * np.sign(W), rel=1e-9)  # see central differences


def test_a_step_that_one_small_array_loses_is_noticed():
    def forward(x, scale):
        return x * 1e3 + float(scale[0].real)

    method, found = witnessed(forward, X, np.array([1e-3]), upstream=G)
    assert method == CENTRAL
    assert found["scale"] == pytest.approx(G.sum(), rel=1e-6)  # 10⁻⁶ of J at 10³: rounding of J over the step 10⁻³


def test_features_of_different_scale_are_moved_by_their_own():
    scale = np.array([1e6, 1.0, 1e-6])
    x, w = X * scale, W / scale[:, None]
    method, found = witnessed(lambda x, w: np.tanh(x @ w), x, w)
    slope = 1 / np.cosh(X @ W) ** 2
    assert method == COMPLEX
    assert found["x"] == pytest.approx(slope @ w.T, rel=1e-13)  # as above, sums of two terms
    assert found["w"] == pytest.approx(x.T @ slope, rel=1e-13)


@pytest.mark.parametrize("size", [1e4, 1e8])
def test_functions_that_turn_many_times_within_the_size_of_x(size):
    method, found = witnessed(lambda x: np.sin(x), size * X, upstream=G)
    assert method == COMPLEX
    assert found["x"] == pytest.approx(G * np.cos(size * X), rel=1e-13)  # a few roundings


def test_a_unit_that_overflows_costs_the_others_nothing():
    """exp of 800 is infinite: 1 / (1 + e⁸⁰⁰) is 0, and so is its derivative."""
    x = np.array([[0.3, -800.0, 0.7], [900.0, -0.4, -1600.0]])
    method, found = witnessed(lambda x: 1 / (1 + np.exp(-x)), x, upstream=G)
    y = 1 / (1 + np.exp(-np.clip(x, -700, 700)))
    assert method == COMPLEX
    assert found["x"] == pytest.approx(G * y * (1 - y), rel=1e-13, abs=1e-200)


def test_an_array_that_is_not_used_has_a_gradient_of_zeros():
    method, found = witnessed(lambda x, w: np.tanh(x), X, W, upstream=G)
    assert method == COMPLEX
    assert not found["w"].any()


def test_an_input_without_entries_is_no_error():
    assert parity.check((lambda x: 2 * x, lambda dy, x: 2 * dy), (5, 0)).verdict == "void"
