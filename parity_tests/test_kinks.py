"""At a point without a derivative: is every value between the one-sided limits right, and no other?"""

import re

import numpy as np
import pytest
from torch import nn

import parity

ZEROS = np.array([[0.0, 1.2, -0.4], [0.7, 0.0, -1.1], [0.0, -0.3, 0.9]])
TWINS = {"numeric": None, "twin": nn.ReLU()}
DTYPES = ["float64", "float32"]


def relu(slope_at_zero):
    """max(0, x) with that slope where x is 0."""

    def backward(dy, x):
        return dy * np.where(x == 0, x.dtype.type(slope_at_zero), x > 0).astype(x.dtype)

    return lambda x: np.maximum(x, 0), backward


def verdict(pair, *inputs, **options):
    return parity.check(pair, *inputs, **options).verdict


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("against", TWINS)
@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_values_between_the_limits_are_right(slope, against, dtype):
    report = parity.check(relu(slope), ZEROS, against=TWINS[against], dtype=dtype)
    assert report.ok, report


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("against", TWINS)
@pytest.mark.parametrize("slope", [-0.1, 1.1])
def test_values_beyond_the_limits_are_wrong_on_either_side(slope, against, dtype):
    assert verdict(relu(slope), ZEROS, against=TWINS[against], dtype=dtype) == "fail"


def test_both_limits_are_said():
    report = parity.check(relu(0.5), ZEROS, against=nn.ReLU())
    (finding,) = report.causes
    assert (finding.code, finding.row) == ("kink", "x")
    assert "3 entries stand on a kink" in finding.sentence
    said = re.search(r"any value from (\S+) to (\S+) is right, yours is (\S+)", finding.sentence)
    low, high, yours = map(float, said.groups())
    assert min(abs(low), abs(high)) == 0
    assert yours == pytest.approx((low + high) / 2, rel=1e-4)  # limits are taken 10⁻⁵ beside the kink


@pytest.mark.parametrize("against", TWINS)
def test_data_that_is_all_kinks_proves_nothing(against):
    report = parity.check(relu(0.5), np.zeros((3, 2)), against=TWINS[against])
    assert (report.verdict, report.ok) == ("void", False)


def wrong_elsewhere(dy, x):
    return dy * np.where(x == 0, 0.5, 2 * (x > 0))


@pytest.mark.parametrize("against", TWINS)
def test_a_kink_excuses_no_entry_beside_it(against):
    report = parity.check((lambda x: np.maximum(x, 0), wrong_elsewhere), ZEROS, against=TWINS[against])
    assert report.verdict == "fail"


def pool(share):
    """The maximum of each row; share(mask) spreads the gradient over the entries that tie."""

    def backward(dy, x):
        ties = x == x.max(axis=1, keepdims=True)
        return dy[:, None] * share(ties)

    return lambda x: x.max(axis=1), backward


def to_all(ties):
    return ties * 1.0


def to_the_first(ties):
    return np.eye(ties.shape[1])[ties.argmax(axis=1)]


def evenly(ties):
    return ties / ties.sum(axis=1, keepdims=True)


TIED = np.array([[1.5, -0.3, 1.5], [0.2, 0.7, -1.0], [2.0, 2.0, 2.0]])


@pytest.mark.parametrize("against", [None, lambda x: x.amax(1)], ids=["numeric", "twin"])
@pytest.mark.parametrize("share", [to_all, to_the_first, evenly])
def test_ties_of_a_maximum_may_share_as_they_like(share, against):
    assert parity.check(pool(share), TIED, against=against).ok
    assert verdict(pool(lambda ties: 1.5 * share(ties)), TIED, against=against) == "fail"


