"""What is told of a confirmed repair: the code, the place, a sentence, and the edit, which has been tried."""

from pathlib import Path

from parity.diagnosis.editing.edits import span_of
from parity.diagnosis.editing.spelling import spellings
from parity.diagnosis.editing.wording import edit_in_words, one_line, reason
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
    words = (
        f"write {one_line(span.new)} for {one_line(span.old)}"
        if hold.change is None
        else edit_in_words(hold.change, span)
    )
    where = repr(hold.change.site) if span is None else f"{Path(span.file).name}:{span.place[0]}"
    why = reason(code, function_of(hold))
    if others:
        code, why = UNKNOWN, f"{why}, or {' or '.join(reason(other, None) for other in others)}"
    row, *also = [name for kind, name in survey.trial.truth if (kind, name) in hold.fixed]
    repair = None
    if span is not None:
        line, column = span.place
        repair = Repair(span.file, line, column, span.old, span.new, words)
    sure = DOUBTFUL if code == UNKNOWN else 1.0
    return Finding(code, row, where, f"{where}: {words}: {why}", sure, repair, tuple(also)), span


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
    """The Span of a change, tried: the edited source makes the same results right; None where nothing does."""
    if None in survey.spans:
        return None
    for change, texts in spellings(hold.change, survey.place_of(hold.change.site), survey.trial):
        try:
            span = span_of(change, texts)
        except NoEdit:
            continue
        wrong = [survey.runner.edited([*survey.spans, span], trial) for trial in telling_trials(survey)]
        if None not in wrong and not any(hold.fixed & keys for keys in wrong):
            return span
    return None
