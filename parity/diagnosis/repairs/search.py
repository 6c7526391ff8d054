"""Why a derivation is wrong, by repair: the smallest change of the user's own operations that makes it right.

The subject is run again with one operation changed, for every change that is known (parity.diagnosis.changes) and every
operation that a wrong gradient depends on. A change that sets results right, breaks none, and does the same on fresh
data is the cause; then the search goes on with it made, for the next mistake.
"""

import time
from itertools import chain

import numpy as np

from parity.diagnosis.changes.arguments import argument_changes
from parity.diagnosis.changes.axes import axes_together
from parity.diagnosis.changes.exchanges import additions, exchanges
from parity.diagnosis.changes.factors import derivatives, kept_factors, replacements
from parity.diagnosis.changes.integers import numbers_off
from parity.diagnosis.changes.losses import links
from parity.diagnosis.changes.paths import missing_paths, zeros_filled
from parity.diagnosis.changes.picking import rows_picked
from parity.diagnosis.changes.powers import exponents
from parity.diagnosis.changes.projections import projections, softmaxes
from parity.diagnosis.changes.rewrites import rewritten
from parity.diagnosis.changes.scales import scales
from parity.diagnosis.changes.settings import settings
from parity.diagnosis.changes.shapes import shapings
from parity.diagnosis.changes.swaps import swaps
from parity.diagnosis.changes.terms import (
    carried_factors,
    counts_of_rows,
    factors_of_terms,
    parts_added,
    upstream_of_terms,
)
from parity.diagnosis.repairs.finding import told
from parity.diagnosis.repairs.holds import confirmed, held, held_edits, holds_on
from parity.diagnosis.repairs.preference import preference
from parity.diagnosis.repairs.runner import Runner
from parity.diagnosis.repairs.survey import Survey
from parity.tape.recording import OutOfTime

MISTAKES = 3  # repairs at once: more wrong steps than these are not told apart
RIVALS = 4  # changes as simple as the best one that are asked whether they name another mistake
FURTHER = range(2, 5)  # the fresh trials that may tell them apart


def explain(trial, limit_s=20.0):
    """[Finding]: the repairs of the wrong gradients of a Trial whose outputs are right, in the order of backward.

    Nothing is named that does not hold on fresh trials; what is not found within limit_s seconds of searching, fresh
    trials not counted, is left out.
    """
    runner = Runner(trial, time.perf_counter() + limit_s)
    if not explicable(trial):
        return []
    with runner.opened():
        found = one_by_one(runner)
        left = trial.wrong() - mended(found)
        if any(hold.moved & left for hold, *_ in found):
            apart, found = one_by_one(runner, apart=True), harmless(found, left)
            found = max(apart, found, key=lambda one: len(mended(one)))
    return [finding for _, finding, _ in sorted(found, key=lambda one: one[0].turn)]


def one_by_one(runner, apart=False):
    """[(Hold, Finding, Span)]: one mistake after the other, each sought with the repairs before it made.

    apart: no repair may move a gradient that it does not set right.
    """
    found: list = []
    for _ in range(MISTAKES):
        try:
            survey = Survey(runner, [hold.change for hold, *_ in found], [span for *_, span in found])
            hold, rivals = search(survey, apart) if survey.faithful else (None, [])
        except OutOfTime:
            break
        if hold is None:
            break
        found.append((hold, *runner.unhurried(told, survey, hold, rivals)))
        if hold.change is None:
            break
    return found


def mended(found):
    """The keys that repairs set right together."""
    return frozenset().union(*(hold.fixed for hold, *_ in found))


def harmless(found, left):
    """The repairs before the first one that leaves one of the gradients that stay wrong further off than it was."""
    harm = (i for i, (hold, *_) in enumerate(found) if hold.worse & left)
    return found[: next(harm, len(found))]


def explicable(trial):
    """Whether gradients are wrong, or outputs, not both, and none by a number that is no number."""
    wrong = trial.wrong()
    given = [trial.ours[key] for key in wrong if key in trial.ours]
    return len({kind == "output" for kind, _ in wrong}) == 1 and all(np.isfinite(array).all() for array in given)


def tiers(survey):
    """Iterables of Holds, of the simpler kinds of change first."""
    yield held(survey, at_places(survey, rewritten, exponents, shapings))
    yield held_edits(survey, [*settings(survey), *rows_picked({place.site.code for place in survey.places})])
    yield held(survey, axes_together(survey))
    yield held(survey, at_places(survey, derivatives, kept_factors))
    yield held(survey, at_places(survey, scales))
    yield held(survey, at_places(survey, zeros_filled, upstream_of_terms, carried_factors))
    yield held(survey, chain(at_places(survey, exchanges, replacements), argument_changes(survey)))
    yield held(survey, at_places(survey, projections, softmaxes, links))
    yield held(survey, at_places(survey, additions, factors_of_terms, parts_added, counts_of_rows))
    yield held(survey, at_places(survey, missing_paths))
    yield held_edits(survey, numbers_off(survey))
    yield held_edits(survey, swaps({place.site.code for place in survey.places}))


def at_places(survey, *generators):
    """The Changes that these make of every place."""
    return chain.from_iterable(generate(survey, place) for place in survey.places for generate in generators)


def search(survey, apart=False):
    """(the Hold that sets most results right, the simplest of those; other Holds that are as simple).

    (None, []) where nothing holds. apart: see one_by_one.
    """
    whole = frozenset(key for key in survey.wrong if key in survey.results)
    partial: list = []
    for holds in map(list, tiers(survey)):
        best, rivals = simplest(survey, [hold for hold in holds if hold.fixed == whole])
        if best is not None:
            return best, rivals
        partial += [hold for hold in holds if hold.fixed != whole and hold.change and not (apart and hold.moved)]
    for size in sorted({len(hold.fixed) for hold in partial}, reverse=True):
        best, rivals = simplest(survey, [hold for hold in partial if len(hold.fixed) == size])
        if best is not None:
            return best, rivals
    return None, []


def simplest(survey, holds):
    """(the first of some Holds, by preference, that is confirmed; those of the same rank that are as well).

    One whose factor is right for longer inputs as well goes first.
    """
    ordered = sorted(((preference(survey, hold), hold) for hold in holds), key=lambda pair: pair[0])
    found = None
    for i, (_, hold) in enumerate(ordered):
        if confirmed(survey, hold):
            found = i if found is None else found
            if follows_lengths(survey, hold):
                found = i
                break
    if found is None:
        return None, []
    order, best = ordered[found]
    alike = [hold for other, hold in ordered[found + 1 :] if other[:1] == order[:1]]
    return best, [hold for hold in alike[:RIVALS] if hold.fixed == best.fixed and as_good(survey, hold)]


def follows_lengths(survey, hold):
    """Whether the factor that a Hold brings in is right where the inputs are longer as well; True where it has none."""
    if hold.change is None or "size" not in hold.change.note:
        return True
    return all(holds_on(survey, hold, trial) is not False for trial in survey.runner.stretched())


def as_good(survey, hold):
    """Whether a Hold holds on further fresh trials, too."""
    trials = map(survey.runner.fresh, FURTHER)
    return confirmed(survey, hold) and all(holds_on(survey, hold, trial) is not False for trial in trials)
