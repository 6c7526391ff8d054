"""Softmax: its Jacobian taken as diagonal, missing, or applied twice; a softmax of a softmax."""

from itertools import product

import numpy as np

from parity.diagnosis.claim import Claim, by
from parity.diagnosis.cuts import Cutter
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
WITHOUT_SUM = ("softmax-diagonal", "g·s", lambda g, s, axis: g * s, jacobian)
DIAGONAL = ("softmax-diagonal", "g·s·(1 − s)", lambda g, s, axis: g * s * (1 - s), jacobian)
LOG_DIAGONAL = ("softmax-diagonal", "g·(1 − s)", lambda g, s, axis: g * (1 - s), log_jacobian)
MISSING = ("activation-derivative-missing", "g", lambda g, s, axis: g, jacobian)


def softmax_jacobian(e, keys):
    """H, or a value on the way, is g·s(1 − s) or g·s where s(g − Σ g·s) is right; for log-softmax likewise g·(1 − s).

    s is a softmax that was recorded, g the gradient by it, upstream or recorded: H must be made of both, since what is
    right, s·(g − Σ g·s), is the same whatever is added to a row of g.
    """
    rows = (WITHOUT_SUM, DIAGONAL, LOG_DIAGONAL, MISSING)
    for (value, s), (code, what, wrong, right) in product(softmaxes(e), rows):
        axis = shares_axis(s)
        for source, g in gradients(e, value, s):
            if not any(near(v, wrong(g, s, axis)) for v in made(e, keys, s.shape)):
                continue

            def change(v, lookup, other, value=value, source=source, axis=axis, wrong=wrong, right=right):
                g, s = source(other, lookup), lookup(value)
                return right(g, s, axis) if near(v, wrong(g, s, axis)) else v

            text = f"{{by}}: the derivative of softmax is taken as {what}, not s·(g − Σ g·s) along axis {axis}"
            yield from claims(e, keys, change, code, text, s.shape)


def jacobian_of_output(e, keys):
    """softmax_jacobian for an output that is a softmax, or the logarithm of one, of an input: no tape is needed."""
    for key, name in product(sorted(keys), e.outputs):
        for link, rows in ((np.asarray, (DIAGONAL, WITHOUT_SUM, MISSING)), (np.exp, (LOG_DIAGONAL, MISSING))):
            s = link(np.asarray(e.trial.ours["output", name], float))
            if s.shape != e.G(key).shape or not is_softmax(s):
                continue
            axis, i = shares_axis(s), e.outputs.index(name)
            for code, what, wrong, _ in rows:

                def holds(other, key=key, i=i, name=name, link=link, axis=axis, wrong=wrong):
                    s = link(np.asarray(other.trial.ours["output", name], float))
                    return other.explains(key, wrong(other.upstream[i], s, axis))

                text = f"{by(key)} is {what}, s the softmax: its rows are not coupled along axis {axis}"
                yield Claim(code, frozenset([key]), holds, text)


def softmax_twice(e, keys):
    """H, or a value on the way, is multiplied by s(1 − s) once more than it should be, s a softmax of the forward."""
    for value, s in softmaxes(e):

        def once(v, lookup, _, value=value):
            s = lookup(value)
            return v / (s * (1 - s))

        text = f"{{by}}: multiplied by s·(1 − s), s the softmax of {value.site}, on top of its derivative"
        yield from claims(e, keys, once, "activation-derivative-twice", text, s.shape)


def softmax_of_softmax(e, keys):
    """H is the gradient by a softmax s of which another softmax is taken: G = s·(H − Σ H·s). The link is doubled."""
    for key, (value, s) in product(sorted(keys), softmaxes(e)):
        axis = shares_axis(s)
        if value.phase != "forward" or np.shape(e.H(key)) != s.shape or not taken_again(e, value):
            continue

        def holds(other, key=key, value=value, axis=axis):
            H = other.H(key)
            return H is not None and other.agrees(key, jacobian(H, value.of(other.tape), axis))

        text = f"{by(key)} is that by the softmax of {value.site}, of which another softmax is taken"
        yield Claim("link-doubled", frozenset([key]), holds, text)


def taken_again(e, value):
    """Whether the forward takes the exponential of something that a value leads to."""
    made = next(event.index for event in e.forward if event.site is value.site)
    return any(made in ancestors(e.tape, event.index) for event in e.forward[made + 1 :] if event.name == "exp")


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
    return s.dtype.kind == "f" and bool((s > 0).all() and (s < 1).all()) and shares_axis(s) is not None


def shares_axis(s):
    """The last axis along which an array sums to 1, None where there is none."""
    axes = (axis for axis in reversed(range(s.ndim)) if s.shape[axis] > 1)
    return next((axis for axis in axes if np.allclose(s.sum(axis), 1, rtol=0, atol=SHARES)), None)
