"""Whether a change sets wrong results right: on the trial that it was found on, and on fresh ones."""

from dataclasses import dataclass

from parity.diagnosis.changes.change import Change
from parity.diagnosis.editing.edits import Span
from parity.diagnosis.repairs.runner import wrong

CONFIRMATIONS = 2  # fresh trials on which a change must hold as well
FRESH = 5  # fresh trials that are looked at, for those on which the mistake shows


@dataclass(frozen=True)
class Hold:
    """What sets these keys right on the trial itself: a Change, or an edit of the source that is no change of one."""

    change: Change | None
    fixed: frozenset
    span: Span | None = None
    code: str = ""  # what such an edit shows
    turn: float = float("inf")  # when in the run its place was first reached


def held(survey, changes):
    """A Hold for each of the Changes that sets results right and makes none wrong."""
    for change in changes:
        if fixed := set_right(survey, left(survey, survey.trial, [*survey.active, change])):
            yield Hold(change, fixed, turn=survey.sites[change.site][0].index)


def held_edits(survey, edits):
    """A Hold for each of the edits of the source, pairs (Span, code), that sets results right and makes none wrong."""
    for span, code in edits if None not in survey.spans else ():
        if fixed := set_right(survey, survey.runner.edited([*survey.spans, span], survey.trial)):
            yield Hold(None, fixed, span, code)


def set_right(survey, keys):
    """The keys that are wrong no more where these are; none where one was right, or where nothing came out."""
    return survey.wrong - keys if keys is not None and keys <= survey.wrong else frozenset()


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
