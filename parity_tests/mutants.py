"""The table of planted mistakes, and of right versions that must not be blamed; collected from parity_tests/planted.

Each planted file ends in its part of the table, as plain tuples:

    PLANTED = [(code, expression, inputs, rows, right, {more fields}), ...]       right may be None
    RIGHT = [(expression, inputs, {more fields}), ...]
    TWO_MISTAKES = [(codes, expression, inputs, rows, rights, left, {more fields}), ...]

The last element, a dict of further fields of Mutant or TwoMistakes, may be absent.
"""

import ast
import importlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

PLANTED = Path(__file__).parent / "planted"
SCOPE = {"nn": nn, "F": F, "torch": torch, "np": np}
WITHOUT_REPAIR = {  # no change of one expression is expected to be found: their cause has a predicate of its own
    *("upstream-ignored", "batch-of-one-only", "raised", "never-written", "accumulated", "duplicate-index"),
    *("window-edge", "statistics-constant", "softmax-diagonal", "updated-weights", "cache-mutated", "input-mutated"),
    *("nondeterministic", "low-precision", "cancellation", "non-finite", "kink", "forward-mismatch", "link-doubled"),
    *("shape-mismatch", "dtype-changed", "permuted", "time-truncated"),
}


@dataclass(frozen=True, eq=False)
class Mutant:
    """A subject with one planted mistake, or with none (code "" and no rows).

    file: its source, in parity_tests/planted; expression: what builds it from the names of that file.
    inputs: arrays or shapes, or a function of a Generator that gives them. against: an expression for the twin.
    code: the right name of the mistake; also: equally right names. dtype: what the mistake shows in.
    rows: the names of the rows that are wrong against autograd (of the twin, where the forward is another): `output`,
    an input's name, a weight's by the path of its attribute (`W`, `l1.W`, `layers.0.W`) or its key in a dict of weights
    (`W1`). Those of accumulated and cache-mutated are wrong in a second call, those of low-precision and cancellation
    lose digits, those of dtype-changed change it; input-mutated, kink and raised have none.
    right: what the planted line should say, where one line is all it takes. formula: whether that is a change of one
    expression which a repair is expected to find. name: kebab-case, unless given that of the planted definition.
    """

    file: str
    expression: str
    inputs: tuple
    code: str = ""
    rows: frozenset = frozenset()
    right: str | None = None
    against: str | None = None
    also: tuple = ()
    dtype: str = "float64"
    name: str = ""
    formula: bool = False

    def __post_init__(self):
        object.__setattr__(self, "name", self.name or kebab(planted_definition(self).name))

    @property
    def path(self):
        return PLANTED / self.file

    def build(self, source=None):
        """A fresh subject, from the file as it stands or from an edited source of it."""
        if source is None:
            module = importlib.import_module(f"parity_tests.planted.{Path(self.file).stem}")
        else:
            module = ModuleType("edited")
            exec(compile(source, self.file, "exec"), module.__dict__)
        return eval(self.expression, vars(module))

    def twin(self):
        """A fresh twin; None where there is none."""
        return None if self.against is None else eval(self.against, dict(SCOPE))

    def given(self, rng):
        """The inputs as parity.check takes them: arrays and shapes."""
        return self.inputs(rng) if callable(self.inputs) else self.inputs

    def repaired(self):
        """The source of the file with the planted line as it should be."""
        return with_line(text_of(self.path), planted_line(self), self.right)


@dataclass(frozen=True, eq=False)
class TwoMistakes(Mutant):
    """Two mistakes at once: `code`, at the step that backward meets first, repaired by `right`; `second` at the other.

    rows: all that are wrong; left: those that still are once the first mistake is repaired.
    """

    second: str = ""
    right_second: str | None = None
    left: frozenset = frozenset()


def with_line(source, number, text):
    """The source with another text on line `number` (from 1), indented as before."""
    lines = source.splitlines()
    old = lines[number - 1]
    lines[number - 1] = old[: len(old) - len(old.lstrip())] + text
    return "\n".join(lines) + "\n"


@cache
def text_of(path):
    return path.read_text(encoding="utf-8")


@cache
def top_level(path):
    """{name: node} of the classes and functions of a file."""
    nodes = ast.parse(text_of(path)).body
    return {node.name: node for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef)}


def definitions(mutant):
    """The top-level classes and functions of the file that the expression names, in its order."""
    known = top_level(mutant.path)
    names = re.findall(r"\w+", mutant.expression)
    return [known[name] for name in dict.fromkeys(names) if name in known]


def planted_lines(mutant):
    """The numbers (from 1) of the lines in the mutant's own classes and functions that end in `# planted`."""
    lines = text_of(mutant.path).splitlines()
    ranges = [range(node.lineno, node.end_lineno + 1) for node in definitions(mutant)]
    return [n for numbers in ranges for n in numbers if lines[n - 1].endswith("# planted")]


def planted_line(mutant):
    """The number of the one planted line; of the first where there are two."""
    return planted_lines(mutant)[0]


def planted_definition(mutant):
    """The class or function that holds the planted line; of a right version the last that the expression names."""
    planted, nodes = planted_lines(mutant)[:1], definitions(mutant)
    return next((node for node in nodes for n in planted if node.lineno <= n <= node.end_lineno), nodes[-1])


def kebab(name):
    """DenseBiasAveraged and dense_bias_averaged -> dense-bias-averaged; ReLUMask -> relu-mask."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name)
    return words.replace("_", "-").lower()


def more(row, count):
    """(the first `count` elements of a row of a table, its dict of further fields)."""
    return row[:count], (dict(row[count]) if len(row) > count else {})


def collect(kind, build):
    """What `build` makes of every row of a kind of table, file by file."""
    for path in sorted(PLANTED.glob("[a-z]*.py")):
        module = importlib.import_module(f"parity_tests.planted.{path.stem}")
        yield from (build(path.name, row) for row in getattr(module, kind, ()))


def mutant(file, row):
    (code, expression, inputs, rows, right), fields = more(row, 5)
    fields.setdefault("formula", right is not None and code not in WITHOUT_REPAIR)
    return Mutant(file, expression, inputs, code, frozenset(rows), right, **fields)


def right(file, row):
    (expression, inputs), fields = more(row, 2)
    return Mutant(file, expression, inputs, **fields)


def two_mistakes(file, row):
    (codes, expression, inputs, rows, rights, left), fields = more(row, 6)
    fields |= {"second": codes[1], "right_second": rights[1], "left": frozenset(left)}
    return TwoMistakes(file, expression, inputs, codes[0], frozenset(rows), rights[0], **fields)


MUTANTS = list(collect("PLANTED", mutant))
RIGHT = list(collect("RIGHT", right))
TWO_MISTAKES = list(collect("TWO_MISTAKES", two_mistakes))
