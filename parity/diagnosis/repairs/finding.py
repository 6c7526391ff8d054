"""What is told of a confirmed repair: the code, the place, a sentence, and the edit, which has been tried."""

from itertools import chain
from pathlib import Path

import numpy as np

from parity.diagnosis.editing.edits import span_of
from parity.diagnosis.editing.spelling import spellings
from parity.diagnosis.editing.wording import edit_in_words, read_out, reason
from parity.diagnosis.editing.writing import NoEdit
from parity.diagnosis.naming.case import Case
from parity.diagnosis.naming.judge import UNKNOWN, code_of
from parity.diagnosis.naming.witness import witnesses
from parity.diagnosis.repairs.holds import telling_trials
from parity.report import Finding, Repair

DOUBTFUL = 0.5  # confidence in a repair that is right, where what it shows has no name, or more than one


def told(survey, hold, rivals):
    """(the Finding of a confirmed Hold, its Span or None); rivals: Holds that are as simple and hold as well."""
    span = edit_of(survey, hold) if hold.span is None else hold.span
    code = code_of_hold(survey, hold)
    others = sorted({code_of_hold(survey, rival) for rival in rivals} - {code, UNKNOWN})
    words = read_out(span) if hold.change is None else edit_in_words(hold.change, span)
    where = repr(hold.change.site) if span is None else f"{Path(span.file).name}:{span.place[0]}"
    losses = any(np.ndim(array) == 0 for (kind, _), array in survey.results.items() if kind == "output")
    within = code == "missing-mean" and not losses
    why = reason(f"{code}, within" if within else code, function_of(hold))
    if others:
        known = [why] if code != UNKNOWN else []
        code, why = UNKNOWN, " or ".join([*known, *(reason(other, None) for other in others)])
    row, *also = rows = [name for kind, name in survey.trial.truth if (kind, name) in hold.fixed]
    if code == UNKNOWN or hold.fixed != survey.trial.wrong():
        why = f"{why}; makes {listed(rows)} right"
    repair = None
    if span is not None:
        line, column = span.place
        repair = Repair(span.file, line, column, span.old, span.new, words)
    sure = DOUBTFUL if code == UNKNOWN else 1.0
    said = "" if span is not None and words == read_out(span) else words  # the edit is shown, not read out
    sentence = ": ".join(filter(None, (where, said, why)))
    return Finding(code, row, where, sentence, sure, repair, tuple(also)), span


def listed(rows):
    """Names of gradients for a sentence: `grad W, grad b and grad x`."""
    *first, last = [f"grad {row}" for row in rows]
    return f"{', '.join(first)} and {last}" if first else last


def function_of(hold):
    """What the function is called whose derivative a Hold is about; None where it is about none."""
    note = hold.change.note if hold.change is not None else {}
    return note["pair"].function.name if "pair" in note else note.get("function")


def code_of_hold(survey, hold):
    """The code of the mistake that a confirmed Hold shows."""
    if hold.change is None:
        return hold.code
    return code_of(Case(survey, hold.change, hold.fixed, witnesses(survey, hold.change, telling_trials(survey))))


def edit_of(survey, hold):
    """The Span of a change, tried: the edited source makes the same results right; None where nothing does.

    Lengths that happen to be equal are told apart by data in which they are not, where there is such.
    """
    found = [] if None in survey.spans else edits_that_hold(survey, hold)
    first = next(found := iter(found), None)
    if first is None or "size" not in hold.change.note:
        return first
    trials = survey.runner.stretched()
    return next((span for span in chain([first], found) if makes_right(survey, hold, span, trials)), first)


def edits_that_hold(survey, hold):
    """The Spans of a change, one for each way to write it, that make the same results right on the telling trials."""
    for change, texts in spellings(hold.change, survey.place_of(hold.change.site), survey.trial):
        try:
            span = span_of(change, texts)
        except NoEdit:
            continue
        if makes_right(survey, hold, span, telling_trials(survey)):
            yield span


def makes_right(survey, hold, span, trials):
    """Whether the edited source makes what a Hold sets right so on all of some trials."""
    wrong = [survey.runner.edited([*survey.spans, span], trial) for trial in trials]
    return None not in wrong and not any(hold.fixed & keys for keys in wrong)
