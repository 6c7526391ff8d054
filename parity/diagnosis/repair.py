"""Why a derivation is wrong, by repair: the smallest change of the user's own operations that makes it right.

The subject is run again with one operation changed, for every change that is known (rewrites, scales, factors,
exchanges, …) and every operation that a wrong gradient depends on. A change that sets results right, breaks none, and
does the same on fresh data is the cause; then the search goes on with it made, for the next mistake.
"""

import ast
import time
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from parity.diagnosis.arguments import argument_changes
from parity.diagnosis.case import Case
from parity.diagnosis.changes import Change, Given, Recorded
from parity.diagnosis.edits import Span, operands_of, span_of
from parity.diagnosis.exchanges import additions, exchanges
from parity.diagnosis.factors import derivatives, kept_factors, replacements
from parity.diagnosis.judge import UNKNOWN, code_of
from parity.diagnosis.paths import in_place_of_zeros, missing_paths
from parity.diagnosis.reads import named_in_numpy
from parity.diagnosis.rewrites import rewrites
from parity.diagnosis.scales import scales
from parity.diagnosis.shapes import axes_together, shapings
from parity.diagnosis.source import node_at, parents, tree_of
from parity.diagnosis.spelling import spellings
from parity.diagnosis.survey import Runner, Survey
from parity.diagnosis.swaps import swaps
from parity.diagnosis.tape import OutOfTime
from parity.diagnosis.witness import witnesses
from parity.diagnosis.wording import edit_in_words, one_line, reason
from parity.diagnosis.writing import NoEdit
from parity.report import Finding, Repair

MISTAKES = 3  # repairs at once: more wrong steps than these are not told apart
CONFIRMATIONS = 2  # fresh trials on which a repair must hold as well
FORWARD = 0.8  # rank: what forward keeps for backward is touched only where nothing near is as simple
CALLED = 0.06  # rank: what is wrong with a call is put right inside the function, where that does as well
UNWRITTEN = 0.5  # rank: what is one edit of the source is told better
UNREACHABLE = 0.6  # rank: a value that no name reaches costs more than one edit


@dataclass(frozen=True)
class Hold:
    """What sets these keys right on the trial itself: a Change, or an edit of the source that is no change of one."""

    change: Change | None
    fixed: frozenset
    span: Span | None = None


def explain(trial, limit_s=10.0):
    """[Finding]: the repairs of the wrong gradients of a Trial whose outputs are right, in the order they were found.

    Nothing is named that does not hold on fresh trials; what is not found within limit_s seconds of searching, fresh
    trials not counted, is left out.
    """
    found: list = []
    if not explicable(trial):
        return found
    runner = Runner(trial, time.perf_counter() + limit_s)
    with runner.opened():
        for _ in range(MISTAKES):
            survey = Survey(runner, [hold.change for hold, *_ in found], [span for *_, span in found])
            try:
                hold = search(survey) if survey.faithful else None
            except OutOfTime:
                break
            if hold is None:
                break
            found.append((hold, *runner.unhurried(finding, survey, hold)))
            if hold.change is None:
                break
    return [result for _, result, _ in found]


def explicable(trial):
    """Whether gradients are wrong, and neither an output nor by a number that is no number."""
    wrong = trial.wrong()
    given = [trial.ours[key] for key in wrong if key in trial.ours]
    forward = any(kind == "output" for kind, _ in wrong)
    return bool(wrong) and not forward and all(np.isfinite(array).all() for array in given)


def tiers(survey):
    """Iterables of Changes, the simpler kinds first."""
    places = survey.places
    written = (change for place in places for change in [*rewrites(place), *shapings(survey, place)])
    yield chain(written, axes_together(survey))
    yield (change for place in places for change in [*derivatives(survey, place), *kept_factors(survey, place)])
    yield (change for place in places for change in scales(survey, place))
    nearby = (change for place in places for change in [*exchanges(survey, place), *replacements(survey, place)])
    yield chain(nearby, argument_changes(survey))
    yield (change for place in places for change in in_place_of_zeros(place))
    yield (change for place in places for change in additions(survey, place))
    yield (change for place in places for change in missing_paths(survey, place))


