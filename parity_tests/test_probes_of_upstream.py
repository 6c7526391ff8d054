"""Is a backward that is not linear in its upstream gradient found, and said in the right words?"""

import numpy as np
import pytest

import parity
from parity_tests.keepers import Affine

UPSTREAM = {
    "ones": (lambda dz: np.ones_like(dz), "upstream-ignored", "it is not multiplied in"),
    "sign": (np.abs, None, "depends on the sign of the upstream gradient"),
    "square": (lambda dz: dz * dz, None, "depends on the size of the upstream gradient"),
    "clipped": (lambda dz: np.clip(dz, -3, 3), None, "depends on the size of the upstream gradient"),
}


@pytest.mark.parametrize("name", UPSTREAM)
def test_a_backward_that_is_not_linear_in_its_upstream_gradient_is_found(name):
    change, code, said = UPSTREAM[name]

    class Changed(Affine):
        def backward(self, dz):
            return super().backward(change(dz))

    report = parity.check(Changed(), (5, 4))
    causes = {row.cause for row in report.rows if row.verdict == "fail"}
    assert {row.name for row in report.rows if row.verdict == "fail"} == {"x", "W", "b"}
    assert code is None or causes == {code}
    assert said in str(report)


def test_a_row_that_agrees_here_and_fails_elsewhere_gives_no_two_equal_numbers():
    class Clipped(Affine):
        def backward(self, dz):
            return super().backward(np.clip(dz, -3, 3))  # never reached by the upstream gradient itself

    report = parity.check(Clipped(), (5, 4))
    assert "should be" not in str(report)
    assert str(report).count("gradient by W depends on the size") == 1
