"""Convolution and pooling at their borders: padding that is not cropped, or at the wrong place, windows left out."""

from itertools import product

import numpy as np

from parity.diagnosis.structure.claim import Claim, by, each
from parity.diagnosis.structure.lines import writer
from parity.diagnosis.structure.relations import windowed
from parity.diagnosis.structure.shifts import SPATIAL, kept, shifted
from parity.trial import SLACK


@each
def not_cropped(e, key):
    """H has the padding still on: G is H without the same number of entries at both ends of the padded axes."""
    H, G = e.H(key), e.G(key)
    if H.ndim != G.ndim or H.shape == G.shape or not windowed(e):
        return
    extra = np.subtract(H.shape, G.shape)
    if (extra < 0).any():
        return
    for before in product(*(range(n + 1) for n in extra)):

        def holds(other, before=before):
            inner = tuple(slice(b, b + n) for b, n in zip(before, other.G(key).shape, strict=True))
            return other.agrees(key, other.H(key)[inner])

        text = f"{by(key)} has shape {H.shape} for {G.shape}: the padding is not cropped"
        yield Claim("window-edge", frozenset([key]), holds, text)


@each
def cropped_elsewhere(e, key):
    """H is G moved by as many places along one spatial axis or several: the padding is cropped at the wrong place.

    What comes in at the end is the gradient by the padding, which G does not have.
    """
    G = e.G(key)
    if e.H(key).shape != G.shape or not windowed(e):
        return
    several = [axes for axes in SPATIAL.get(G.ndim, ()) if len(axes) > 1]
    for axes in (*((axis,) for axis in range(1, G.ndim)), *several):
        for shift in (s for n in range(1, (min(np.take(G.shape, axes)) + 1) // 2) for s in (n, -n)):

            def holds(other, axes=axes, shift=shift):
                G = other.G(key)
                near = np.abs(other.H(key) - shifted(G, [shift] * len(axes), axes)) <= SLACK * other.trial.budget[key]
                inner = np.ix_(*(kept(n, shift if axis in axes else 0) for axis, n in enumerate(G.shape)))
                return near[inner].all()

            along = f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"
            text = f"{by(key)} is off by {shift} along {along}: the padding is cropped at the wrong place"
            yield Claim("window-edge", frozenset([key]), holds, text)


@each
def wrong_at_the_border(e, key):
    """H is wrong in the first or last entries along a spatial axis alone, the same ones on all data."""
    if e.H(key).shape != e.G(key).shape or not windowed(e):
        return
    for axis in range(1, e.G(key).ndim):
        wrong = wrong_along(e, key, axis)
        border = is_border(wrong)
        if border:

            def holds(other, axis=axis, wrong=wrong):
                return np.array_equal(wrong_along(other, key, axis), wrong)

            at = ", ".join(map(str, np.flatnonzero(wrong)))
            text = f"{by(key)} is wrong at the border alone: at {at} of {len(wrong)} along axis {axis}"
            yield Claim("window-edge", frozenset([key]), holds, text, writer(e, key), alike=True, confidence=0.9)


def wrong_along(e, key, axis):
    """Which entries along an axis have a wrong number somewhere."""
    with np.errstate(all="ignore"):
        wrong = np.abs(e.H(key) - e.G(key)) > e.trial.budget[key]
    return wrong.any(axis=tuple(i for i in range(wrong.ndim) if i != axis))


def is_border(wrong):
    """Whether entries at one end or both are wrong, fewer than half of all."""
    inner = np.flatnonzero(~wrong)
    return bool(wrong.any() and inner.size > len(wrong) / 2 and not wrong[inner[0] : inner[-1] + 1].any())


@each
def wrong_through_the_border(e, key):
    """A weight's H is right once the upstream gradient is 0 at the border of the output, and wrong with it there."""
    g = e.upstream[0]
    if key[0] != "parameter" or not windowed(e) or e.H(key).shape != e.G(key).shape:
        return
    for axes in (axes for axes in SPATIAL.get(g.ndim, ()) if min(np.take(g.shape, axes)) > 2):

        def holds(other, axes=axes):
            inner = np.zeros(other.upstream[0].shape)
            inner[tuple(slice(1, -1) if axis in axes else slice(None) for axis in range(inner.ndim))] = 1
            upstream = [other.upstream[0] * inner, *(np.zeros_like(g) for g in other.upstream[1:])]
            truth = other.truth(upstream=upstream)[key]
            return np.any(truth) and other.trial.agrees(key, other.run(upstream=upstream).get(key), truth)

        text = f"{by(key)} is right but for what comes through the border of the output along axes {axes}"
        yield Claim("window-edge", frozenset([key]), holds, text, confidence=0.9)
