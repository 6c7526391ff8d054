"""From a trial with wrong gradients to findings: parts first, then repairs, then predicates."""

from dataclasses import replace

import numpy as np

from parity.causes import FORWARD_DIFFERS
from parity.diagnosis.locate import locate, named_in_whole
from parity.diagnosis.makers import in_backward_order
from parity.diagnosis.repairs.search import explain
from parity.diagnosis.structure.search import structural
from parity.diagnosis.together import together
from parity.report import Finding
from parity.rows import GRADIENTS

CONFIRMATIONS = 2  # other data on which a gradient must be 0 as well


def diagnose(examination, trial, known):
    """The findings on a trial with wrong gradients: those of its wrong parts in backward order, else of the whole.

    known: findings already made; gradients whose cause these name need no other. No formula makes a single entry
    wrong, so no cause is sought where one alone is wrong of very many.
    """
    left = unexplained(trial, known)
    if {name for _, name in trial.lone} >= set(left):
        return [unknown(name, "one entry alone is wrong, the rest agrees") for name in left]
    names = trial.hand.parameters
    wrong = locate(examination, trial)
    found = [
        named_in_whole(part, finding, names)
        for part in wrong
        for finding in together(explained(part.trial), part.trial)
    ]
    if found:  # what no part is wrong in by itself is inherited from the first wrong one
        found[0] = replace(found[0], also=(*found[0].also, *unexplained(trial, [*known, *found])))
    found = found or explained(trial, known)
    return [finding for finding in found if not any(other.concerns(finding.row) for other in named(known))]


def explained(trial, known=()):
    """Repairs that hold, predicates for what no repair explains, gradients of zeros, `unknown` for the rest."""
    zeros = list(never_written(trial))
    findings: list[Finding] = []
    for look in (explain, structural) if trial.complete else ():
        if left := unexplained(trial, [*known, *zeros, *findings]):
            findings += [finding for finding in look(trial) if any(finding.concerns(name) for name in left)]
    findings = in_backward_order([*findings, *zeros], trial)
    left = [name for name in unexplained(trial, [*known, *findings]) if not any(f.concerns(name) for f in findings)]
    return findings + [unknown(name, "no known mistake explains this") for name in left]


def unknown(name, why):
    return Finding("unknown", name, "backward", f"gradient by {name} is wrong: {why}", 0.0)


def never_written(trial):
    """Findings for gradients that are given as exactly 0, on other data too, and should not be."""
    others = [other for k in range(CONFIRMATIONS) if (other := trial.fresh(k)) is not None]
    for key in sorted(trial.wrong()):
        if key[0] in GRADIENTS and all(key in one.ours and not np.any(one.ours[key]) for one in (trial, *others)):
            sentence = f"gradient by {key[1]} is 0 everywhere, never written"
            yield Finding("never-written", key[1], "backward", sentence)


def named(findings):
    """The findings that name a cause."""
    return [finding for finding in findings if finding.code != "unknown"]


def unexplained(trial, findings):
    """The names of wrong gradients that no finding names a cause for."""
    wrong = sorted(name for kind, name in trial.wrong() if kind in GRADIENTS)
    return [name for name in wrong if not any(finding.concerns(name) for finding in named(findings))]


def diagnose_forward(trial):
    """The findings on outputs that differ from the twin's, with the lines whose change makes them the same.

    An activation twice, say, is named; [] where the outputs have neither a name nor a repair.
    """
    repairs, named = explain(of_outputs(trial)), structural(trial)
    if named and repairs:
        first = replace(named[0], where=repairs[0].where, repair=repairs[0].repair)
        return [first, *named[1:]]
    return named or [
        replace(repair, code="forward-mismatch", sentence=f"{repair.where}: {FORWARD_DIFFERS}", confidence=1.0)
        for repair in repairs
    ]


def of_outputs(trial):
    """The same Trial, of which the outputs alone are judged."""

    def fresh(k):
        other = trial.fresh(k)
        return None if other is None else of_outputs(other)

    truth = {key: right for key, right in trial.truth.items() if key[0] == "output"}
    return replace(trial, truth=truth, fresh=fresh)
