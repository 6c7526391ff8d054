"""Softmax with cross-entropy: the target that is not subtracted, or that is all there is."""

from itertools import product

import numpy as np

from parity.diagnosis.structure.origins import is_floats
from parity.diagnosis.structure.places import claims
from parity.diagnosis.structure.softmax import near, softmaxes

WEIGHTS = tuple(product((True, False), (True, False)))  # over the number of rows or not, times g or not


def target_missing(e, keys):
    """H is the softmax times g, over the number of rows where the loss is a mean: G = H − the target likewise."""
    for (name, shape), (value, s), (mean, upstream) in product(targets(e, keys), softmaxes(e), WEIGHTS):
        if s.shape == shape:

            def subtracted(v, lookup, other, value=value, name=name, how=(mean, upstream)):
                w = weight(other, name, v.shape, *how)
                return v - w * one_hot(other.arrays[name], v.shape) if near(v, w * lookup(value)) else v

            text = f"{{by}}: the one-hot target {name} is not subtracted" + " over N" * mean
            yield from claims(e, keys, subtracted, "one-hot-missing", text, shape)


def target_alone(e, keys):
    """H is minus the one-hot target times g, over the number of rows where the loss is a mean: G = H + the softmax."""
    for (name, shape), (value, s), (mean, upstream) in product(targets(e, keys), softmaxes(e), WEIGHTS):
        if s.shape == shape:

            def added(v, lookup, other, value=value, name=name, how=(mean, upstream)):
                w = weight(other, name, v.shape, *how)
                return v + w * lookup(value) if near(v, -w * one_hot(other.arrays[name], v.shape)) else v

            text = f"{{by}} is minus the one-hot target {name} alone: the softmax is not added" + " over N" * mean
            yield from claims(e, keys, added, "one-hot-missing", text, shape)


def targets(e, keys):
    """[(input, shape)] for every input that is a target, and the shapes in backward that are its one-hot form's."""
    found = [e.H(key).shape for key in sorted(keys) if e.H(key) is not None]
    found += [np.shape(event.result) for event in e.backward if is_floats(event.result)]
    shapes = [shape for shape in dict.fromkeys(found) if shape]
    return [pair for pair in product(e.hand.input_names, shapes) if one_hot(e.arrays[pair[0]], pair[1]) is not None]


def one_hot(target, shape):
    """A target as a one-hot array of that shape: of whole-number labels, or as it is; None where it is neither."""
    if target.dtype.kind == "f":
        whole = target.shape == shape and np.isin(target, (0, 1)).all()
        return target if whole and any((target.sum(axis) == 1).all() for axis in range(target.ndim)) else None
    axis = class_axis(target, shape)
    return None if axis is None else np.moveaxis(np.eye(shape[axis])[target], -1, axis)


def class_axis(labels, shape):
    """The last axis of that shape that labels lack; None where they do not fit."""
    axes = [axis for axis in range(len(shape)) if shape[:axis] + shape[axis + 1 :] == labels.shape]
    if labels.dtype.kind not in "iu" or labels.size == 0 or labels.min() < 0:
        return None
    return next((axis for axis in reversed(axes) if labels.max() < shape[axis]), None)


def weight(e, name, shape, mean, upstream):
    """What the target counts in a loss: g or 1, over the number of rows where it is a mean."""
    axis = class_axis(e.arrays[name], shape) if e.arrays[name].dtype.kind != "f" else len(shape) - 1
    g = e.upstream[0] if upstream else np.ones(())
    rows = np.prod(shape) / shape[axis]
    return (np.expand_dims(g, axis) if g.ndim else g) / (rows if mean else 1)
