"""Are smooth functions, however steep and however scaled, taken for no kinks?"""

import numpy as np
import pytest

import parity
from parity_tests.test_kinks import verdict


def steep(factor, scale=1.0):
    return lambda x: np.tanh(factor * x), lambda dy, x: scale * dy * factor / np.cosh(factor * x) ** 2


@pytest.mark.parametrize("factor", [1.0, 30.0, 1e3, 1e4])
def test_smooth_steep_functions_are_no_kinks(factor):
    """Steps of 10⁻³ and 10⁻⁵ of the size of x both change the slope where x is 1/factor of the largest."""
    x = np.array([[0.0, 0.1, -0.2], [1.5, -0.7, 0.4]]) / factor
    report = parity.check(steep(factor), x)
    assert report.ok, report
    assert not report.causes
    assert verdict(steep(factor, 0.9), x) == "fail"


def test_columns_of_different_scale_are_no_kinks():
    scale = np.array([1e6, 1.0, 1e-6])
    x = np.array([[0.3, -1.2, 0.7], [2.1, -0.4, 1.6]]) * scale

    def forward(x):
        return np.tanh(x / scale)

    def backward(factor):
        return lambda dy, x: factor * dy / np.cosh(x / scale) ** 2 / scale

    right = parity.check((forward, backward(1.0)), x)
    assert right.ok, right
    assert not right.causes
    assert verdict((forward, backward(1.001)), x) == "fail"
