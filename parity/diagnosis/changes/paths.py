"""Terms of a gradient that no line computes: products of values in reach that make up what is missing."""

from itertools import product

import numpy as np

from parity.diagnosis.changes.change import Change, Edit, Named
from parity.diagnosis.repairs.pairs import close

MOST = 24  # arrays in reach that are multiplied with one another
ENTRYWISE = "{0} * {1}"
REDUCED = tuple(f"({ENTRYWISE}).{name}(axis={axis}, keepdims=True)" for name in ("sum", "mean") for axis in (0, 1))
FORMS = ("{0} @ {1}", "{0}.T @ {1}", "{0} @ {1}.T", "{0}.T @ {1}.T", ENTRYWISE, *REDUCED)
SYMMETRIC = (ENTRYWISE, *REDUCED)


def missing_paths(survey, place):
    """The Changes that add one product, or two, to what a place gives as a result of the run."""
    for key in sorted(place.reach):
        found = survey.results.get(key)
        if place.loops or found is None or not same_matrix(place.result, found, survey.trial.truth[key]):
            continue
        missing = survey.trial.truth[key] - found
        terms = list(products(place, missing.shape))
        for rank, chosen in combinations(terms, missing):
            template = "E"
            values: dict = {}
            for i, (sign, (form, names, _)) in enumerate(chosen):
                letters = f"V{i}", f"W{i}"
                template += f" {sign} {form.format(*letters)}"
                values |= {letter: Named(name) for letter, name in zip(letters, names, strict=True)}
            yield Change("path", rank, (Edit(place.site, template, None, values),))


def zeros_filled(survey, place):
    """The Changes that put a value in reach, or a product of two, where zeros are passed on."""
    result = np.asarray(place.result)
    if result.dtype.kind != "f" or any(np.any(event.result) for event in place.events):
        return
    for text, turns in place.distinct:
        if np.shape(turns[0]) == result.shape and np.any(turns[0]):
            yield Change("zeros", 2.8, (Edit(place.site, "V", None, {"V": Named(text)}),))
    for form, (left, right), value in products(place, result.shape):
        if np.any(value):
            values = {"V": Named(left), "W": Named(right)}
            yield Change("zeros", 3.0, (Edit(place.site, form.format("V", "W"), None, values),))


def same_matrix(result, found, right):
    shapes = {np.shape(result), np.shape(found), np.shape(right)}
    return np.ndim(result) == 2 and len(shapes) == 1 and np.array_equal(result, found)


def products(place, shape):
    """(form, names, array) of every product of two matrices in reach that has this shape."""
    arrays = [(text, np.asarray(turns[0])) for text, turns in place.distinct if np.ndim(turns[0]) == 2][:MOST]
    for (left, a), (right, b) in product(arrays, repeat=2):
        for form in FORMS:
            if form in SYMMETRIC and left > right:
                continue
            with np.errstate(all="ignore"):
                try:
                    value = eval(form.format("a", "b"), {"a": a, "b": b})
                except ValueError:
                    continue
            fitting = value.shape == shape or (form in REDUCED and a.shape == b.shape == shape)
            if fitting and value.dtype.kind == "f":
                yield form, (left, right), np.broadcast_to(value, shape)


def combinations(terms, missing):
    """(rank, [(sign, term)]) of one or two of the terms that make up what is missing."""
    for term, sign in product(terms, "+-"):
        if close(term[2] if sign == "+" else -term[2], missing):
            yield 4.0, [(sign, term)]
    if not terms:
        return
    stacked = np.stack([term[2] for term in terms])
    size = np.abs(missing).max()
    for i, term in enumerate(terms):
        rest = missing - term[2]
        far = np.abs(stacked[i + 1 :] - rest).max(axis=(1, 2), initial=0.0)
        for j in np.flatnonzero(far <= 1e-7 * size):  # half of the digits, as in `close`
            yield 4.5, [("+", term), ("+", terms[i + 1 + j])]
