"""Convolution and pooling: stride, padding or crop ignored. The border is wrong, or all is off by a shift."""

from itertools import product

import numpy as np

from parity.diagnosis.evidence import Claim, by, each
from parity.diagnosis.relations import windowed
from parity.diagnosis.trial import SLACK

SPATIAL = ((2,), (1,), (0,), (2, 3), (1, 2), (0, 1))


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
    """H is G moved by one or more places along a spatial axis: the padding is cropped at the wrong place.

    What comes in at the end is the gradient by the padding, which G does not have.
    """
    G = e.G(key)
    if e.H(key).shape != G.shape or not windowed(e):
        return
    for axis in range(1, G.ndim):
        for shift in (s for n in range(1, (G.shape[axis] + 1) // 2) for s in (n, -n)):

            def holds(other, axis=axis, shift=shift):
                inner = np.abs(other.H(key) - shifted(other.G(key), [shift], [axis])) <= SLACK * other.trial.budget[key]
                return np.take(inner, kept(inner.shape[axis], shift), axis).all()

            text = f"{by(key)} is off by {shift} along axis {axis}: the padding is cropped at the wrong place"
            yield Claim("window-edge", frozenset([key]), holds, text)


def kept(length, shift):
    """The indices that still hold something once an axis is moved."""
    return range(max(shift, 0), length + min(shift, 0))


@each
def off_by_a_shift(e, key):
    """What one position of the output gives to H is what it gives to G, moved along the spatial axes, or nothing.

    Moved further with every position where the stride is ignored; nothing from the last where a loop ends too early.
    """
    if e.H(key).shape != e.G(key).shape or not windowed(e):
        return
    for axes in (axes for axes in SPATIAL if max(axes) < min(e.G(key).ndim, e.upstream[0].ndim)):
        shifts = shifts_of(e, key, axes)
        if shifts is None:
            continue

        def holds(other, axes=axes, shifts=shifts):
            total = np.zeros(other.G(key).shape)
            for position, shift in shifts.items():
                if shift is not None:
                    total += shifted(other.truth(upstream=only(other, position, axes))[key], shift, axes)
            return set(shifts) >= set(positions(other, axes)) and other.explains(key, total)

        moves = [f"from {position} {shift or 'nothing'}" for position, shift in shifts.items() if shift is None or any(shift)]
        text = f"{by(key)}: what an output position gives is moved along axes {axes}, or lost: {', '.join(moves[:3])}"
        yield Claim("window-edge", frozenset([key]), holds, text)


def shifts_of(e, key, axes):
    """{output position: the shift by which H of that position alone is G of it moved; None where it is 0}.

    None where a position has no such shift, where none is moved or lost, or more is lost than some at the end.
    """
    found: dict = {}
    for position in positions(e, axes):
        upstream = only(e, position, axes)
        H, G = e.run(upstream=upstream).get(key), e.truth(upstream=upstream)[key]
        if not H.any():
            found[position] = None
            continue
        reach = [range(-n + 1, n) for n in np.take(G.shape, axes)]
        tries = sorted(product(*reach), key=lambda shift: np.abs(shift).sum())
        found[position] = next((s for s in tries if e.trial.agrees(key, H, shifted(G, s, axes))), None)
        if found[position] is None:
            return None
    lost = [position for position, shift in found.items() if shift is None]
    early = max((position for position in found if position not in lost), default=())
    at_the_end = len(lost) < len(found) / 2 and all(any(np.subtract(position, early) > 0) for position in lost)
    return found if at_the_end and (lost or any(map(any, found.values()))) else None


def positions(e, axes):
    return list(np.ndindex(*np.take(e.upstream[0].shape, axes)))


def only(e, position, axes):
    """The upstream gradients with all but one output position set to 0."""
    g = e.upstream[0]
    index: list = [slice(None)] * g.ndim
    for axis, i in zip(axes, position, strict=True):
        index[axis] = i
    kept = np.zeros_like(g)
    kept[tuple(index)] = g[tuple(index)]
    return [kept, *(np.zeros_like(other) for other in e.upstream[1:])]


def shifted(array, shift, axes):
    """An array moved along axes, with 0 where nothing comes from."""
    found = np.zeros(array.shape)
    to, source = [slice(None)] * array.ndim, [slice(None)] * array.ndim
    for axis, s in zip(axes, shift, strict=True):
        n = array.shape[axis]
        to[axis], source[axis] = slice(max(s, 0), n + min(s, 0)), slice(max(-s, 0), n + min(-s, 0))
    found[tuple(to)] = array[tuple(source)]
    return found


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
            yield Claim("window-edge", frozenset([key]), holds, text, alike=True, confidence=0.9)


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
    if key[0] != "parameter" or not windowed(e) or g.ndim < 2 or e.H(key).shape != e.G(key).shape:
        return
    for axes in (axes for axes in SPATIAL if 0 < min(axes) and max(axes) < g.ndim and min(np.take(g.shape, axes)) > 2):

        def holds(other, axes=axes):
            inner = np.zeros(other.upstream[0].shape)
            inner[tuple(slice(1, -1) if axis in axes else slice(None) for axis in range(inner.ndim))] = 1
            upstream = [other.upstream[0] * inner, *(np.zeros_like(g) for g in other.upstream[1:])]
            truth = other.truth(upstream=upstream)[key]
            return np.any(truth) and other.trial.agrees(key, other.run(upstream=upstream).get(key), truth)

        text = f"{by(key)} is right but for what comes through the border of the output along axes {axes}"
        yield Claim("window-edge", frozenset([key]), holds, text, confidence=0.9)
