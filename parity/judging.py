"""Rows from a run: entry by entry where there is a truth for each, by random directions where that costs too much."""

import copy

import numpy as np

from parity import witnesses
from parity.rounding.budget import SHAKES
from parity.rows import judge
from parity.trial import Trial
from parity.undisturbed import TimeLimit, time_limit
from parity.witnesses.directional import ALONE, Directional, judge_directions
from parity.witnesses.numeric import Numeric

OPEN = (None, "shape-mismatch")  # what a cause is still sought for
TRACING = 20.0  # seconds
ENTRYWISE = 2000  # entries whose numerical derivatives are taken one by one, a forward call each


def judge_on(examination, arrays, upstream, ours, truth=None, most=ENTRYWISE, shakes=SHAKES):
    """(rows, Trial) of gradients that the subject gave on this data, up to so many entry by entry.

    Raises SubjectRaised. shakes: how many shaken runs at most.

    By random directions the Trial has no truth of wrong gradients: it is NaN there.
    """
    if by_directions(examination, arrays, most):
        return judge_along(examination, arrays, upstream, ours)
    trial = examination.trial(arrays, upstream, ours, truth, shakes)
    return [judge_key(trial, key, examination.dtype) for key in trial.truth], trial


def by_directions(examination, arrays, most=ENTRYWISE):
    """Whether the reference is numerical and the gradients have too many entries to try one by one."""
    numeric = isinstance(examination.reference, Numeric)
    return numeric and sum(np.size(arrays[name]) for _, name in examination.wanted) > most


def judge_along(examination, arrays, upstream, ours):
    hand, wanted = examination.hand, examination.wanted
    shapes = {key: np.shape(arrays[key[1]]) for key in wanted}
    fitting = [key for key in wanted if np.shape(ours.get(key)) == shapes[key]]
    directional = Directional(hand, fitting, arrays, upstream, ours, examination.seed)
    found, budget = judge_directions(directional)
    examination.reference.method = directional.numeric.method
    rows = {(row.kind, row.name): row for row in found}
    rows |= {key: judge(key[1], key[0], ours.get(key), np.empty(shapes[key]), 0.0) for key in wanted if key not in rows}
    outputs = examination.reference.outputs(arrays)
    truth = {key: ours[key] if rows[key].verdict != "fail" else np.full(shapes[key], np.nan) for key in wanted}
    budget |= {key: np.zeros(shapes[key]) for key in wanted if key not in budget}
    lone = frozenset(key for key, row in rows.items() if row.note == ALONE)
    trial = Trial(hand, arrays, upstream, ours, outputs | truth, budget, lambda k: None, examination, lone)
    return [*(judge_key(trial, key, examination.dtype) for key in outputs), *rows.values()], trial


def completed(rows, examination, trial):
    """(rows, Trial) judged entry by entry where more than a lone entry of a gradient is wrong, if the truth is found.

    Which gradients are wrong was known without; a cause and a picture need all entries.
    """
    wrong = {(row.kind, row.name) for row in rows if row.verdict == "fail" and row.cause in OPEN} - trial.lone
    full = in_full(examination, trial) if wrong else trial
    if full is trial:
        return rows, trial
    judged = {key: judge_key(full, key, examination.dtype) for key in wrong & set(full.truth)}
    known = {key: row for key, row in judged.items() if row.verdict == "fail"}
    return [known.get((row.kind, row.name), row) for row in rows], full


def in_full(examination, trial):
    """The same Trial with the truth of every entry, by autograd of its own forward; as it is where none is.

    A trace of loops over pixels takes minutes: it has TRACING seconds.
    """
    if trial.complete:
        return trial
    own, hand = copy.copy(examination), trial.hand
    device = getattr(hand, "device", "cpu")
    try:
        with time_limit(TRACING):
            own.reference = witnesses.choose(
                witnesses.TRACE, hand, examination.wanted, trial.arrays, trial.upstream, device
            )
    except TimeLimit:
        return trial
    return trial if isinstance(own.reference, Numeric) else own.trial(trial.arrays, trial.upstream, trial.ours)


def judge_key(trial, key, dtype):
    """The Row of one result of a Trial."""
    return judge(key[1], key[0], trial.ours.get(key), trial.truth[key], trial.budget[key], dtype)
