"""The table of layers in docs/layers.md, made of the docstrings, the table of cases and the planted mistakes.

`python -m parity_tests.layer_table` writes it; a test holds it equal.
"""

import inspect
import re
import sys
from pathlib import Path

import scratch
from parity_tests.cases import LAYERS, LOSSES
from parity_tests.mutants import MUTANTS

PAGE = Path(__file__).parents[1] / "docs" / "layers.md"
INTRODUCTION = """# Layers, by hand and in torch

Each line is one thing that exists twice. The formula and the derivative are those of its docstring, which derives them;
`dy`, `da`, `dz` are the gradients of the loss by what the layer gives. The cases are lines of
[`parity_tests/cases/`](../parity_tests/cases), on which every test of parity runs: complex step without torch,
autograd of the twin in float64 and float32, on CPU and CUDA. The mistake is one that was planted in
[`parity_tests/planted/`](../parity_tests/planted) to show that the checker catches it there.

This page is written by `python -m parity_tests.layer_table`, and a test holds it equal.
"""
HEAD = "| by hand | in torch | formula | derivative | cases | a planted mistake |\n|---|---|---|---|---|---|"


def page():
    layers, losses = set(scratch.layers.__all__) - {"Layer"}, [n for n in scratch.losses.__all__ if n.islower()]
    return "\n".join(
        [
            INTRODUCTION,
            "## Layers and activations\n",
            HEAD,
            *(row(n, getattr(scratch.layers, n), LAYERS, f"scratch.{n}(") for n in sorted(layers, key=str.lower)),
            "\n## Losses\n",
            HEAD,
            *(row(n, getattr(scratch.losses, n), LOSSES, f"scratch.losses.{n},") for n in losses),
            "",
        ]
    )


def row(name, thing, cases, opening):
    """The line of one layer or loss."""
    own = [case for case in cases if opening in case.ours]
    formula, derivative = said(thing)
    file = Path(inspect.getsourcefile(inspect.unwrap(thing))).relative_to(PAGE.parents[1])
    cells = (
        f"[`{name}`](../{file})",
        f"`{twin_of(own)}`" if own else "–",
        formula,
        derivative,
        ", ".join(f"`{case.name}`" for case in own) or "–",
        mistake(name, own),
    )
    return f"| {' | '.join(cell.replace('|', '∣') for cell in cells)} |"


def twin_of(cases):
    """The name of the twin: what the first case's expression calls."""
    return re.sub(r"^(partial\()?([\w.]+).*$", r"\2", cases[0].theirs)


def said(thing):
    """(formula, derivative): the summary line of a docstring, and the first sentence of what begins with Given."""
    text = inspect.getdoc(thing)
    formula = text.split("\n", 1)[0].rstrip(".:")
    given = re.search(r"^(?:Given|dJ/d).*?(?=\n\n|\n\w+[^\n=]*: |\nRows|\Z)", text, re.MULTILINE | re.DOTALL)
    if not given:
        return formula, "none: asking for it is refused"
    sentence = re.split(r"\.\s+(?=[A-Z])|\.?\n(?=[A-Z][a-z]+ )|\.\n", given.group())[0]
    apart = re.sub(r"(?<=[^\s:,;]) *(?:\n +| {3,})(?!with )(?=[\w∂]+[^=]* = )", "; ", sentence)
    return formula, " ".join(apart.split()).rstrip(".")


OF_OTHER_TWINS = {  # mistakes that are judged without a twin, or beside a function of torch's
    "Dropout": "dropout-mask-of-upstream",
    "LSTM": "lstm-cell-truncated",
    "MultiheadAttention": "cross-attention-values-forgotten",
    "Residual": "residual-skip-forgotten",
    "hinge": "hinge-without-margin",
    "huber": "huber-of-delta-one",
    "nll": "nll-of-ignored-rows",
    "perceptron": "perceptron-with-margin",
}


def mistake(name, cases):
    """The first planted mistake whose twin is this layer's, or the one that is named above; none for the step."""
    twin = twin_of(cases) if cases else None
    for mutant in MUTANTS:
        of_twin = twin and mutant.against and re.search(rf"\b{re.escape(twin)}\b", mutant.against)
        if mutant.name == OF_OTHER_TWINS.get(name) or (of_twin and name not in OF_OTHER_TWINS):
            return f"[`{mutant.name}`](../parity_tests/planted/{mutant.file})"
    return "–"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
