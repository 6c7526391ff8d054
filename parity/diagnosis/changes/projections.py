"""What a statistic takes out of a gradient: its mean, its part along the normalised values, its share of a softmax.

y = (x − mean) / std has dx = (g − mean g − y · mean (g y)) / std; a softmax s has dz = s (g − Σ g s).
"""

import numpy as np

from parity.diagnosis.changes.change import Change, Edit, Named
from parity.diagnosis.changes.factors import chains, is_float

AXES: dict = {1: (0,), 2: (0, 1), 3: (0, 1, 2, (1, 2)), 4: (1, (2, 3), (0, 2, 3), (1, 2, 3))}  # by number of axes
MEAN = "E.mean(axis={0}, keepdims=True)"
ALONG = "V * (E * V).mean(axis={0}, keepdims=True)"
LENGTH = "V * (E * V).sum(axis={0}, keepdims=True)"
SOFTMAX = "V * ({0} - ({0} * V).sum(axis=-1, keepdims=True))"


def projections(survey, place):
    """The Changes of a place that take out of its result what the statistics of a layer take out."""
    if not is_float(place.result) or (place.event.phase == "forward" and not survey.trial.hand.joint):
        return
    result = np.asarray(place.result)
    alike = [text for text, turns in place.distinct if is_float(turns[0]) and turns[0].shape == result.shape]
    for axis in AXES.get(result.ndim, ()):
        mean = MEAN.format(axis)
        yield less(place, 3.0, axis, mean)
        for text in alike:
            along, length = ALONG.format(axis), LENGTH.format(axis)
            yield less(place, 3.1, axis, along, V=Named(text))
            yield less(place, 3.2, axis, length, V=Named(text))
            yield less(place, 3.3, axis, f"{mean} - {along}", V=Named(text))


def less(place, rank, axis, terms, **values):
    return Change("projection", rank, (Edit(place.site, f"E - {terms}", None, values),), {"axis": axis})


def softmaxes(survey, place):
    """The Changes of a product that put a softmax's derivative in place of all its factors but one."""
    shares = [text for text, turns in place.distinct if all(of_shares(value) for value in turns)]
    for path, _ in chains(survey, place) if shares else ():
        *drops, last = [Edit(site, "AB"[k]) for site, k in path]
        for text in shares:
            edit = Edit(last.site, SOFTMAX.format(last.template), None, {"V": Named(text)})
            yield Change("softmax", 3.0, (*drops, edit))


def of_shares(value):
    """Whether the entries along the last axis are positive and sum to 1."""
    value = np.asarray(value)
    return value.ndim > 1 and value.dtype.kind == "f" and bool((value > 0).all()) and np.allclose(value.sum(-1), 1)
