"""Do the planted mistakes that are no wrong formula misbehave as their code says?"""

import numpy as np
import pytest

from parity_tests.mutants import MUTANTS
from parity_tests.plain_judging import error, trial, twin_says, wrong_rows
from parity_tests.plain_reading import copied, reader


def of(*codes):
    chosen = [mutant for mutant in MUTANTS if mutant.code in codes]
    return pytest.mark.parametrize("mutant", chosen, ids=lambda mutant: mutant.name)


@of("accumulated")
def test_a_second_backward_adds_to_the_first(mutant):
    done = trial(mutant)
    _, back = done.start(done.arrays)
    once, twice = back(done.upstream), back(done.upstream)
    assert not wrong_rows(once, done.truth)
    assert {row for row in once if (twice[row] == 2 * once[row]).all()} == mutant.rows


@of("cache-mutated")
def test_a_second_backward_finds_another_cache(mutant):
    done = trial(mutant)
    _, back = done.start(done.arrays)
    once = copied(back(done.upstream))
    assert not wrong_rows(once, done.truth)
    try:
        assert wrong_rows(back(done.upstream), once) == mutant.rows
    except IndexError:  # there is none left: nothing is right
        assert mutant.rows == set(once)


@of("updated-weights")
def test_weights_move_with_every_backward(mutant):
    done = trial(mutant)
    _, back = done.start(done.arrays)
    assert wrong_rows(back(done.upstream), copied(back(done.upstream))) == mutant.rows


@of("input-mutated")
def test_an_input_or_upstream_gradient_is_changed(mutant):
    done = trial(mutant)
    _, _, start = reader(mutant.build())(mutant.build(), list(done.inputs.values()))
    arrays, upstream = copied(done.arrays), [g.copy() for g in done.upstream]
    start(arrays)[1](upstream)
    kept = all((arrays[name] == done.arrays[name]).all() for name in arrays)
    assert not (kept and (upstream[0] == done.upstream[0]).all())


@of("nondeterministic")
def test_equal_calls_differ(mutant):
    done = trial(mutant)
    (first, back), (second, other) = done.start(done.arrays), done.start(done.arrays)
    outputs = wrong_rows({"output": first[0]}, {"output": second[0]})
    again = other if outputs else back
    assert outputs | wrong_rows(back(done.upstream), again(done.upstream)) == mutant.rows


@of("upstream-ignored")
def test_the_gradient_does_not_scale_with_the_upstream_gradient(mutant):
    """All of it, or a term, is the same whatever comes from above."""
    done = trial(mutant)
    _, back = done.start(done.arrays)
    once, scaled = back(done.upstream), back([3 * g for g in done.upstream])
    assert {row for row in once if not np.allclose(3 * once[row], scaled[row])} == mutant.rows


@of("batch-of-one-only")
def test_a_batch_of_one_is_right(mutant):
    done = trial(mutant, rows=1)
    assert not wrong_rows(done.gradients(), done.truth)


@of("kink")
def test_its_choice_lies_between_the_one_sided_limits(mutant):
    done = trial(mutant)
    ((row, ours),) = done.gradients().items()
    right, left = done.differences(row, (1e-6, 0)), done.differences(row, (0, -1e-6))
    low, high = np.minimum(left, right), np.maximum(left, right)
    assert (high - low).max() > 0.1
    assert ((low - 1e-6 <= ours) & (ours <= high + 1e-6)).all()  # differences of straight lines, to rounding
    if mutant.against:
        assert error(ours, twin_says(mutant.twin(), done)[1][row]) > 0.1


@of("cancellation")
def test_digits_are_lost_in_float32_alone(mutant):
    right = trial(mutant, mutant.repaired())
    assert not wrong_rows(trial(mutant).gradients(), right.truth)
    assert digits_lost(trial(mutant, dtype="float32"), right) == mutant.rows
    assert not digits_lost(trial(mutant, mutant.repaired(), dtype="float32"), right)


def digits_lost(single, double):
    """The rows of which half the entries are further off than 1e-4, some 800 roundings of float32."""
    ours, right = (done.outputs() | done.gradients() for done in (single, double))
    return {row for row in right if np.median(np.abs(ours[row] / right[row] - 1)) > 1e-4}


@of("low-precision")
def test_the_error_is_that_of_a_lower_precision(mutant):
    ours, right = trial(mutant).gradients(), trial(mutant, mutant.repaired()).gradients()
    lost = {row for row in right if error(ours[row], right[row]) > 1e-10}  # float64 itself is at 1e-15
    assert lost == mutant.rows
    assert all(error(ours[row], right[row]) < 1e-2 for row in right)  # float16 rounds at 5e-4
    assert all(ours[row].dtype == "float64" for row in right)


@of("non-finite")
@pytest.mark.filterwarnings("ignore:(overflow|invalid value|divide by zero)")
def test_infinities_or_nan_appear(mutant):
    done = trial(mutant)
    found = done.outputs() | done.gradients()
    assert {row for row, value in found.items() if not np.isfinite(value).all()} == mutant.rows


@of("dtype-changed")
def test_float32_does_not_stay_float32(mutant):
    done = trial(mutant, dtype="float32")
    assert done.outputs()["output"].dtype == "float32"
    assert {row for row, value in done.gradients().items() if value.dtype != "float32"} == mutant.rows
    repaired = trial(mutant, mutant.repaired(), dtype="float32")
    assert all(value.dtype == "float32" for value in repaired.gradients().values())


@of("shape-mismatch")
def test_the_shape_is_another(mutant):
    done = trial(mutant)
    assert {row for row, value in done.gradients().items() if value.shape != done.arrays[row].shape} == mutant.rows


@of("raised")
def test_backward_raises(mutant):
    with pytest.raises((ValueError, AttributeError, RuntimeError)):
        trial(mutant).gradients()
