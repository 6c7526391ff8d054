"""Is the table of planted mistakes what it says: each mistake real, its rows, its line, its repair, its twin?"""

import ast
import re

import pytest

from parity_tests.mutants import (
    MUTANTS,
    PLANTED,
    RIGHT,
    TWO_MISTAKES,
    definitions,
    planted_definition,
    planted_lines,
    text_of,
    with_line,
)
from parity_tests.plain_judging import trial, twin_says, wrong_rows
from parity_tests.plain_reading import read_contract, read_lecture, read_loss, read_pair, read_torch, reader

CODES = {  # the whole vocabulary but unknown
    *("sign-flipped", "missing-mean", "extra-mean", "wrong-count", "constant-factor", "transposed", "permuted"),
    *("kernel-flipped", "activation-derivative-missing", "activation-derivative-twice"),
    *("activation-derivative-wrong-input", "activation-derivative-wrong", "mask-wrong", "one-hot-missing"),
    *("link-doubled", "softmax-diagonal", "wrong-axis", "bias-not-summed", "bias-averaged"),
    *("broadcast-not-reduced", "path-missing", "accumulated", "duplicate-index", "window-edge"),
    *("statistics-constant", "centring-term-missing", "variance-convention", "scale-missing", "time-truncated"),
    *("time-shifted", "updated-weights", "upstream-ignored", "batch-of-one-only", "variant-mismatch"),
    *("clip-mismatch", "never-written", "cache-mutated", "input-mutated", "nondeterministic", "low-precision"),
    *("cancellation", "non-finite", "kink", "forward-mismatch", "shape-mismatch", "dtype-changed", "raised"),
}
BEHAVIOUR = {  # wrong in another way than by a gradient that differs from that of its own forward
    *("accumulated", "cache-mutated", "nondeterministic", "low-precision", "cancellation", "non-finite", "kink"),
    *("dtype-changed", "raised", "forward-mismatch", "link-doubled"),
}
OTHER_FORWARD = {"forward-mismatch", "link-doubled"}
EVERYTHING = [*MUTANTS, *TWO_MISTAKES, *RIGHT]


def each(mutants):
    return pytest.mark.parametrize("mutant", mutants, ids=lambda mutant: mutant.name)


def of(*codes):
    return each([mutant for mutant in MUTANTS if mutant.code in codes])


@each([mutant for mutant in [*MUTANTS, *TWO_MISTAKES] if mutant.code not in BEHAVIOUR])
def test_exactly_its_rows_are_wrong(mutant):
    done = trial(mutant)
    assert wrong_rows(done.gradients(), done.truth) == mutant.rows


@each(RIGHT)
def test_right_versions_are_right(mutant):
    done = trial(mutant)
    assert done.truth
    assert not wrong_rows(done.gradients(), done.truth)


@each([mutant for mutant in MUTANTS if mutant.right and mutant.code not in OTHER_FORWARD])
def test_the_right_line_makes_it_right(mutant):
    done = trial(mutant, mutant.repaired())
    assert not wrong_rows(done.gradients(), done.truth)


@each([mutant for mutant in EVERYTHING if mutant.against and mutant.code not in {"kink", *OTHER_FORWARD}])
def test_the_twin_is_one(mutant):
    done = trial(mutant, mutant.right and mutant.repaired())
    outputs, gradients = twin_says(mutant.twin(), done)
    assert not wrong_rows(done.outputs(), outputs)
    assert not wrong_rows(gradients, done.truth)


@of(*OTHER_FORWARD)
def test_the_twin_is_another(mutant):
    done = trial(mutant)
    outputs, gradients = twin_says(mutant.twin(), done)
    assert wrong_rows(done.outputs() | done.gradients(), outputs | gradients) == mutant.rows
    if mutant.right:
        done = trial(mutant, mutant.repaired())
        assert not wrong_rows(done.outputs() | done.gradients(), outputs | gradients)


@each(TWO_MISTAKES)
def test_two_mistakes_are_repaired_one_by_one(mutant):
    _, second = planted_lines(mutant)
    once = mutant.repaired()
    twice = with_line(once, second, mutant.right_second)
    for source, left in ((once, mutant.left), (twice, set())):
        done = trial(mutant, source)
        assert wrong_rows(done.gradients(), done.truth) == left


def test_every_code_has_mutants_of_two_layers():
    assert {mutant.code for mutant in MUTANTS} == CODES
    for code in CODES:
        assert len({layer(mutant) for mutant in MUTANTS if mutant.code == code}) >= 2, code
    assert {code for mutant in EVERYTHING for code in mutant.also} <= CODES
    assert {mutant.second for mutant in TWO_MISTAKES} <= CODES


def layer(mutant):
    """The file and the right class that the mutant is derived from, or the function that it is the backward of."""
    node = planted_definition(mutant)
    base = ast.unparse(node.bases[0]) if isinstance(node, ast.ClassDef) and node.bases else None
    return mutant.file, base or definitions(mutant)[0].name


def test_every_kind_of_subject_is_there():
    kinds = [reader(mutant.build()) for mutant in MUTANTS]
    for kind in (read_contract, read_lecture, read_loss, read_pair, read_torch):
        assert kinds.count(kind) >= 15, kind


def test_names_are_unique_and_in_kebab_case():
    names = [mutant.name for mutant in EVERYTHING]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in names)


@pytest.mark.parametrize(("mutants", "count"), [(MUTANTS, 1), (TWO_MISTAKES, 2), (RIGHT, 0)])
def test_planted_lines(mutants, count):
    assert {mutant.name: len(planted_lines(mutant)) for mutant in mutants} == {m.name: count for m in mutants}


@each([mutant for mutant in MUTANTS if mutant.formula])
def test_one_expression_on_one_line_is_all_it_takes(mutant):
    lines = text_of(mutant.path).splitlines()
    wrong, right = statement(lines[planted_lines(mutant)[0] - 1]), statement(mutant.right)
    assert type(wrong) is type(right)
    parts = zip(ast.iter_child_nodes(wrong), ast.iter_child_nodes(right), strict=True)
    assert sum(ast.dump(a) != ast.dump(b) for a, b in parts) == 1


def statement(line):
    """The one statement of a line, which may be a return."""
    (function,) = ast.parse(f"def f():\n    {line.strip()}").body
    (only,) = function.body
    return only


@pytest.mark.parametrize("path", sorted(PLANTED.glob("*.py")), ids=lambda path: path.name)
def test_planted_files_stand_alone(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {getattr(node, "module", None) or node.names[0].name for node in imported}
    assert {name.split(".")[0] for name in names} <= {"numpy", "math", "torch"}
