"""Windows at the wrong place: what one output position, or one entry of a kernel, gives lands off by a shift.

By more at every position where a stride is ignored, by more at every entry where a dilation is; what the last position
gives is lost where a loop ends too early.
"""

from itertools import product

import numpy as np

from parity.diagnosis.structure.claim import Claim, by, each
from parity.diagnosis.structure.lines import writer
from parity.diagnosis.structure.relations import windowed
from parity.trial import SLACK

# by the number of axes: which may be spatial, with or without a batch, channels first or last
SPATIAL: dict = {1: ((0,),), 2: ((1,), (0,), (0, 1)), 3: ((2,), (1,), (1, 2)), 4: ((2,), (3,), (2, 3), (1, 2))}
LOST = "nothing"
FEW = 6
MOST_PLACES = 64  # the subject and its reference run once for each


@each
def positions_moved(e, key):
    """What a position of the output gives to H is what it gives to G, moved along the spatial axes, or nothing."""
    if e.H(key).shape != e.G(key).shape or not windowed(e):
        return
    g = e.upstream[0]
    for axes in (axes for axes in SPATIAL.get(e.G(key).ndim, ()) if max(axes) < g.ndim):
        places = list(np.ndindex(*np.take(g.shape, axes)))

        def at(other, place, axes=axes):
            return other.arrays, only(other, place, axes)

        yield from moved(e, key, axes, places, at, "the output position")


@each
def taps_moved(e, key):
    """What an entry of the kernel W gives to H is what it gives to G, moved along the spatial axes."""
    kernels = [name for name, W in e.arrays.items() if W.dtype.kind == "f" and W.ndim > 2 and name != key[1]]
    if e.H(key).shape != e.G(key).shape or not windowed(e):
        return
    for name, axes in product(kernels, SPATIAL.get(e.G(key).ndim, ())):
        count = len(axes)
        if e.arrays[name].ndim > count:
            places = list(np.ndindex(*e.arrays[name].shape[-count:]))

            def at(other, place, name=name, count=count):
                W = np.zeros_like(other.arrays[name])
                index = (..., *place)
                W[index] = other.arrays[name][index]
                return other.arrays | {name: W}, other.upstream

            yield from moved(e, key, axes, places, at, f"the entry of {name}")


def moved(e, key, axes, places, at, what):
    """The claim that H of every place alone is G of it moved by a shift of its own, the same on all data.

    Here all of them are tried; on other data a few, since each takes two runs.
    """
    shifts = shifts_of(e, key, axes, places, at) if len(places) <= MOST_PLACES else None
    if shifts is None:
        return

    def holds(other):
        some = () if other is e else list(shifts.items())[:: -(-len(shifts) // FEW)]
        return all(shift in fitting(other, key, axes, at(other, place)) for place, shift in some)

    moves = [f"{place} by {shift}" for place, shift in shifts.items() if shift == LOST or any(shift)]
    text = f"{by(key)}: what {what} gives is moved along axes {axes}, or lost: {', '.join(moves[:3])}"
    yield Claim("window-edge", frozenset([key]), holds, text, writer(e, key))


def shifts_of(e, key, axes, places, at):
    """{place: shift, or LOST}; None where a place has none, none is moved, or more is lost than some at the end."""
    found: dict = {}
    for place in places:
        shift = next(iter(fitting(e, key, axes, at(e, place))), None)
        if shift is None:
            return None
        found[place] = shift
    lost = [place for place, shift in found.items() if shift == LOST]
    early = max((place for place in found if place not in lost), default=())
    at_the_end = len(lost) < len(found) / 2 and all(any(np.subtract(place, early) > 0) for place in lost)
    return found if at_the_end and (lost or any(map(any, found.values()))) else None


def fitting(e, key, axes, run):
    """The shifts by up to half an axis, small ones first, by which H of a run is G of it moved, inside the array."""
    H, G = e.run(*run).get(key), e.truth(*run)[key]
    if not np.any(H) and np.any(G):
        yield LOST
        return
    for shift in sorted(product(*(range(-(n // 2), n // 2 + 1) for n in np.take(G.shape, axes))), key=np.linalg.norm):
        inner = np.ix_(*(kept(n, dict(zip(axes, shift, strict=True)).get(i, 0)) for i, n in enumerate(G.shape)))
        there = shifted(G, shift, axes)[inner]
        if np.any(there) and (np.abs(H[inner] - there) <= SLACK * e.trial.budget[key][inner]).all():
            yield shift


def only(e, place, axes):
    """The upstream gradients with all but one output position set to 0."""
    g = e.upstream[0]
    index: list = [slice(None)] * g.ndim
    for axis, i in zip(axes, place, strict=True):
        index[axis] = i
    kept = np.zeros_like(g)
    kept[tuple(index)] = g[tuple(index)]
    return [kept, *(np.zeros_like(other) for other in e.upstream[1:])]


def kept(length, shift):
    """The indices that still hold something once an axis is moved."""
    return range(max(shift, 0), length + min(shift, 0))


def shifted(array, shift, axes):
    """An array moved along axes, with 0 where nothing comes from."""
    found = np.zeros(array.shape)
    to, source = [slice(None)] * array.ndim, [slice(None)] * array.ndim
    for axis, s in zip(axes, shift, strict=True):
        n = array.shape[axis]
        to[axis], source[axis] = slice(max(s, 0), n + min(s, 0)), slice(max(-s, 0), n + min(-s, 0))
    found[tuple(to)] = array[tuple(source)]
    return found
