"""Probes on other data: another batch size, a batch of one, another label, the other of train and eval mode."""

import copy

import numpy as np

from parity.examine import Examination
from parity.fresh import batch_length, batched, redrawn
from parity.harm import raised_finding
from parity.judging import judge_on
from parity.report import Finding
from parity.rounding.budget import FEWER, FULL
from parity.rows import GRADIENTS
from parity.subjects.raised import SubjectRaised
from parity.verdicts import without_kinks
from parity.witnesses.numeric import Numeric

QUICK = 300  # entries that are judged one by one here, more by random directions
SHAPES = ("shape-mismatch", "never-written")
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
        if length is not None and batch != length:
            yield from on_batch(examination, trial.arrays, length, batch)


def on_batch(examination, arrays, length, batch):
    """The findings on a batch of that size; none where, by one reading of which inputs have that axis, all agrees."""
    findings: list = []
    for led in batched(examination.hand, arrays):
        rng = np.random.default_rng([examination.seed, 2, batch])
        other = redrawn(examination.hand, arrays, examination.drawn, rng, batch, led)
        try:
            outputs = [np.asarray(output) for output in examination.hand.outputs(other)]
            theirs = examination.reference.outputs_on(other).values()
        except (SubjectRaised, ValueError):
            continue  # this function takes no such batch
        if not all(np.isfinite(np.asarray(output, float)).all() for output in (*outputs, *theirs)):
            continue  # nor is it defined there: the spread of one row is 0
        seen = judged_on(examination, other, examination.upstream_of(outputs, rng))
        leads = all(output.shape[:1] == (batch,) for output in outputs)
        found = list(seen_in(seen, length, batch, leads))
        if found and batch != length and (here := list(on_batch(examination, arrays, length, length))):
            return here  # the numbers tell, not the size
        if not found:
            return []
        findings = findings or found
    return findings


def judged_on(examination, arrays, upstream):
    """The rows on these arrays, kinks allowed for; the finding where the subject raises."""
    try:
        ours = examination.hand.run(arrays, upstream)
        rows, other = judge_on(examination, arrays, upstream, ours, most=QUICK, shakes=FEWER)
    except SubjectRaised as raised:
        return raised_finding(raised.__cause__)
    wrong = any(row.verdict == "fail" for row in rows)
    return without_kinks(rows, examination, other, most=QUICK)[0] if wrong else rows


def seen_in(seen, length, batch, leads):
    """Findings from what was seen on another batch.

    leads: whether it is the leading axis of every output. Where it is not, this is hardly a batch axis, and a backward
    that does not take another size, or that returns other shapes, is none the worse.
    """
    if isinstance(seen, Finding):
        if leads:
            yield Finding(seen.code, "", seen.where, f"for a batch of {batch}, {seen.sentence}")
        return
    rows = [row for row in seen if leads or row.cause not in SHAPES]
    if batch == length:
        yield from disagreements(rows, "these numbers", "others", "unknown")
        return
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
        ours = hand.run(trial.arrays, trial.upstream)
        rows = judge_on(other, trial.arrays, trial.upstream, ours, most=QUICK, shakes=FEWER)[0]
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
