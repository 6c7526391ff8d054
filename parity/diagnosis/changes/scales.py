"""A factor that is missing or too much: fitted, since a gradient is linear in what is passed on, not guessed."""

import math

import numpy as np

from parity.diagnosis.changes.change import Change, Edit, Size
from parity.diagnosis.changes.sizes import formulas, lengths_of
from parity.tape.recording import Tape

TELLING = 2  # fresh trials on which the same factor must be found
NEARLY_ONE = 1e-9  # a factor of 1 changes nothing
NEARLY_ZERO = 1e-9  # one of 0 takes a gradient away that should not be there: that is no factor of it
TERMS = ("add", "subtract")


def scales(survey, place):
    """The Changes that multiply the result of a place, or a term of its sum, by a factor that sets results right."""
    if place.loops or place.result is None:
        turns = [-1.0, 2.0, 0.5] if place.loops else []
        return [scaled((Edit(place.site, "E * S", None, {"S": Size((), c)}),)) for c in turns]
    found = fitted(survey, (Edit(place.site, "E * S", None),))
    if place.name in TERMS:
        for k in (0, 1):
            if np.ndim(place.operands[k]) and place.event.names[k]:
                found += fitted(survey, (Edit(place.site, "E * S", k),))
    return found


def fitted(survey, edits):
    """The Changes that scale at all these edits by one factor, which holds on fresh trials as well."""
    base = survey.trial
    factors: dict = {}
    for key, factor in fits(survey, base, edits).items():
        if abs(factor - 1) > NEARLY_ONE:
            factors.setdefault(round(factor, 6), []).append(key)
    found = []
    for keys in factors.values():
        trials = [base, *(trial for trial in map(base.fresh, range(TELLING)) if trial is not None)]
        measured = [fits(survey, trial, edits).get(keys[0]) for trial in trials]
        if len(trials) > TELLING and None not in measured:
            sizes = formulas(measured, lengths_of([Tape(arrays=everything(trial)) for trial in trials]))
            found += [scaled(tuple(with_factor(edit, size) for edit in edits)) for size in sizes]
    return found


def everything(trial):
    """The arrays of a run, upstream gradients among them."""
    return trial.arrays | {("upstream", i): g for i, g in enumerate(trial.upstream)}


def fits(survey, trial, edits):
    """{key: the factor at the edits that makes this wrong result right}, for those that one makes right."""
    once, twice = (
        survey.runner.run(
            trial, [*survey.active, scaled(tuple(with_factor(e, Size((), c)) for e in edits))], noting=False
        )
        for c in (1.0, 2.0)
    )
    if once is None or twice is None:
        return {}
    found = {key: fit(trial, key, once.results.get(key), twice.results.get(key)) for key in trial.wrong(once.results)}
    return {key: factor for key, factor in found.items() if factor is not None and abs(factor) > NEARLY_ZERO}


def fit(trial, key, once, twice):
    """The c for which once + (c − 1) (twice − once) is right; None where none is."""
    right = trial.truth[key]
    if once is None or twice is None or np.shape(once) != np.shape(right) or np.shape(twice) != np.shape(right):
        return None
    once, step = np.asarray(once, float), np.asarray(twice, float) - once
    size = float(np.sum(step * step))
    if not np.isfinite(size) or size == 0:
        return None
    c = float(np.sum(step * (right - once))) / size
    return c + 1 if trial.agrees(key, once + c * step, right) else None


def with_factor(edit, size):
    return Edit(edit.site, edit.template, edit.operand, {"S": size})


def scaled(edits):
    """The Change that multiplies by a Size at all these edits."""
    size = edits[0].values["S"]
    if not size.powers and size.constant == -1.0:
        edits = tuple(Edit(edit.site, "-E", edit.operand) for edit in edits)
        return Change("sign", 1.3, edits)
    return Change("scale", 2.0 + complexity(size), edits, {"size": size})


def complexity(size):
    """How far-fetched a factor is: a power of 2 least, then lengths of the data, then any other number."""
    if not size.powers:
        return 0.0 if math.log2(abs(size.constant) or 1.0).is_integer() else 0.25
    return 0.1 * len(size.powers) + 0.3 * (abs(size.constant) != 1.0)
