"""Whether a change sets wrong results right: on the trial that it was found on, and on fresh ones."""

from dataclasses import dataclass

import numpy as np

from parity.diagnosis.changes.change import Change
from parity.diagnosis.editing.edits import Span
from parity.diagnosis.repairs.runner import wrong
from parity.diagnosis.repairs.survey import same

CONFIRMATIONS = 2  # fresh trials on which a change must hold as well
FRESH = 5  # fresh trials that are looked at, for those on which the mistake shows


@dataclass(frozen=True)
class Hold:
    """What sets these keys right on the trial itself: a Change, or an edit of the source that is no change of one.

    moved: the keys that come out otherwise with it and are wrong still; worse: those of them further off than before.
    """

    change: Change | None
    fixed: frozenset
    span: Span | None = None
    code: str = ""  # what such an edit shows
    turn: float = float("inf")  # when in the run its place was first reached
    moved: frozenset = frozenset()
    worse: frozenset = frozenset()


def held(survey, changes):
    """A Hold for each of the Changes that sets results right and makes none wrong."""
    for change in changes:
        tape = survey.again([change])
        if tape is not None and (fixed := set_right(survey, wrong(survey.trial, tape.results))):
            still = survey.wrong - fixed
            moved = frozenset(key for key in still if not same(survey.results.get(key), tape.results.get(key)))
            worse = frozenset(key for key in moved if further_off(survey, key, tape.results.get(key)))
            yield Hold(change, fixed, turn=survey.sites[change.site][0].index, moved=moved, worse=worse)


def held_edits(survey, edits):
    """A Hold for each of the edits of the source, pairs (Span, code), that sets results right and makes none wrong."""
    for span, code in edits if None not in survey.spans else ():
        if fixed := set_right(survey, survey.runner.edited([*survey.spans, span], survey.trial)):
            yield Hold(None, fixed, span, code)


def set_right(survey, keys):
    """The keys that are wrong no more where these are; none where one was right, or where nothing came out."""
    return survey.wrong - keys if keys is not None and keys <= survey.wrong else frozenset()


def further_off(survey, key, found):
    """Whether a result is further from the truth than it was in the base run; one of another shape is as far as any."""
    right, before = survey.trial.truth[key], survey.results.get(key)
    if before is None or np.shape(before) != np.shape(right):
        return False
    return (
        found is None
        or np.shape(found) != np.shape(right)
        or bool(np.linalg.norm(found - right) > np.linalg.norm(before - right))
    )


def left(survey, trial, changes):
    """The keys that are wrong on a trial with these changes; None where they cannot be made."""
    tape = survey.runner.run(trial, changes, noting=False)
    return None if tape is None else wrong(trial, tape.results)


def confirmed(survey, hold):
    """Whether it holds on CONFIRMATIONS fresh trials on which its keys are wrong without, and breaks nothing on any."""
    confirmations = 0
    for k in range(FRESH):
        verdict = holds_on(survey, hold, survey.runner.fresh(k))
        confirmations += verdict is True
        if verdict is False or confirmations == CONFIRMATIONS:
            return verdict is not False
    return False


def holds_on(survey, hold, trial):
    """Whether it sets its keys right on another trial; None where there is none, or none of them is wrong there."""
    if trial is None:
        return None
    before = left(survey, trial, survey.active)
    if hold.span is None:
        after = left(survey, trial, [*survey.active, hold.change])
    else:
        after = survey.runner.edited([*survey.spans, hold.span], trial)
    if None in (before, after) or not after <= before or hold.fixed & after:
        return False
    return True if hold.fixed & before else None


def telling_trials(survey):
    """The trial itself and the first fresh ones, as far as there are any."""
    fresh = (survey.runner.fresh(k) for k in range(CONFIRMATIONS))
    return [survey.trial, *(trial for trial in fresh if trial is not None)]
