"""From rows to a verdict: who is wrong where two disagree, and what a point without a derivative allows."""

from dataclasses import replace

from parity.report import Finding
from parity.rows import judge
from parity.witnesses.numeric import Numeric

GRADIENTS = ("input", "parameter")


def settle(rows, examination, trial):
    """(rows, findings) after the witnesses have voted.

    A forward that differs from its twin's is said first; its backward is then judged by its own forward.
    """
    findings = []
    if any(row.cause == "forward-mismatch" for row in rows) and examination.reference.shakes:
        rows, findings = own_forward(rows, examination, trial)
    return rows, findings + list(findings_of(rows))


def own_forward(rows, examination, trial):
    """The gradients judged by numerical derivatives of the subject's own forward, since its twin computes another."""
    examination.reference = Numeric(examination.hand, [key for key in trial.truth if key[0] in GRADIENTS])
    own = examination.trial(trial.arrays, trial.upstream)
    judged = []
    for row in rows:
        key = (row.kind, row.name)
        if row.kind in GRADIENTS and key in own.truth:
            again = judge(row.name, row.kind, own.ours.get(key), own.truth[key], own.budget[key])
            row = replace(again, note=again.note or "by its own forward")
        judged.append(row)
    return judged, []


def findings_of(rows):
    """What the rows show by themselves, the forward first, since a wrong forward makes every gradient wrong."""
    for row in sorted(rows, key=lambda row: row.cause != "forward-mismatch"):
        if row.cause == "forward-mismatch":
            yield Finding(row.cause, row.name, "forward", "the forward already differs; backward is not to blame yet")
        elif row.cause:
            what = row.name if row.kind == "output" else f"gradient by {row.name}"
            yield Finding(row.cause, row.name, "backward", f"{what}: {row.note or row.cause}")
