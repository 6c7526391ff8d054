"""Relations of a wrong gradient H to the right one G that rearrange entries, flip signs, or leave nothing."""

from functools import partial
from itertools import combinations, permutations

import numpy as np

from parity.diagnosis.claim import Claim, by, each, righted
from parity.diagnosis.origins import states

VIEWS_OF_WINDOWS = {"sliding_window_view", "pad", "convolve", "correlate"}


def never_written(e, keys):
    """H is 0 in every entry, or missing, while G is not."""
    for key in keys:

        def holds(other, key=key):
            return not np.any(other.trial.ours.get(key, 0)) and np.any(other.G(key))

        text = f"{by(key)} is never written: it is 0 everywhere, on all data"
        yield Claim("never-written", frozenset([key]), holds, text, where="backward")


@each
def sign_flipped(e, key):
    """H = −G."""
    text = f"{by(key)} has the wrong sign: ours = −theirs in every entry, at N = {{N}}"
    yield Claim("sign-flipped", frozenset([key]), righted(key, np.negative), text)


@each
def transposed(e, key):
    """H = Gᵀ, for any other order of two or more axes; G random, so that no symmetric matrix hides it."""
    H, G = e.H(key), e.G(key)
    if H.ndim != G.ndim:
        return
    for order in permutations(range(G.ndim)):
        if order != tuple(range(G.ndim)) and H.transpose(order).shape == G.shape:
            how = "transposed" if G.ndim == 2 else f"with its axes in another order; transpose it by {order}"
            text = f"{by(key)} is {how}: shape {H.shape} for {G.shape}, the same entries"
            yield Claim("transposed", frozenset([key]), righted(key, partial(np.transpose, axes=order)), text)


@each
def reversed_axes(e, key):
    """H is G reversed along some axes; a kernel along its trailing ones: convolution for correlation."""
    G = e.G(key)
    if e.H(key).shape != G.shape:
        return
    for count in range(1, G.ndim + 1):
        for axes in combinations(range(G.ndim), count):
            kernel = axes in ((G.ndim - 1,), (G.ndim - 2, G.ndim - 1)) and (windowed(e) or G.ndim > 2)
            text = f"{by(key)} is reversed along axis {', '.join(map(str, axes))}"
            code = "kernel-flipped" if kernel else "permuted"
            yield Claim(code, frozenset([key]), righted(key, partial(np.flip, axis=axes)), text)


@each
def rolled(e, key):
    """H is G moved along an axis by one or two places, around the end."""
    G = e.G(key)
    for axis in range(G.ndim if e.H(key).shape == G.shape else 0):
        for shift in (s for s in (1, -1, 2, -2) if abs(s) < G.shape[axis]):
            back = partial(np.roll, shift=-shift, axis=axis)
            text = f"{by(key)} is off by an index: entry i along axis {axis} holds that of i − {shift}"
            yield Claim("permuted", frozenset([key]), righted(key, back), text.replace("− -", "+ "))


@each
def slices_permuted(e, key):
    """The slices of H along an axis are those of G in another order: rows, heads, or the blocks of gates."""
    H, G = e.H(key), e.G(key)
    for axis in range(G.ndim if H.shape == G.shape else 0):
        order = matching(*(np.moveaxis(array, axis, 0).reshape(G.shape[axis], -1) for array in (H, G)))

        def holds(other, axis=axis, order=order):
            same = other.G(key).shape[axis] == len(order)
            return same and other.agrees(key, np.take(other.H(key), order, axis))

        text = f"{by(key)} has its {in_words(order)} along axis {axis}"
        yield Claim("permuted", frozenset([key]), holds, text)


