"""From rows to a verdict: who is wrong where two disagree, and what a point without a derivative allows."""

from dataclasses import replace

import numpy as np

from parity.causes import FORWARD_DIFFERS, GENERAL
from parity.inputs import frozen
from parity.judging import ENTRYWISE, by_directions, judge_on
from parity.kinks import kinks, suspected, within_limits
from parity.report import Finding
from parity.rounding.budget import SOME
from parity.rows import GRADIENTS, judge
from parity.subjects.raised import SubjectRaised
from parity.witnesses.numeric import Numeric, nudged

OTHER_FORWARD = ("forward-mismatch", "shape-mismatch")
ENTRIES = 4  # of each gradient that the numerical witness looks at when hand and twin disagree


def settle(rows, examination, trial):
    """(rows, findings, trial) after kinks are allowed for and the witnesses have voted.

    A forward that differs from its twin's is said first; its backward is then judged by its own forward, and the trial
    that is returned is that judgement.
    """
    if any(row.kind == "output" and row.cause in OTHER_FORWARD for row in rows) and not is_numeric(examination):
        rows, trial = by_own_forward(rows, examination, trial)
    rows, findings = without_kinks(rows, examination, trial)
    if by_directions(examination, trial.arrays):
        return rows, findings, trial
    rows, rounded = replay(rows, examination, trial)
    rows, doubts = vote(rows, examination, trial)
    return rows, [*findings, *rounded, *doubts], trial


def is_numeric(examination):
    return isinstance(examination.reference, Numeric)


def failing(rows, trial):
    """The keys of gradients that differ in value: no cause is known yet."""
    keys = [(row.kind, row.name) for row in rows if differs(row)]
    return [key for key in keys if key in trial.truth]


def by_own_forward(rows, examination, trial):
    """Gradients that differ from the twin's are judged by their own forward, since the twin computes another."""
    examination.reference = Numeric(examination.hand, examination.wanted)
    own_rows, own = judge_on(examination, trial.arrays, trial.upstream, trial.ours)
    own_rows = {(row.kind, row.name): replace(row, note=row.note or "by its own forward") for row in own_rows}
    judged = [own_rows.get((row.kind, row.name), row) if differs(row) else row for row in rows]
    known = {(row.kind, row.name) for row in rows}
    return [*judged, *(row for key, row in own_rows.items() if key not in known)], own


def differs(row):
    """Whether a gradient is wrong in value, no cause known yet."""
    return row.kind in GRADIENTS and row.verdict == "fail" and row.cause is None


def without_kinks(rows, examination, trial, most=ENTRYWISE):
    """(rows, findings): what differs only where there is no derivative passes; most: as for judge_on."""
    directed = by_directions(examination, trial.arrays, most)
    return (beside_kinks if directed else allow_kinks)(rows, examination, trial)


def allow_kinks(rows, examination, trial):
    """Rows whose wrong entries all stand on kinks, between the limits, pass; (rows, findings)."""
    keys = failing(rows, trial)
    if not keys and sum(array.size for array in trial.arrays.values()) <= SOME and suspected(trial):
        keys = [(row.kind, row.name) for row in rows if row.kind in GRADIENTS and row.verdict == "pass"]
    found, judged, findings = kinks(examination, trial, keys), [], []
    for row in rows:
        kink = found.get((row.kind, row.name))
        if kink is not None:
            ours, truth = np.asarray(trial.ours[kink.key], float), trial.truth[kink.key]
            allowed = kink.allows(ours)
            budget = np.where(kink.entries, kink.blur, without(examination, trial, kink.key, allowed))
            row = judge(row.name, row.kind, np.where(allowed, truth, ours), truth, budget)
            if row.verdict != "fail":
                row = replace(row, verdict="void" if kink.entries.all() else row.verdict, note="kink")
                findings.append(kink_finding(row, kink, ours, allowed))
        judged.append(row)
    return judged, findings


def without(examination, trial, key, allowed):
    """The budget of a gradient with the entries that are allowed left out: they may have kept others from a look."""
    ours = trial.ours | {key: np.where(allowed, trial.truth[key], trial.ours[key])}
    reference = examination.reference
    return reference.widened(trial.budget, trial.arrays, trial.upstream, ours, trial.truth, examination.seed)[key]


