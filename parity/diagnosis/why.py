"""From a trial with wrong gradients to findings: parts first, then repairs, then predicates."""

from parity.diagnosis.locate import locate, named_in_whole
from parity.diagnosis.repair import explain
from parity.diagnosis.structure import structural
from parity.report import Finding


def diagnose(examination, trial):
    """The findings on a trial with wrong gradients: those of its wrong parts in backward order, else of the whole."""
    parts = locate(examination, trial)
    return [named_in_whole(part, finding) for part in parts for finding in explained(part.trial)] or explained(trial)


def explained(trial):
    """Repairs that hold, then predicates for what no repair explains; `unknown` for what neither does."""
    findings = explain(trial)
    if unexplained(trial, findings):
        findings += [f for f in structural(trial) if f.row in unexplained(trial, findings)]
    return findings + [
        Finding("unknown", name, "backward", f"gradient by {name} is wrong; no known mistake explains it", 0.0)
        for name in unexplained(trial, findings)
    ]


def unexplained(trial, findings):
    """The names of wrong gradients that no finding explains."""
    known = {finding.row for finding in findings}
    return [name for kind, name in sorted(trial.wrong()) if kind != "output" and name not in known]
