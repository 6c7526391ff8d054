"""What a loss lacks between its probabilities and its scores.

With p = σ(z), dJ/dz = p (1 − p) dJ/dp: p − t is the gradient by z. With p = softmax(z), it is p (dJ/dp − Σ p dJ/dp).
"""

import numpy as np

from parity.diagnosis.changes.change import Change, Edit, Named
from parity.diagnosis.changes.factors import is_float
from parity.diagnosis.changes.projections import of_shares

JACOBIAN = "V * (E - (E * V).sum(axis=-1, keepdims=True))"
LOGISTIC = "E / (V * (1 - V))"


def links(survey, place):
    """The Changes of a place in a loss that put the derivative of softmax in, or take that of the sigmoid out."""
    result = place.result
    if not is_float(result) or not survey.trial.hand.joint:
        return
    for text, turns in place.distinct:
        if not is_float(turns[0]) or np.shape(turns[0]) != np.shape(result):
            continue
        values = {"V": Named(text)}
        if all(map(of_shares, turns)):
            yield Change("softmax in", 2.9, (Edit(place.site, JACOBIAN, None, values),), {"function": "softmax"})
        elif all(map(between, turns)) and is_input(survey, turns[0]):
            yield Change("sigmoid out", 2.9, (Edit(place.site, LOGISTIC, None, values),), {"function": "sigmoid"})


def between(value):
    """Whether every entry may be a probability."""
    return bool(((value > 0) & (value < 1)).all())


def is_input(survey, value):
    return any(np.array_equal(survey.trial.arrays[name], value) for name in survey.trial.hand.input_names)
