"""Do random right subjects raise no false alarm? A sample of what `make soak` runs for long."""

import pytest

from parity_tests.soak import ALARMS, draw, verdict_on


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("seed", range(10_000, 10_040))
def test_right_subjects_raise_no_alarm(seed, dtype):
    configuration = draw(seed, dtype)
    report = configuration.check(seed)
    assert verdict_on(report) not in ALARMS, f"{configuration.name}\n{report}"