def beside_kinks(rows, examination, trial):
    """(rows, findings): gradients by directions that differ on data that stand on a kink are judged just beside it."""
    if not any(map(differs, rows)) or not suspected(trial):
        return rows, []
    for inside in (False, True):
        arrays = {name: frozen(np.asarray(nudged(a, inside), a.dtype)) for name, a in trial.arrays.items()}
        try:
            ours = trial.hand.run(arrays, trial.upstream)
            moved = judge_on(examination, arrays, trial.upstream, ours)[0]
        except SubjectRaised:  # it lies outside what the function takes
            moved = []
        if any(row.verdict == "pass" for row in moved):
            break
    note = "kink: judged beside it"
    right = {(row.kind, row.name): replace(row, note=note) for row in moved if row.verdict == "pass"}
    differing = [row for row in rows if differs(row) and (row.kind, row.name) in right]
    keys = {row: (row.kind, row.name) for row in differing}
    excused = [row for row in differing if within_limits(examination, trial, keys[row], ours[keys[row]])]
    sentence = "gradient by {}: the data stand on a kink; a thousandth beside it yours agrees"
    judged = [right[row.kind, row.name] if row in excused else row for row in rows]
    return judged, [Finding("kink", row.name, "data", sentence.format(row.name)) for row in excused]


def kink_finding(row, kink, ours, allowed):
    """What was allowed, at the entry where the limits are widest."""
    index = np.unravel_index(np.argmax(np.where(allowed, kink.high - kink.low, -1)), allowed.shape)
    at, low, high, yours = tuple(map(int, index)), kink.low[index], kink.high[index], ours[index]
    many = f"gradient by {row.name}: {allowed.sum()} entries stand on a kink; at {at} "
    sentence = f"any value from {low:.6g} to {high:.6g} is right, yours is {yours:.6g}"
    if kink.several[index]:
        sentence = f"several meet, and values from {low:.6g} to {high:.6g} were found beside it, yours is {yours:.6g}"
    return Finding("kink", row.name, "data", many + sentence)


def replay(rows, examination, trial):
    """(rows, findings): what differs in float32 and agrees when the same is computed in float64 is mere rounding."""
    keys = failing(rows, trial)
    if not keys or examination.dtype == np.float64:
        return rows, []
    arrays = {name: array.astype(float) if array.dtype.kind == "f" else array for name, array in trial.arrays.items()}
    double = examination.trial(arrays, [g.astype(float) for g in trial.upstream])
    right, judged, findings = set(keys) - double.wrong(), [], []
    for row in rows:
        if (row.kind, row.name) in right:
            row = replace(row, verdict="pass", note=f"float64 agrees: rounding of {examination.dtype}")
            sentence = f"gradient by {row.name}: the formula agrees in float64; in {examination.dtype} it loses digits"
            findings.append(Finding("cancellation", row.name, "backward", sentence))
        judged.append(row)
    return judged, findings


def vote(rows, examination, trial):
    """(rows, findings): where hand and twin differ in a gradient, the numerical witness says which of them is wrong."""
    keys = failing(rows, trial)
    if not keys or is_numeric(examination):
        return rows, []
    numeric = Numeric(examination.hand, keys)
    try:
        numeric.choose(trial.arrays, trial.upstream)
        doubted = [key for key in keys if twin_is_wrong(numeric, key, trial)]
    except SubjectRaised:
        return rows, []
    name = examination.reference.name
    sentence = "gradient by {}: autograd of " + name + " is not the derivative of its own outputs; yours is"
    return rows, [Finding("twin-differs", key[1], name, sentence.format(key[1])) for key in doubted]


def twin_is_wrong(numeric, key, trial):
    """Whether numerical derivatives agree with the hand, and not with the twin, where these differ most."""
    ours, theirs, budget = np.asarray(trial.ours[key], float), trial.truth[key], trial.budget[key]
    excess = np.abs(ours - theirs) / np.maximum(budget, np.finfo(float).tiny)
    for flat in np.argsort(excess, axis=None)[::-1][:ENTRIES]:
        index = np.unravel_index(flat, ours.shape)
        found, error = numeric.entry_at(key[1], index, trial.arrays, trial.upstream)
        if excess[index] > 1 and abs(found - ours[index]) > 0.01 * abs(ours[index] - theirs[index]) + error:
            return False
    return True


def non_finite(rows):
    """The findings on gradients that hold NaN or infinities: no formula is to blame before these are gone."""
    return [finding for finding in findings_of(rows) if finding.code == "non-finite"]


def findings_of(rows):
    """What the rows show by themselves, the forward first, since a wrong forward makes every gradient wrong."""
    for row in sorted(rows, key=lambda row: row.cause != "forward-mismatch"):
        if row.cause == "forward-mismatch":
            yield Finding(row.cause, row.name, "forward", FORWARD_DIFFERS)
        elif row.cause in GENERAL:
            what = row.name if row.kind == "output" else f"gradient by {row.name}"
            yield Finding(row.cause, row.name, "backward", f"{what}: {row.note or row.cause}")
