"""Is a length that a repair divides by the one that is meant, where others happen to be as long?"""

import numpy as np
import pytest

import parity


class MeanOfWords:
    """Word vectors, averaged over each sentence, then a linear layer; backward forgets to divide by the words."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.E, self.W, self.b = rng.normal(size=(10, 4)), rng.normal(size=(4, 3)), rng.normal(size=3)

    def forward(self, words):
        self.words = words
        self.mean = self.E[words].mean(axis=1)
        return self.mean @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.mean.T @ dout, dout.sum(axis=0)
        dmean = dout @ self.W.T
        self.dE = np.zeros_like(self.E)
        np.add.at(self.dE, self.words, np.repeat(dmean[:, None, :], self.words.shape[1], axis=1))


class MeanOfTwoNetworks:
    """As many columns come in as there are other weights, which no list of parameters tells from the data."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.scale, self.hidden = 1.5, rng.normal(size=(2, 4))

    def forward(self, x):
        self.x = x
        return self.scale * (x**2).mean(axis=1) + (self.hidden**2).sum()

    def backward(self, dout):
        self.dhidden = 2 * self.hidden * dout.sum()
        return 2 * self.scale * self.x * dout[:, None]


@pytest.mark.parametrize(
    ("subject", "given", "length"),
    [
        (MeanOfWords(), np.array([[0, 2, 1], [3, 3, 9]]), "self.words.shape[1]"),
        (MeanOfTwoNetworks(), np.arange(1.0, 13.0).reshape(3, 4), "self.x.shape[1]"),
    ],
)
def test_of_equal_lengths_the_one_that_the_forward_averages_over_is_taken(subject, given, length):
    report = parity.check(subject, given)
    (finding,) = report.causes
    assert f"/ {length}" in finding.repair.new, str(report)
