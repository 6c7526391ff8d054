"""Does docs/checking.md give an example of every code, which the checker names so, and whose mending passes?"""

import re
from pathlib import Path

import pytest

import parity
from parity_tests.mutants import MUTANTS
from parity_tests.scoring import checked

TEXT = (Path(__file__).parent.parent / "docs" / "checking.md").read_text(encoding="utf-8")
CELL = r"\| `([^|`]+)` "
EXAMPLES = re.findall(rf"^{CELL * 4}\|$", TEXT, re.MULTILINE)
PLANTED = re.findall(r"^\| `([\w-]+)` \| [^|]* \| `([\w-]+)` in ", TEXT, re.MULTILINE)
SHAPES = {"x": (5, 4), "y": (5, 4), "W": (4, 3), "V": (4, 4), "c": (4,), "h": (2, 5, 3)}


def pair(folder, name, forward, backward):
    """((forward, backward), shapes) of two expressions, from a file, so that a repair finds its source."""
    letters = [letter for letter in SHAPES if re.search(rf"(?<![\w.]){letter}\b(?! :=)", forward)]
    takes = ", ".join(letters)
    source = f"import numpy as np\n\n\ndef forward({takes}):\n    return {forward}\n\n\n"
    source += f"def backward(dy, {takes}):\n    return {backward}\n"
    path = folder / f"{name}.py"
    path.write_text(source, encoding="utf-8")
    names: dict = {}
    exec(compile(source, path, "exec"), names)
    return (names["forward"], names["backward"]), [SHAPES[letter] for letter in letters]


@pytest.mark.parametrize(("code", "forward", "wrong", "right"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_each_example_is_named_and_its_mending_passes(code, forward, wrong, right, tmp_path):
    subject, shapes = pair(tmp_path, "wrong", forward, wrong)
    report = parity.check(subject, *shapes)
    assert report.causes[0].code == code, str(report)
    assert not report.ok
    subject, shapes = pair(tmp_path, "right", forward, right)
    parity.assert_parity(subject, *shapes)


@pytest.mark.parametrize(("code", "name"), PLANTED)
def test_each_planted_example_is_named(code, name):
    (mutant,) = [mutant for mutant in MUTANTS if mutant.name == name]
    report = checked(mutant)
    assert report.causes[0].code == code, str(report)


def test_every_code_has_an_example():
    codes = {code for code, *_ in EXAMPLES} | {code for code, _ in PLANTED}
    assert codes == {mutant.code for mutant in MUTANTS}
    assert "`unknown`" in TEXT
