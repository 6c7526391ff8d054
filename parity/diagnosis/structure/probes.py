"""What only other upstream gradients, parameters or batch sizes show."""

from functools import partial

import numpy as np

from parity.diagnosis.structure.claim import Claim, by, each
from parity.diagnosis.structure.origins import is_scale


def upstream_ignored(e, keys):
    """H is not 0 and stays as it is when the upstream gradient is scaled and redrawn."""
    if not e.hand.takes_upstream:
        return
    for key in sorted(keys):
        text = f"{by(key)} does not depend on the upstream gradient: the same when that is redrawn and scaled by 3"
        yield Claim("upstream-ignored", frozenset([key]), partial(ignores, key), text)


def ignores(key, e):
    """Whether H is not 0 and the same for another upstream gradient."""
    again = e.run(upstream=[redrawn(g) for g in e.upstream])
    return e.H(key) is not None and e.H(key).any() and e.explains(key, again.get(key))


def redrawn(g):
    """Another upstream gradient, three times as large."""
    return np.asarray(3 * np.random.default_rng(0).choice([-1, 1], g.shape) * g[::-1] if g.ndim else -3 * g, g.dtype)


def output_ignored(e, keys):
    """H is the right gradient with the upstream gradient of one of several outputs taken as 0."""
    for i in range(len(e.upstream) if len(e.upstream) > 1 else 0):

        def without(other, i=i):
            return other.truth(upstream=[g * (j != i) for j, g in enumerate(other.upstream)])

        found = without(e)
        some = frozenset(key for key in keys if e.explains(key, found[key]))
        if some:

            def holds(other, some=some, without=without):
                found = without(other)
                return all(other.explains(key, found[key]) for key in some)

            text = f"{by(some)}: nothing comes back from output {i}, its upstream gradient is not used"
            yield Claim("path-missing", some, holds, text)


@each
def skip_missing(e, key):
    """H is G without the upstream gradient itself, which a skip connection y = f(x) + x hands on as it is."""
    for i, g in enumerate(e.upstream):
        if g.shape == e.G(key).shape:

            def holds(other, i=i):
                H, g = other.H(key), other.upstream[i]
                return H is not None and H.shape == g.shape and other.agrees(key, H + g)

            text = f"{by(key)} lacks the upstream gradient itself, which the skip connection hands on"
            yield Claim("path-missing", frozenset([key]), holds, text)


@each
def scale_missing(e, key):
    """A scale γ is left out: γ·H = G per channel, or the same backward is right once the upstream gradient is γ·g."""
    for name in e.arrays:
        if name == key[1] or not is_scale(e, name):
            continue
        for axis in range(max(e.G(key).ndim, *(g.ndim for g in e.upstream))):

            def after(other, name=name, axis=axis):
                H = other.H(key)
                return other.agrees(key, H * along(other.arrays[name], axis, H.shape))

            def before(other, name=name, axis=axis):
                scaled = [g * along(other.arrays[name], axis, g.shape) for g in other.upstream]
                return other.agrees(key, other.run(upstream=scaled).get(key))

            text = f"{by(key)} lacks the factor {name}: right once multiplied by it, per entry along axis {axis}"
            yield Claim("scale-missing", frozenset([key]), after, text)
            yield Claim("scale-missing", frozenset([key]), before, text)


def along(scale, axis, shape):
    """A scale of one axis, or of one entry, along an axis of an array of that shape; NaN where it does not fit."""
    if scale.size == 1:
        return scale.reshape(())
    if scale.ndim != 1 or axis >= len(shape) or shape[axis] != scale.size:
        return np.nan
    return scale.reshape((-1,) + (1,) * (len(shape) - axis - 1))
