"""What stands in the arguments of a subject: arrays, weights in dicts and lists, and what is no number at all.

Everywhere else arrays are known by name. An argument that is a dict or list of weights is one array per weight there
(`parameters.W1`, `params.0`), put together again for each call; a mode, a dict of options or None is handed through.
"""

import copy
from typing import Any

import numpy as np
import torch

from parity.inputs import is_shape
from parity.subjects.names import is_learnt, same_gradient

OPTIONS = (str, bytes, bool, dict, type(None))  # never an array; lists and tuples are, but for those that hold one


class Arguments:
    """given: {name of an array: what the user gave for it}, in order; handed: {name of an argument: its value}."""

    def __init__(self, values):
        self.names = list(values)
        self.given: dict[str, Any] = {}
        self.handed: dict[str, Any] = {}
        self.holders: dict[str, Any] = {}  # {name of an argument: the same dict or list with names for weights}
        for name, value in values.items():
            if holds_weights(value):
                self.holders[name] = self.named(name, value)
            elif is_option(value):
                self.handed[name] = value
            else:
                self.given[name] = value

    def named(self, name, value):
        """A dict or list like the given one, with the name of its array for each weight."""
        if not is_holder(value):
            self.given[name] = float(value) if is_plain_number(value) else value
            return name
        return rebuilt(value, lambda key, item: self.named(f"{name}.{key}", item))

    @property
    def plain(self):
        """Whether every argument is an array."""
        return not self.holders and not self.handed

    def leaves(self, name):
        """The names of the arrays in an argument."""
        if name in self.handed:
            return []
        return leaves_of(self.holders[name]) if name in self.holders else [name]

    def put_together(self, name, arrays):
        """The argument of that name, made of arrays; what is handed through is copied for each call."""
        if name in self.holders:
            return filled(self.holders[name], arrays)
        return copy.deepcopy(self.handed[name]) if name in self.handed else arrays[name]

    def in_order(self, arrays):
        return [self.put_together(name, arrays) for name in self.names]

    def spread(self, name, gradient):
        """{name of an array: gradient} of the gradient by an argument. TypeError where it is built otherwise."""
        if name in self.handed:
            if isinstance(gradient, dict | list | tuple | np.ndarray):
                raise TypeError(f"backward gives a gradient by {name}, which is handed through; give it float arrays")
            return {}
        return matched(name, self.holders.get(name, name), gradient)

    def fits(self, name, gradient):
        """Whether a value is built like the dict or list of weights in that argument."""
        try:
            return name in self.holders and bool(matched(name, self.holders[name], gradient))
        except TypeError:
            return False


def is_option(value):
    """Whether a value is no array and none is to be made of it."""
    return isinstance(value, OPTIONS) or callable(value)


def is_holder(value):
    return isinstance(value, dict | list) or (isinstance(value, tuple) and not is_shape(value))


def is_float_array(value):
    if isinstance(value, torch.Tensor):
        return value.is_floating_point()
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def is_plain_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def holds_weights(value):
    """Whether a value is a dict or list of float arrays, however deep.

    In dicts shapes count under names of weights, and beside another weight plain numbers do: {"w": (4,), "b": 0.0}.
    {"stride": (2, 2)} is none, and {"mode": "train", "running_mean": array} neither: they are options.
    """
    if not is_holder(value) or not value:
        return False
    learnt = [isinstance(value, dict) and is_learnt(str(key)) for key, _ in items_of(value)]
    weights = [
        is_float_array(item) or holds_weights(item) or (known and is_shape(item))
        for known, (_, item) in zip(learnt, items_of(value), strict=True)
    ]
    numbers = [known and is_plain_number(item) for known, (_, item) in zip(learnt, items_of(value), strict=True)]
    return any(weights) and all(map(any, zip(weights, numbers, strict=True)))


def items_of(holder):
    return list(holder.items() if isinstance(holder, dict) else enumerate(holder))


def rebuilt(holder, change):
    """The same dict, list or tuple with change(key, item) for each item."""
    changed = {key: change(key, item) for key, item in items_of(holder)}
    if isinstance(holder, dict):
        return changed
    return list(changed.values()) if isinstance(holder, list) else tuple(changed.values())


def filled(holder, arrays):
    return arrays[holder] if isinstance(holder, str) else rebuilt(holder, lambda _, item: filled(item, arrays))


def leaves_of(holder):
    return [holder] if isinstance(holder, str) else [leaf for _, item in items_of(holder) for leaf in leaves_of(item)]


def matched(name, holder, gradient):
    """{name of an array: gradient}: dicts by their keys, `W1` or `dW1`, lists by place. None is none for all."""
    if isinstance(holder, str) and not isinstance(gradient, dict | list | tuple):
        return {holder: gradient}
    if gradient is None:
        return {}
    found: dict = {}
    if isinstance(holder, dict) and isinstance(gradient, dict):
        known = {key: next((k for k in gradient if same_gradient(str(key), str(k))), None) for key in holder}
        pairs = [(key, gradient[twin]) for key, twin in known.items() if twin is not None]
        strange = [key for key in gradient if key not in known.values()]
    elif isinstance(holder, list | tuple) and isinstance(gradient, list | tuple) and len(gradient) == len(holder):
        pairs, strange = list(enumerate(gradient)), []
    else:
        pairs, strange = [], []
    if strange or not pairs:
        raise TypeError(f"the gradient by {name} must be {shown(holder)}, as {name} is; got {shown(gradient)}")
    for key, item in pairs:
        found |= matched(f"{name}.{key}", holder[key], item)
    return found


def shown(holder):
    """`a dict with keys W, b`, `a list of 2`, `an array`."""
    if isinstance(holder, dict):
        return f"a dict with keys {', '.join(map(str, holder))}"
    return f"a {type(holder).__name__} of {len(holder)}" if isinstance(holder, list | tuple) else "an array"