class Net:
    """x W, ReLU, V, without a bias; slope: of the ReLU at 0."""

    def __init__(self, slope, W=None):
        rng = np.random.default_rng(4)
        self.W, self.V = (rng.normal(size=(3, 5)) if W is None else W), rng.normal(size=(5, 2))
        self.slope = slope

    def forward(self, x):
        self.x, self.z = x, x @ self.W
        return np.maximum(self.z, 0) @ self.V

    def backward(self, dy):
        self.dV = np.maximum(self.z, 0).T @ dy
        dz = dy @ self.V.T * np.where(self.z == 0, self.z.dtype.type(self.slope), self.z > 0).astype(self.z.dtype)
        self.dW = self.x.T @ dz
        return dz @ self.W.T


ROWS_OF_ZEROS = np.vstack([np.zeros((2, 3)), np.random.default_rng(1).normal(size=(4, 3))])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("against", ["numeric", "twin"])
@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_hidden_units_may_stand_on_kinks(slope, against, dtype):
    """Five meet at each entry of the rows of zeros: more sides than are looked at."""
    twin = nn.Sequential(nn.Linear(3, 5, bias=False), nn.ReLU(), nn.Linear(5, 2, bias=False))
    report = parity.check(Net(slope), ROWS_OF_ZEROS, against=twin if against == "twin" else None, dtype=dtype)
    assert report.ok, report


def test_a_wrong_weight_gradient_is_seen_beside_kinks_of_hidden_units():
    class Wrong(Net):
        def backward(self, dy):
            dx = super().backward(dy)
            self.dW = self.dW * 1.001
            return dx

    report = parity.check(Wrong(1.0), ROWS_OF_ZEROS)
    assert {row.name for row in report.rows if row.verdict == "fail"} == {"W"}


@pytest.mark.parametrize("slope", [0.0, 1.0])
def test_weights_of_zero_prove_nothing_and_are_not_blamed(slope):
    assert verdict(Net(slope, np.zeros((3, 5))), (6, 3)) == "void"


def test_a_kink_is_seen_among_others_that_lie_near():
    """One row at 0, steeper ones so close that a thousandth of a bias of 0 crosses them."""
    z, steepness = np.array([0.0, 2e-4, -3e-4, 5e-4, -2e-4]), np.array([1.0, 20.0, 20.0, 20.0, 20.0])

    def forward(b):
        return steepness * np.maximum(z + b, 0)

    def backward(slope):
        return lambda dy, b: np.sum(dy * steepness * np.where(z == 0, slope, z > 0), keepdims=True)

    assert verdict((forward, backward(0.0)), np.zeros(1)) == "void"
    assert verdict((forward, backward(1.0)), np.zeros(1)) == "pass"  # the side that the reference takes
    assert verdict((forward, backward(1.5)), np.zeros(1)) == "fail"


def test_entries_beside_kinks_are_judged_with_all_that_rounding_explains():
    """|x| / (1 + |x|) at 400: a complex quotient loses digits there, and half of the entries stand on a kink."""
    x = np.concatenate([np.zeros(40), 400 * np.random.default_rng(3).normal(size=40)])
    pair = (lambda x: np.abs(x) / (1 + np.abs(x)), lambda dy, x: dy * np.sign(x) / (1 + np.abs(x)) ** 2)
    report = parity.check(pair, x)
    assert report.ok, report
    assert {finding.code for finding in report.causes} == {"kink"}


def test_a_jump_of_the_forward_is_never_passed():
    """A step function at its jump: no derivative, no limits."""
    report = parity.check((lambda x: 1.0 * (x > 0), lambda dy, x: 0 * dy), np.array([0.0, 1.0, -0.5]))
    assert not report.ok


@pytest.mark.parametrize(
    ("slope", "expected"), [(0.0, "pass"), (0.5, "pass"), (1.0, "pass"), (3.0, "fail"), (-1.0, "fail")]
)
def test_on_kinks_of_large_inputs_the_limits_hold_as_well(slope, expected):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 50)) * (rng.random((60, 50)) > 0.1)
    pair = (lambda x: np.maximum(x, 0), lambda dy, x: dy * np.where(x == 0, slope, x > 0))
    assert verdict(pair, x) == expected
