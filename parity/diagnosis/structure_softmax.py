"""Softmax and its loss: a Jacobian taken as diagonal, a target left out, a link applied twice or not at all."""

from itertools import product

import numpy as np

from parity.diagnosis.cuts import Cutter
from parity.diagnosis.evidence import Claim, by
from parity.diagnosis.origins import ancestors, is_floats
from parity.diagnosis.places import RESULT, claims, values

SHARES = 1e-5  # a recorded softmax sums to 1 within rounding, in float32 as well


def jacobian(g, s, axis):
    """s·(g − Σ g·s)."""
    return s * (g - np.sum(g * s, axis, keepdims=True))


def log_jacobian(g, s, axis):
    """g − s Σ g."""
    return g - s * np.sum(g, axis, keepdims=True)


# (code, what stands somewhere, in words and as a function of g and s, what is right there)
JACOBIANS = (
    ("softmax-diagonal", "g·s·(1 − s)", lambda g, s, axis: g * s * (1 - s), jacobian),
    ("softmax-diagonal", "g·s", lambda g, s, axis: g * s, jacobian),
    ("softmax-diagonal", "g·(1 − s)", lambda g, s, axis: g * (1 - s), log_jacobian),
    ("activation-derivative-missing", "g", lambda g, s, axis: g, jacobian),
    ("activation-derivative-twice", "s·(1 − s) times the right one", lambda g, s, axis: g * s * (1 - s), lambda g, *_: g),
)


def softmax_jacobian(e, keys):
    """H, or a value on the way, is g·s(1 − s) or g·s where s(g − Σ g·s) is right; for log-softmax likewise g·(1 − s).

    s is a softmax that was recorded, g the gradient by it, upstream or recorded: H must be made of both, since what is
    right, s·(g − Σ g·s), is the same whatever is added to a row of g.
    """
    for (value, s), (code, what, wrong, right) in product(softmaxes(e), JACOBIANS):
        axis = next(axis for axis in reversed(range(s.ndim)) if sums_to_one(s, axis))
        for source, g in gradients(e, value, s):
            for v in (v for v in made(e, keys, s.shape) if near(v, wrong(g, s, axis))):

                def change(v, lookup, other, value=value, source=source, axis=axis, wrong=wrong, right=right):
                    g, s = source(other, lookup), lookup(value)
                    return right(g, s, axis) if near(v, wrong(g, s, axis)) else v

                text = f"{{by}}: the derivative of softmax is taken as {what}, not s·(g − Σ g·s) along axis {axis}"
                yield from claims(e, keys, change, code, text, s.shape)
                break


def jacobian_of_output(e, keys):
    """softmax_jacobian for an output that is a softmax, or the logarithm of one, of an input: no tape is needed."""
    for key, (i, name) in product(sorted(keys), enumerate(e.outputs)):
        for link, rows in ((np.asarray, (0, 1, 3)), (np.exp, (2, 3))):
            s = link(np.asarray(e.trial.ours["output", name], float))
            if s.shape != e.G(key).shape or not is_softmax(s):
                continue
            axis = next(axis for axis in reversed(range(s.ndim)) if sums_to_one(s, axis))
            for code, what, wrong, _ in (JACOBIANS[row] for row in rows):

                def holds(other, key=key, i=i, name=name, link=link, axis=axis, wrong=wrong):
                    s = link(np.asarray(other.trial.ours["output", name], float))
                    return other.explains(key, wrong(other.upstream[i], s, axis))

                text = f"{by(key)} is {what}, s the softmax: its rows are not coupled along axis {axis}"
                yield Claim(code, frozenset([key]), holds, text)


def softmax_of_softmax(e, keys):
    """H is the gradient by a softmax s of which another softmax is taken: G = s·(H − Σ H·s). The link is doubled."""
    made = {value.site: [event for event in e.forward if event.site is value.site][0] for value, _ in softmaxes(e)}
    for key, (value, s) in product(sorted(keys), softmaxes(e)):
        later = [event for site, event in made.items() if made[value.site].index in ancestors(e.tape, event.index)]
        if e.H(key) is None or e.H(key).shape != s.shape or value.phase != "forward" or len(later) < 2:
            continue
        axis = next(axis for axis in reversed(range(s.ndim)) if sums_to_one(s, axis))

        def holds(other, key=key, value=value, axis=axis):
            return other.H(key) is not None and other.agrees(key, jacobian(other.H(key), value.of(other.tape), axis))

        text = f"{by(key)} is that by the softmax of {value.site}, of which another softmax is taken"
        yield Claim("link-doubled", frozenset([key]), holds, text)


def gradients(e, value, s):
    """[(function of (evidence, lookup), array)]: the gradient by s, or by log s, upstream or recorded on the way."""
    outputs = [e.trial.ours["output", name] for name in e.outputs]
    for i, y in enumerate(outputs):
        if near(y, s) or near(np.exp(y), s):
            yield lambda other, _, i=i: np.asarray(other.upstream[i], float), e.upstream[i]
    if value.phase == "forward" and value.slot is RESULT and not e.hand.joint:
        v = np.random.default_rng(0).normal(size=s.shape)
        derivative = Cutter(e).by_value(value, v)
        for at, g in values(e, lambda array: array.shape == s.shape and array.dtype.kind == "f", ("backward",)):
            if np.isclose(np.sum(g * v), derivative, rtol=SHARES):
                yield lambda _, lookup, at=at: lookup(at), g


def made(e, keys, shape):
    """The wrong gradients, and all that backward computed, of that shape."""
    found = [e.H(key) for key in sorted(keys) if e.H(key) is not None]
    found += [event.result for event in e.backward if is_floats(event.result)]
    return [array for array in found if np.shape(array) == shape]


def near(a, b):
    """Whether two arrays are the same but for rounding."""
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=SHARES, atol=0)


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
    """H − G is the one-hot target times g, over the number of rows where the loss is a mean; or H is minus that alone."""
    for name, shape in product(e.hand.input_names, shapes(e, keys)):
        if one_hot(e.arrays[name], shape) is None:
            continue
        for mean, upstream in product((True, False), (True, False)):

            def with_target(v, lookup, other, name=name, how=(mean, upstream)):
                return v - weight(other, name, v.shape, *how) * one_hot(other.arrays[name], v.shape)

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
    fitting = [axis for axis in reversed(axes) if labels.size and labels.min() >= 0 and labels.max() < shape[axis]]
    return fitting[0] if fitting else None


def weight(e, name, shape, mean, upstream):
    """What the target counts in a loss: g or 1, over the number of rows where it is a mean."""
    axis = class_axis(e.arrays[name], shape) if e.arrays[name].dtype.kind != "f" else len(shape) - 1
    g = e.upstream[0] if upstream else np.ones(())
    rows = np.prod(shape) / shape[axis]
    return (np.expand_dims(g, axis) if g.ndim else g) / (rows if mean else 1)
