"""Kinks at the end of the data or of a domain, by central differences, and in low precision."""

import numpy as np
import pytest

import parity
from parity_tests.planted.torch_functions import Clamp
from parity_tests.test_kinks import TWINS, relu, verdict

SLOPES = [(0.0, "pass"), (0.5, "pass"), (1.0, "pass"), (-0.1, "fail"), (1.1, "fail")]


@pytest.mark.parametrize(("slope", "said"), SLOPES)
@pytest.mark.parametrize("against", TWINS)
def test_a_kink_at_the_end_of_the_data_is_one(slope, said, against):
    """Nothing of the data is negative, yet the function goes on there."""
    assert verdict(relu(slope), np.array([6.38, 0.0]), against=TWINS[against]) == said


def of_root(slope_at_zero):
    """x³ᐟ², which has no values below 0; its derivative at 0 is 0."""
    return lambda x: x**1.5, lambda dy, x: dy * np.where(x == 0, slope_at_zero, 1.5 * np.sqrt(x))


@pytest.mark.parametrize(("slope", "said"), [(0.0, "pass"), (0.5, "fail")])
def test_the_end_of_a_domain_is_no_kink(slope, said):
    assert verdict(of_root(slope), np.array([2.0, 0.0, 1.0])) == said


def test_the_end_of_a_domain_hides_no_kink_elsewhere():
    def product(x):
        return x**1.5 * np.maximum(x - 1, 0)

    def backward(dy, x):
        return dy * (1.5 * x**0.5 * np.maximum(x - 1, 0) + x**1.5 * (x > 1))

    assert verdict((product, backward), np.array([0.0, 1.0, 0.5, 1.0, 2.0, 0.0])) == "pass"


@pytest.mark.parametrize(("factor", "said"), [(1.0, "pass"), (1.001, "fail")])
def test_the_end_of_a_domain_among_thousands_of_entries(factor, said):
    x = np.abs(np.random.default_rng(0).normal(size=(60, 50)))
    x[3, 4] = 0
    assert verdict((lambda x: x**1.5, lambda dy, x: factor * dy * 1.5 * x**0.5), x) == said


def elu(slope_at_zero):
    """z for z > 0, 1.5 (eᶻ − 1) below: curved on one side of its kink."""

    def backward(dy, z):
        return dy * np.where(z == 0, slope_at_zero, np.where(z > 0, 1, 1.5 * np.exp(np.minimum(z, 0))))

    return lambda z: np.where(z > 0, z, 1.5 * np.expm1(np.minimum(z, 0))), backward


@pytest.mark.parametrize(("slope", "said"), [(1.0, "pass"), (1.5, "pass"), (0.98, "fail"), (1.52, "fail")])
def test_limits_are_taken_from_the_curve_on_either_side(slope, said):
    """Beside entries of 30 the nearest points are 3e-4 from the kink, where the slope has fallen by as much."""
    z = 30 * np.random.default_rng(0).normal(size=(5, 4))
    z[[0, 1, 3, 4], [0, 0, 1, 3]] = 0
    assert verdict(elu(slope), z) == said


def of_floats(x):
    """max(x, 1) by Python's own floats: no complex step passes."""
    return np.array([max(float(v), 1.0) for v in x])


@pytest.mark.parametrize(("slope", "said"), [(0.0, "pass"), (1.0, "pass"), (1.2, "fail")])
def test_a_kink_away_from_zero_by_central_differences(slope, said):
    backward = lambda dy, x: dy * np.where(x == 1, slope, x > 1)  # noqa: E731
    assert verdict((of_floats, backward), np.array([1.0, 0.2, 3.0])) == said


@pytest.mark.parametrize("batch", [1, 3])
def test_what_bfloat16_rounds_to_a_kink_stands_on_one(batch):
    """−0.9995 is no bfloat16: the subject sees −1."""
    x = np.repeat([[-0.9995249, 0.90717006, 1.6421897, -0.8139803]], batch, axis=0).astype(np.float32)
    report = parity.check(Clamp.apply, x, dtype="bfloat16")
    assert report.verdict == "pass", report
    assert [finding.code for finding in report.causes] == ["kink"]
