"""What the demo does by both sides, one experiment a file; each returns reports, facts and the series to draw."""

from dataclasses import dataclass, field

import numpy as np

import parity
import scratch

ROWS = {"forward": "loss", "gradient": "gradients", "update rule": "weights"}  # kinds of quantities that are told of


@dataclass(frozen=True)
class Experiment:
    """reports: the comparisons; facts: lines for a person, in order; values: the same for a machine; series: arrays."""

    title: str
    reports: tuple[parity.Report, ...]
    facts: tuple[str, ...] = ()
    values: dict = field(default_factory=dict)
    series: dict = field(default_factory=dict)


def as_report(lockstep, title, device):
    """Loss, gradients and weights over all steps of a LockstepReport as rows of a Report: the entry that uses most of
    what rounding explains.
    """
    names = scratch.named_parameters(lockstep.net)
    entries = sum(array.size for array in names.values())
    rows = []
    for kind, name in ROWS.items():
        found = [q for step in lockstep.steps for q in step.of(kind) if kind == "forward" or q.name in names]
        worst = max(found, key=lambda q: q.share)
        shape = (len(lockstep.steps),) if kind == "forward" else (len(lockstep.steps), entries)
        verdict = "fail" if worst.share > 1 else "pass" if lockstep.ok else "void"
        apart = {"error": worst.difference, "budget": worst.allowed, "largest": max(q.difference for q in found)}
        rows.append(parity.Row(name, "quantity", shape, verdict, **apart, size=int(np.prod(shape))))
    return parity.Report(title, f"float64, torch on {device}", tuple(rows))
