"""The lines of backward that a claim is about: where a gradient is made, written, or started from."""

import numpy as np

from parity.diagnosis.structure.origins import VIEWS
from parity.tape.operations import WRITES


def maker(e, key):
    """The site of the last operation whose result is the gradient that the subject gave, `mine.py:23`; `backward`."""
    wrong = e.trial.ours.get(key)
    for event in reversed(e.backward):
        if np.shape(event.result) == np.shape(wrong) and is_made_of(e, event, wrong):
            return "backward" if event.passes_on else repr(event.site)
    return "backward"


def writer(e, key):
    """The site of the last write to the array of which a gradient is a view; its maker's where there is none."""
    wrong, at = e.trial.ours.get(key), None
    for event in reversed(e.backward):
        if at is None and np.shape(event.result) == np.shape(wrong) and is_made_of(e, event, wrong):
            at = event.index
        if event.index == at and event.name in VIEWS:
            at = event.origins[0]
        elif event.index == at:
            return repr(event.site) if event.name in WRITES else maker(e, key)
    return maker(e, key)


def reader(e):
    """The site of the first operation of backward that takes the upstream gradient; `backward` where none does."""
    sites = (repr(event.site) for event in e.backward if ("upstream", 0) in event.origins)
    return next(sites, "backward")


def is_made_of(e, event, wrong):
    """Whether a gradient is the result of an event; of a loss that is scaled by the upstream gradient, before that."""
    if not e.hand.joint or event.phase == "backward":
        return not e.hand.joint and np.array_equal(event.result, wrong)
    g = e.upstream[0]
    spread = g.shape == np.shape(wrong)[: g.ndim]
    return spread and np.array_equal(g.reshape(g.shape + (1,) * (np.ndim(wrong) - g.ndim)) * event.result, wrong)