def search(survey):
    """The Hold of the simplest change that sets all wrong results right, else of the one that sets most; or None."""
    whole = frozenset(key for key in survey.wrong if key in survey.results)
    partial: list = []
    for changes in tiers(survey):
        holds = [Hold(change, fixed) for change in changes if (fixed := survey.sets_right(change))]
        if (best := confirmed(survey, [hold for hold in holds if hold.fixed == whole])) is not None:
            return best
        partial += [hold for hold in holds if hold.fixed != whole]
    exchanged = [
        Hold(None, fixed, span)
        for span in swaps({place.site.code for place in survey.places})
        if (fixed := survey.swapped_right(span))
    ]
    if (best := confirmed(survey, [hold for hold in exchanged if hold.fixed == whole])) is not None:
        return best
    for size in sorted({len(hold.fixed) for hold in partial}, reverse=True):
        if (best := confirmed(survey, [hold for hold in partial if len(hold.fixed) == size])) is not None:
            return best
    return None


def confirmed(survey, holds):
    """The first of some Holds, by preference, that holds on fresh trials."""
    for hold in sorted(holds, key=lambda hold: preference(survey, hold.change) if hold.change else ()):
        if survey.holds_on_fresh(hold, CONFIRMATIONS):
            return hold
    return None


def preference(survey, change):
    """What to sort changes by: how far-fetched, then how near to where the mistake may be, in the order of the run."""
    place = survey.place_of(change.site)
    rank = change.rank + UNREACHABLE * unreachable(change)
    if place.event.phase == "forward" and not survey.trial.hand.joint:
        rank += FORWARD
    if is_users_call(replaced_node(change)) or is_argument(change.site):
        rank += CALLED
    if not writable(survey, change):
        rank += UNWRITTEN
    pair = change.note.get("pair")
    strange = pair is not None and owner(pair.site) != owner(change.site)
    statement = survey.statement(place)[0].event.index
    return round(rank, 6), strange, -statement if change.kind == "drop" else statement, -place.event.index


def writable(survey, change):
    """Whether a change can be written as an edit of the source."""
    for spelt, texts in spellings(change, survey.place_of(change.site), survey.trial):
        try:
            span_of(spelt, texts)
            return True
        except NoEdit:
            continue
    return False


def is_users_call(node):
    return isinstance(node, ast.Call) and not named_in_numpy(node.func)


def replaced_node(change):
    """What another value is put for; None for changes that keep the value, or where the source is not at hand."""
    edit = change.edits[-1]
    node = node_at(edit.site) if change.kind in ("exchange", "zeros") else None
    if node is None or edit.operand is None:
        return node
    operands = operands_of(node, tree_of(edit.site))
    return operands[edit.operand] if edit.operand < len(operands) else None


def is_argument(site):
    """Whether a site is what a function is handed as it is."""
    node = node_at(site)
    up = None if node is None else parents(tree_of(site)).get(node)
    return is_users_call(up) and node in up.args and not isinstance(node, ast.Call)


def unreachable(change):
    values = [value for edit in change.edits for value in edit.values.values()]
    return any(isinstance(value, Recorded | Given) for value in values)


def owner(site):
    """The class that a function belongs to."""
    return site.code.co_qualname.rpartition(".")[0]


def finding(survey, hold):
    """(the Finding of a confirmed Hold, its Span or None)."""
    span = edit_of(survey, hold) if hold.span is None else hold.span
    row = next(name for kind, name in survey.trial.truth if (kind, name) in hold.fixed)
    if hold.change is None:
        code, words, function = "permuted", f"write {one_line(span.new)} for {one_line(span.old)}", None
    else:
        case = Case(survey, hold.change, hold.fixed, witnesses(survey, hold.change, survey.trials(CONFIRMATIONS)))
        pair = hold.change.note.get("pair")
        code, words, function = code_of(case), edit_in_words(hold.change, span), pair and pair.function.name
    where = repr(hold.change.site) if span is None else f"{Path(span.file).name}:{span.place[0]}"
    repair = None if span is None else Repair(span.file, *span.place, span.old, span.new, words)
    sentence = f"{where}: {words}: {reason(code, function)}"
    return Finding(code, row, where, sentence, 1.0 if code != UNKNOWN else 0.5, repair), span


def edit_of(survey, hold):
    """The Span of a change, tried: the edited source makes the same results right; None where nothing does."""
    if None in survey.spans:
        return None
    place = survey.place_of(hold.change.site)
    for change, texts in spellings(hold.change, place, survey.trial):
        try:
            span = span_of(change, texts)
        except NoEdit:
            continue
        left = [survey.runner.edited([*survey.spans, span], trial) for trial in survey.trials(CONFIRMATIONS)]
        if None not in left and not any(hold.fixed & keys for keys in left):
            return span
    return None
