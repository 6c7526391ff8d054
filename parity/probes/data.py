"""Probes on other data: another batch size, a batch of one, another label, the other of train and eval mode."""

import copy

import numpy as np

from parity.examine import Examination
from parity.fresh import batch_length, redrawn
from parity.harm import raised_finding
from parity.judging import judge_on
from parity.report import Finding
from parity.rounding.budget import FULL
from parity.rows import GRADIENTS
from parity.subjects.base import SubjectRaised
from parity.witnesses.numeric import Numeric

QUICK = 300  # entries that are judged one by one here, more by random directions
ANOTHER = 3  # a batch that is neither one nor two, where a factor 2 and N would coincide


def probe_data(examination, trial):
    """Findings on other data of the same kind; none for large subjects, whose other data cost as much again."""
    if sum(np.size(array) for array in trial.truth.values()) > FULL:
        return []
    known = trial.wrong()
    return [
        finding
        for look in (other_batches, other_mode)
        for finding in look(examination, trial)
        if not {("input", finding.row), ("parameter", finding.row)} & known
    ]


def other_batches(examination, trial):
    """A batch of one, and another one, are judged as well where the subject takes them."""
    length = batch_length(examination.hand, trial.arrays)
    for batch in dict.fromkeys((1, ANOTHER if length != ANOTHER else ANOTHER + 1)):
        if length is None or batch == length:
            continue
        rng = np.random.default_rng([examination.seed, 2, batch])
        try:
            arrays = redrawn(examination.hand, trial.arrays, examination.drawn, rng, batch)
            outputs = examination.reference.outputs_on(arrays)
            upstream = examination.upstream_of(outputs.values(), rng)
        except (SubjectRaised, ValueError):
            continue  # this function takes no such batch
        try:
            rows = judge_on(examination, arrays, upstream, examination.hand.run(arrays, upstream), most=QUICK)[0]
        except SubjectRaised as raised:
            finding = raised_finding(raised.__cause__)
            yield Finding(finding.code, "", finding.where, f"for a batch of {batch}, {finding.sentence}")
            continue
        code = "batch-of-one-only" if length == 1 else "unknown"
        yield from disagreements(rows, f"N = {length}", f"N = {batch}", code)


def other_mode(examination, trial):
    """Where `training` changes what the forward computes, the other mode is judged by its own forward."""
    hand = switched(examination.hand)
    if hand is None:
        return
    try:
        outputs = hand.outputs(trial.arrays)
        if all(np.array_equal(a, trial.ours[key]) for key, a in zip(output_keys(trial), outputs, strict=True)):
            return
        wanted = [key for key in trial.truth if key[0] in GRADIENTS]
        other = Examination(hand, Numeric(hand, wanted), wanted, (), examination.seed, examination.dtype)
        rows = judge_on(other, trial.arrays, trial.upstream, hand.run(trial.arrays, trial.upstream), most=QUICK)[0]
    except SubjectRaised:
        return
    modes = ("train", "eval") if examination.hand.subject.training else ("eval", "train")
    yield from disagreements(rows, f"{modes[0]} mode", f"{modes[1]} mode", "unknown")


def output_keys(trial):
    return [key for key in trial.ours if key[0] == "output"]


def switched(hand):
    """The same subject in the other mode; None where it has none."""
    subject = getattr(hand, "subject", None)
    if not isinstance(getattr(subject, "training", None), bool):
        return None
    other = copy.copy(hand)
    other.subject = copy.deepcopy(subject)
    for part in hand.all_parts(other.subject):
        if isinstance(getattr(part, "training", None), bool):
            part.training = not part.training
    return other


def disagreements(rows, here, there, code):
    """Findings for what is right here and wrong there."""
    for row in rows:
        if row.kind in GRADIENTS and row.verdict == "fail":
            sentence = f"gradient by {row.name} is right for {here} and wrong for {there}"
            yield Finding(code, row.name, "backward", sentence)
