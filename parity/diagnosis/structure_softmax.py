"""Softmax and its loss: a Jacobian taken as diagonal, a target left out, a link applied twice or not at all."""

from itertools import product

import numpy as np

from parity.diagnosis.evidence import Claim, by
from parity.diagnosis.origins import is_floats
from parity.diagnosis.places import claims, values

SHARES = 1e-5  # a recorded softmax sums to 1 within rounding, in float32 as well


def with_jacobian(v, s, axis):
    """v − s Σ v."""
    return v - s * np.sum(v, axis, keepdims=True)


# what H is at some place, s a softmax of the forward and g its upstream gradient; what makes it right there
JACOBIANS = (
    ("softmax-diagonal", "g·s·(1 − s)", lambda v, s, axis: with_jacobian(v / (1 - s), s, axis)),
    ("softmax-diagonal", "g·s, without − s Σ g·s", with_jacobian),
    ("activation-derivative-missing", "g, without the Jacobian", lambda v, s, axis: with_jacobian(v * s, s, axis)),
    ("activation-derivative-twice", "multiplied by s·(1 − s)", lambda v, s, axis: v / (s * (1 - s))),
)


def softmax_jacobian(e, keys):
    """H = g·s(1 − s) or g·s where G = s(g − Σ g·s), s a softmax that was recorded, for log-softmax likewise g·(1 − s)."""
    for (value, s), (code, what, change) in product(softmaxes(e), JACOBIANS):
        axis = next(axis for axis in reversed(range(s.ndim)) if sums_to_one(s, axis))

        def right(v, lookup, _, value=value, axis=axis, change=change):
            return change(v, lookup(value), axis)

        text = f"{{by}}: the derivative of softmax is taken as {what}; it is s·(g − Σ g·s), Σ along axis {axis}"
        yield from claims(e, keys, right, code, text, s.shape)


def softmaxes(e):
    """[(Value, s)] of every recorded array of probabilities that sum to 1 along an axis."""
    return values(e, is_softmax, ("forward", "backward"))


def is_softmax(s):
    if s.dtype.kind != "f" or s.ndim == 0 or s.size < 2 or not (s > 0).all() or not (s < 1).all():
        return False
    return any(sums_to_one(s, axis) for axis in range(s.ndim))


def sums_to_one(s, axis):
    return s.shape[axis] > 1 and bool(np.allclose(s.sum(axis), 1, rtol=0, atol=SHARES))


def one_hot_missing(e, keys):
    """H − G is ± the one-hot target times g, over the number of rows where the loss is a mean; or H is that alone."""
    for name, shape in product(e.hand.input_names, shapes(e, keys)):
        if one_hot(e.arrays[name], shape) is None:
            continue
        for sign, mean, upstream in product((-1, 1), (True, False), (True, False)):

            def with_target(v, lookup, other, name=name, how=(mean, upstream), sign=sign):
                return v + sign * weight(other, name, v.shape, *how) * one_hot(other.arrays[name], v.shape)

            text = f"{{by}}: the one-hot target {name} is not subtracted" + " over N" * mean
            yield from claims(e, keys, with_target, "one-hot-missing", text, shape)
        for (value, s), mean, upstream in product(softmaxes(e), (True, False), (True, False)):

            def with_softmax(v, lookup, other, value=value, name=name, how=(mean, upstream)):
                return v + weight(other, name, v.shape, *how) * lookup(value)

            if s.shape == shape:
                text = f"{{by}} is minus the one-hot target {name} alone: the softmax is not added" + " over N" * mean
                yield from claims(e, keys, with_softmax, "one-hot-missing", text, shape)


def shapes(e, keys):
    """The shapes of the wrong gradients and of what backward computed on the way."""
    found = [e.H(key).shape for key in sorted(keys) if e.H(key) is not None]
    found += [np.shape(event.result) for event in e.backward if is_floats(event.result)]
    return list(dict.fromkeys(shape for shape in found if shape))


def one_hot(target, shape):
    """A target as a one-hot array of that shape: of whole-number labels, or as it is; None where it is neither."""
    if target.dtype.kind == "f":
        whole = target.shape == shape and np.isin(target, (0, 1)).all()
        return target if whole and any((target.sum(axis) == 1).all() for axis in range(target.ndim)) else None
    axis = class_axis(target, shape)
    return None if axis is None else np.moveaxis(np.eye(shape[axis])[target], -1, axis)


def class_axis(labels, shape):
    """The axis of that shape that labels lack; None where they do not fit."""
    axes = [axis for axis in range(len(shape)) if shape[:axis] + shape[axis + 1 :] == labels.shape]
    fitting = [axis for axis in reversed(axes) if labels.size and 0 <= labels.min() and labels.max() < shape[axis]]
    return fitting[0] if fitting else None


def weight(e, name, shape, mean, upstream):
    """What the target counts in a loss: g or 1, over the number of rows where it is a mean."""
    axis = class_axis(e.arrays[name], shape) if e.arrays[name].dtype.kind != "f" else len(shape) - 1
    g = e.upstream[0] if upstream else np.ones(())
    rows = np.prod(shape) / shape[axis]
    return (np.expand_dims(g, axis) if g.ndim else g) / (rows if mean else 1)
