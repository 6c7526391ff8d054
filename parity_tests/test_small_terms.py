"""Does a term of the forward count however small it is, where the complex step alone would lose it?"""

import numpy as np
import pytest

import parity


def weight_decay(decay):
    def forward(x, w):
        return np.sum((x @ w) ** 2) + decay * np.sum(np.abs(w))

    def backward(dJ, x, w):
        z = x @ w
        return dJ * 2 * z @ w.T, dJ * (2 * x.T @ z + decay * np.sign(w))

    def forgotten(dJ, x, w):
        z = x @ w
        return dJ * 2 * z @ w.T, dJ * 2 * x.T @ z

    return forward, backward, forgotten


@pytest.mark.parametrize("decay", [1e-3, 1e-6, 1e-9])
def test_an_absolute_penalty_counts_however_small_it_is(decay):
    forward, backward, forgotten = weight_decay(decay)
    assert parity.check((forward, backward), (5, 3), (3, 2)).ok
    report = parity.check((forward, forgotten), (5, 3), (3, 2))
    assert {row.name for row in report.rows if row.verdict == "fail"} == {"w"}


def spectrum(x):
    return np.abs(np.fft.rfft(x, axis=1)) ** 2


def spectrum_back(dy, x):
    """|F_k|² = Σ x_m x_n cos(2π k (m − n) / N)."""
    n = np.arange(x.shape[1])
    angles = 2 * np.pi * np.arange(dy.shape[1])[:, None, None] * (n[:, None] - n) / x.shape[1]
    return 2 * np.einsum("ik,kmn,in->im", dy, np.cos(angles), x)


def one_flipped(dy, x):
    dx = spectrum_back(dy, x)
    dx[0, 1] *= -1
    return dx


def test_complex_numbers_of_the_forwards_own_are_no_step():
    assert parity.check((spectrum, spectrum_back), (3, 5)).ok
    report = parity.check((spectrum, one_flipped), (3, 5))
    assert report.verdict == "fail"
    assert report.rows[1].worst.index == (0, 1)


def normalised(epsilon):
    def forward(x):
        return (x - x.mean(0)) / np.sqrt(x.var(0) + epsilon)

    def backward(dy, x):
        scale = np.sqrt(np.var(x, axis=0) + epsilon)
        xhat = (x - x.mean(0)) / scale
        return (dy - dy.mean(0) - xhat * (dy * xhat).mean(0)) / scale

    def constant(dy, x):
        return (dy - dy.mean(0)) / np.sqrt(x.var(0) + epsilon)

    return forward, backward, constant


@pytest.mark.parametrize("epsilon", [1e-5, 1e3])
def test_a_variance_counts_however_little_it_matters(epsilon):
    """np.var of complex numbers is real: the step through it would be lost."""
    forward, backward, constant = normalised(epsilon)
    report = parity.check((forward, backward), (6, 4))
    assert report.ok, report
    assert "complex step" in report.title
    assert parity.check((forward, constant), (6, 4)).verdict == "fail"
