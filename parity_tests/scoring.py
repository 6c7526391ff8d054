"""What parity.check makes of a planted mistake: caught, named, located, repaired. Shared by tests and the benchmark."""

from dataclasses import dataclass
from typing import Any

import numpy as np

import parity
from parity_tests.mutants import Mutant, definitions, planted_lines, text_of

NO_NAMES = {"unknown", "printed"}  # what names nothing
PASSES = {"kink", "cancellation"}  # right derivations that meet something worth a finding
BY_OWN_FORWARD = {"forward-mismatch", "link-doubled"}  # rows are relative to the twin; a report judges by the forward


@dataclass(frozen=True)
class Score:
    """caught: reported as wrong, or for a right derivation with the finding it deserves. named: "right", "unknown" or
    "wrong", by every code that the report names. rows: whether exactly the planted rows are wrong. repaired: whether
    the first repair, applied to the source, makes all right; None without one. line: whether the planted line is named,
    or that of a repair that makes all right: what is wrong in one line can often be mended as well in the next one.
    """

    mutant: Mutant
    report: Any
    caught: bool
    named: str
    codes: tuple
    rows: bool
    line: bool
    repaired: bool | None


def checked(mutant, source=None):
    """The report on a mutant, or on what an edited source makes of it."""
    inputs = mutant.given(np.random.default_rng(0))
    return parity.check(mutant.build(source), *inputs, against=mutant.twin(), dtype=mutant.dtype)


def scored(mutant):
    report = checked(mutant)
    codes = tuple(dict.fromkeys(f.code for f in report.causes if f.code not in NO_NAMES))
    right = {mutant.code, *mutant.also}
    caught = mutant.code in codes if mutant.code in PASSES else report.verdict in ("fail", "error")
    named = "unknown" if not codes else "right" if codes[0] in right and set(codes) <= right else "wrong"
    mended = repaired(mutant, report)
    return Score(
        mutant,
        report,
        caught,
        named,
        codes,
        rows_agree(mutant, report),
        mended is True or line_is_named(mutant, report),
        mended,
    )


def rows_agree(mutant, report):
    wrong = {row.name for row in report.rows if row.verdict == "fail"}
    if mutant.code in PASSES or mutant.code in BY_OWN_FORWARD:
        return wrong <= set(mutant.rows)
    return wrong == set(mutant.rows) or mutant.code == "raised"


def line_is_named(mutant, report):
    """Whether a finding's place, or its repair, is one of the planted lines."""
    places = [f"{mutant.file}:{line}" for line in planted_lines(mutant)]
    said = [finding.where for finding in report.causes]
    said += [f"{mutant.file}:{finding.repair.line}" for finding in report.causes if finding.repair]
    return any(text == place or text.endswith(f", {place}") for text in said for place in places)


def repaired_in_place(mutant, report):
    """Whether the first repair is an edit of the mutant's own class or function, where there is a repair."""
    lines = [finding.repair.line for finding in report.causes if finding.repair]
    return not lines or any(node.lineno <= lines[0] <= node.end_lineno for node in definitions(mutant))


def repaired(mutant, report):
    """Whether the first repair that a report proposes makes the gradients right, or the output where that is wrong."""
    repair = next((finding.repair for finding in report.causes if finding.repair), None)
    if repair is None:
        return None
    mended = checked(mutant, repair.applied(text_of(mutant.path)))
    if mutant.code in BY_OWN_FORWARD:
        return all(row.verdict == "pass" for row in mended.rows if row.kind == "output")
    return mended.ok
