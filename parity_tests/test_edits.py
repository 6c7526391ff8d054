"""Is a change written into the user's source as they would, with parentheses where they are needed and only there?"""

import numpy as np
import pytest

from parity.diagnosis.editing.writing import NoEdit, filled
from parity.diagnosis.repairs.search import explain
from parity.report import Repair
from parity_tests.test_repair import module, trial_of

ROWS = ((5, 4),)


@pytest.mark.parametrize(
    ("template", "parts", "written"),
    [
        ("E * V", {"E": "da", "V": "slope"}, "da * slope"),
        ("E * V", {"E": "p - y", "V": "g"}, "(p - y) * g"),
        ("E / V", {"E": "a * b", "V": "len(x)"}, "a * b / len(x)"),
        ("E / V", {"E": "a", "V": "n * m"}, "a / (n * m)"),
        ("-E", {"E": "x @ w"}, "-(x @ w)"),
        ("-E", {"E": "a + b"}, "-(a + b)"),
        ("A.T @ B", {"A": "x", "B": "d"}, "x.T @ d"),
        ("A.T @ B", {"A": "x.T", "B": "d"}, "x @ d"),
        ("A.T @ B", {"A": "a + b", "B": "d"}, "(a + b).T @ d"),
        ("E + V", {"E": "-y", "V": "p"}, "p - y"),
        ("1 - V**2", {"V": "-h"}, "1 - (-h)**2"),
        ("E.sum(axis=0)", {"E": "dz"}, "dz.sum(axis=0)"),
        ("E.sum(axis=0)", {"E": "d if x else e"}, "(d if x else e).sum(axis=0)"),
        ("E - E.mean(axis=0)", {"E": "a * b"}, "a * b - (a * b).mean(axis=0)"),
        ("[E1, E0]", {"E0": "a", "E1": "b"}, "[b, a]"),
    ],
)
def test_parentheses(template, parts, written):
    assert filled(template, parts) == written


def test_a_template_without_its_parts_is_no_edit():
    with pytest.raises(NoEdit):
        filled("E * V", {"E": "a"})


def repair_of(
    tmp_path, backward, inputs=ROWS, subject="Mine()", forward="return np.tanh(x @ self.W), (x, np.tanh(x @ self.W))"
):
    """(the one Repair of a layer with this backward, its whole source)."""
    text = f"""import numpy as np


class Mine:
    params = ("W",)

    def __init__(self):
        self.W = np.random.default_rng(0).normal(size=(4, 3))

    def forward(self, x):
        {forward}

    def backward(self, dh, cache):
        {backward}
"""
    (finding,) = explain(trial_of(eval(subject, vars(module(tmp_path / "mine.py", text))), inputs), limit_s=60)
    return finding.repair, text


def lines_of(repair, text):
    """What the edited lines read then."""
    after = repair.applied(text).splitlines()
    return [line.strip() for line in after[repair.line - 1 : repair.line + repair.new.count("\n")]]


RIGHT = 'return dz @ self.W.T, {"W": x.T @ dz}'


@pytest.mark.parametrize(
    ("wrong", "becomes"),
    [
        ("dz = dh  # δ: the slope", "dz = dh * (1 - h**2)  # δ: the slope"),
        ("δ = 'σ′'; dz = -dh * (1 - h**2)  # after δ", "δ = 'σ′'; dz = dh * (1 - h**2)  # after δ"),
        ("dz = dh * (1 - h**2) / len(x)", "dz = dh * (1 - h**2)"),
        ("dz = dh.copy()\n        dz *= 1 - h", "dz *= 1 - h**2"),
        ("dz = dh * (1 - h**2)\n        dz /= 3  # why", "dz /= 1  # why"),
        ("dz = dh * (1 + h**2)", "dz = dh * (1 - h**2)"),
        ("dz = np.multiply(dh, (1 - h))", "dz = np.multiply(dh, (1 - h**2))"),
        ("dz = (dh *\n              (1 - x @ self.W))", None),
    ],
)
def test_edits_keep_what_is_around_them(wrong, becomes, tmp_path):
    repair, text = repair_of(tmp_path, f"x, h = cache\n        {wrong}\n        {RIGHT}")
    if becomes is not None:
        assert lines_of(repair, text) == [becomes]
    compile(repair.applied(text), "mine.py", "exec")


def test_a_repair_says_where_it_stands(tmp_path):
    repair, text = repair_of(tmp_path, f"x, h = cache\n        ä, dz = 'é', dh\n        {RIGHT}")
    assert isinstance(repair, Repair)
    line = text.splitlines()[repair.line - 1]
    assert line[repair.column :].startswith(repair.old)
    assert repair.file == str(tmp_path / "mine.py")


def test_no_edit_where_no_name_reaches_the_value(tmp_path):
    """forward keeps nothing from which the slope could be had."""
    text = """import numpy as np


class Mine:
    def forward(self, x):
        h = np.tanh(x)
        return h, None

    def backward(self, dh, cache):
        return dh.copy(), {}
"""
    (finding,) = explain(trial_of(module(tmp_path / "mine.py", text).Mine(), ROWS), limit_s=60)
    assert finding.code == "activation-derivative-missing"
    assert finding.repair is None
    assert finding.sentence.startswith("mine.py:10: multiply by 1 - h**2, where h is what mine.py:6 computes")


def test_a_subject_without_source_is_explained_all_the_same():
    scope: dict = {"np": np}
    exec(
        """
class Mine:
    params = ("W",)
    def __init__(self):
        self.W = np.random.default_rng(0).normal(size=(4, 3))
    def forward(self, x):
        h = np.tanh(x @ self.W)
        return h, (x, h)
    def backward(self, dh, cache):
        x, h = cache
        dz = dh
        return dz @ self.W.T, {"W": x.T @ dz}
""",
        scope,
    )
    (finding,) = explain(trial_of(scope["Mine"](), ROWS), limit_s=60)
    assert (finding.code, finding.repair) == ("activation-derivative-missing", None)
    assert "multiply by 1 - h**2" in finding.sentence


def test_our_own_layers_are_repaired_like_the_users(tmp_path):
    text = """import scratch


class Wrong(scratch.Linear):
    def backward(self, dz, rows):
        dx, grads = super().backward(dz, rows)
        return dx, grads | {"bias": grads["bias"] / len(dz)}
"""
    (finding,) = explain(trial_of(module(tmp_path / "mine.py", text).Wrong(4, 3, rng=0), ROWS), limit_s=60)
    assert finding.code == "bias-averaged"
    assert finding.repair.new == 'grads["bias"]'


@pytest.mark.parametrize("letter", ["\f", "\u2028", "\x85"])
def test_a_letter_that_ends_no_line_in_python_moves_no_edit(letter, tmp_path):
    forward = f"_ = 'a{letter}b'; return np.tanh(x @ self.W), (x, np.tanh(x @ self.W))"
    repair, text = repair_of(tmp_path, f"x, h = cache; dz = dh * (1 - h); {RIGHT}", forward=forward)
    assert repair.applied(text) == text.replace("(1 - h)", "(1 - h**2)")
