"""Is a repair that holds named for what it shows, and for no more?"""

import pytest

import parity
from parity_tests.test_repair import module

SOURCE = """
import numpy as np


def forward({letters}):
    return {forward}


def backward(dy, {letters}):
    {backward}
"""

NAMED = {
    "a sign that is missing is not there twice": (
        "x",
        "np.sqrt(np.abs(x) + 1)",
        "return dy * 0.5 / np.sqrt(np.abs(x) + 1)",
        "activation-derivative-missing",
    ),
    "a mean over 4 for a sum is a count": (
        "x",
        "np.sqrt((x**2).sum(axis=1))",
        "return dy[:, None] * x / np.sqrt((x**2).mean(axis=1, keepdims=True))",
        "wrong-count",
    ),
    "a bias that backward forgets on its way is no path": (
        "x, W, b, V",
        "np.maximum(x @ W + b, 0) @ V",
        "z = x @ W\n    dz = (dy @ V.T) * (z > 0)\n"
        "    return dz @ W.T, x.T @ dz, dz.sum(axis=0), np.maximum(z, 0).T @ dy",
        "unknown",
    ),
    "a projection on something else is not none": (
        "x",
        "x / np.sqrt((x**2).sum(axis=1, keepdims=True))",
        "n = np.sqrt((x**2).sum(axis=1, keepdims=True))\n    y = x / n\n"
        "    return (dy - y * dy.sum(axis=1, keepdims=True)) / n",
        "unknown",
    ),
    "what is subtracted whatever the upstream gradient is no statistic": (
        "x",
        "x / np.sqrt((x**2).sum(axis=1, keepdims=True))",
        "n = np.sqrt((x**2).sum(axis=1, keepdims=True))\n    y = x / n\n    return (dy - y) / n",
        "unknown",
    ),
    "a sum that lacks a factor is no diagonal": (
        "x",
        "np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)",
        "s = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)\n    return s * (dy - dy.sum(axis=1, keepdims=True))",
        "unknown",
    ),
    "what a mask chooses is no mask": (
        "x, y",
        "np.where(np.abs(x - y) < 1, (x - y) ** 2 / 2, np.abs(x - y) - 0.5)",
        "r = x - y\n    d = dy * np.where(np.abs(r) < 1, y, np.sign(r))\n    return d, -d",
        "unknown",
    ),
}
SHAPES = {"x": (5, 4), "y": (5, 4), "W": (4, 3), "b": (3,), "V": (3, 2)}


@pytest.mark.parametrize("name", NAMED)
def test_the_code_is_what_the_repair_shows(name, tmp_path):
    letters, forward, backward, code = NAMED[name]
    text = SOURCE.format(letters=letters, forward=forward, backward=backward)
    mine = module(tmp_path / "mine.py", text)
    shapes = [SHAPES[letter] for letter in letters.split(", ")]
    findings = parity.check((mine.forward, mine.backward), *shapes).causes
    assert {finding.code for finding in findings} == {code}, findings
    (repair,) = [finding.repair for finding in findings if finding.repair]
    repaired = module(tmp_path / "repaired.py", repair.applied(text))
    parity.assert_parity((repaired.forward, repaired.backward), *shapes, seed=1)
