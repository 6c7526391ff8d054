"""Is every planted mistake caught, located, and named rightly or not at all, and does the repair make it right?"""

from functools import cache

import pytest

from parity_tests.mutants import MUTANTS, RIGHT, TWO_MISTAKES
from parity_tests.scoring import checked, repaired_in_place, scored

MUTANT_NAMES = {mutant.name: mutant for mutant in MUTANTS}
NAMED = 0.95  # of all planted mistakes, at least; the others are called unknown, never something else


@cache
def score(name):
    return scored(MUTANT_NAMES[name])


@pytest.mark.parametrize("name", MUTANT_NAMES)
def test_every_mistake_is_caught_located_and_never_misnamed(name):
    found = score(name)
    assert found.caught, str(found.report)
    assert found.rows, str(found.report)
    assert found.line, str(found.report)
    assert found.named != "wrong", f"{found.mutant.code} called {found.codes}\n{found.report}"


FORMULAS = [mutant.name for mutant in MUTANTS if mutant.formula]
REPAIRED = 0.85  # of the formula mistakes, at least; the others need a whole term, or a name that is not in scope


@pytest.mark.parametrize("name", MUTANT_NAMES)
def test_every_repair_that_is_proposed_makes_it_right(name):
    found = score(name)
    assert found.repaired is not False, str(found.report)
    assert repaired_in_place(found.mutant, found.report), str(found.report)


def test_nearly_all_formula_mistakes_are_repaired():
    unrepaired = [name for name in FORMULAS if not score(name).repaired]
    assert len(unrepaired) <= (1 - REPAIRED) * len(FORMULAS), unrepaired


def test_nearly_all_are_named():
    unnamed = [name for name in MUTANT_NAMES if score(name).named != "right"]
    assert len(unnamed) <= (1 - NAMED) * len(MUTANTS), unnamed


@pytest.mark.parametrize("right", RIGHT, ids=lambda right: right.name)
def test_right_versions_are_not_blamed(right):
    report = checked(right)
    assert report.verdict == "pass", str(report)


@pytest.mark.parametrize("mutant", TWO_MISTAKES, ids=lambda mutant: mutant.name)
def test_two_mistakes_are_both_named_the_later_step_first(mutant):
    report = checked(mutant)
    codes = [finding.code for finding in report.causes]
    assert codes[:2] == [mutant.code, mutant.second], str(report)