@each
def entries_permuted(e, key):
    """H has the entries of G in other places, the same ones on all data: a reshape for a transpose."""
    H, G = e.H(key), e.G(key)
    if H.shape != G.shape or G.ndim < 2:
        return
    order = matching(H.reshape(-1, 1), G.reshape(-1, 1))

    def holds(other):
        H, G = other.H(key), other.G(key)
        if G.size == len(order):
            return other.agrees(key, H.ravel()[order].reshape(G.shape))
        found = np.empty(G.size)
        found[np.argsort(G, axis=None)] = np.sort(H, axis=None)
        return other.agrees(key, found.reshape(G.shape))

    text = f"{by(key)} has the right entries in the wrong places, the same ones whatever the data"
    yield Claim("permuted", frozenset([key]), holds, text, alike=True)


def exchanged(e, keys):
    """H of one key is G of another and the other way round, or so in a circle: dQ and dK exchanged."""
    given = [key for key in sorted(keys) if e.H(key) is not None]
    taken = {a: b for a in given for b in given if a != b and e.trial.agrees(b, e.H(a), e.G(b))}
    circle = frozenset(key for key in taken if key in taken.values())
    if circle and all(taken[key] in circle for key in circle):

        def holds(other):
            return all(other.trial.agrees(taken[a], other.H(a), other.G(taken[a])) for a in circle)

        pairs = ", ".join(f"what is returned for {a[1]} is the gradient by {taken[a][1]}" for a in sorted(circle))
        yield Claim("permuted", circle, holds, f"gradients are exchanged: {pairs}")


@each
def of_another_weight(e, key):
    """H is the right gradient for another weight W in place of W: reversed along its trailing axes, or transposed.

    Right only for a symmetric W. The gradient by x of a layer that is linear in x does not depend on x, so that it can
    be compared with the truth at the other weight.
    """
    for name, W in e.arrays.items():
        if name == key[1] or W.ndim == 0 or W.dtype.kind != "f":
            continue
        tries = [("transposed", "transposed", np.transpose)] if W.ndim == 2 and W.shape[0] == W.shape[1] else []
        if windowed(e):
            for axes in {(W.ndim - 1,), tuple(range(max(W.ndim - 2, 0), W.ndim))}:
                tries.append(("kernel-flipped", "reversed", lambda W, axes=axes: np.flip(W, axes)))
        for code, how, change in tries:

            def holds(other, name=name, change=change):
                arrays = other.arrays | {name: np.ascontiguousarray(change(other.arrays[name]))}
                return other.explains(key, other.truth(arrays)[key])

            yield Claim(code, frozenset([key]), holds, f"{by(key)} is that of {name} {how}")


def windowed(e):
    """Whether the forward reads an array in windows: slices that move from turn to turn, padding, NumPy's own ways.

    Not where a state is carried through the loop: then the slices are steps in time.
    """
    slices: dict = {}
    for event in e.forward:
        if event.name == "getitem" and bounded(event.operands[1]):
            slices.setdefault(event.site, set()).add(repr(event.operands[1]))
    moving = any(len(different) > 1 for different in slices.values())
    return (moving or any(event.name in VIEWS_OF_WINDOWS for event in e.forward)) and not states(e)[0]


def bounded(key):
    """Whether an index has a slice with a start, a stop or a step."""
    return any(isinstance(k, slice) and k != slice(None) for k in (key if isinstance(key, tuple) else (key,)))


def matching(H, G):
    """The order in which rows of H are those of G, as far as their sizes tell."""
    weights = np.random.default_rng(0).uniform(0.5, 1.5, H.shape[1])
    order = np.empty(len(G), int)
    order[np.argsort(G @ weights)] = np.argsort(H @ weights)
    return order


def in_words(order):
    """`4 blocks in the order 0, 2, 1, 3` for the largest blocks that stay whole, `12 slices in another order`."""
    for size in range(len(order) // 2, 1, -1):
        firsts = order[::size]
        if len(order) % size == 0 and (order == (firsts[:, None] + np.arange(size)).ravel()).all():
            return f"{len(firsts)} blocks in the order {', '.join(str(i // size) for i in np.argsort(firsts))}"
    return f"{len(order)} slices in another order"
