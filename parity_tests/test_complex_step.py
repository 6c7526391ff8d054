"""Is every backward the complex step of its own forward, where torch cannot be imported at all?"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import scratch
from parity_tests.complex_step import ROUNDING, layer_error


def test_every_case_agrees_to_rounding_without_torch():
    command = [sys.executable, "-m", "parity_tests.complex_step"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "0 differ\n"


class Halved(scratch.Tanh):
    def backward(self, da, slope):
        return da * slope / 2, {}


class BiasForgotten(scratch.Linear):
    def backward(self, dz, x):
        dx, grads = super().backward(dz, x)
        return dx, grads | {"bias": 0 * grads["bias"]}


@pytest.mark.parametrize("wrong", [Halved(), BiasForgotten(4, 3, rng=0)], ids=lambda net: type(net).__name__)
def test_a_wrong_one_differs(wrong):
    rng = np.random.default_rng(0)
    assert layer_error(wrong, [rng.normal(size=(5, 4))], rng) > 1e6 * ROUNDING
