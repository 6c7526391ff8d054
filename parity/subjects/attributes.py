"""Where objects keep weights and their gradients: attributes, dicts, lists, and parts that hold them in turn.

A place is a path from the object: (("attr", "l1"), ("attr", "W")), so that it is found again in every deep copy; a step
("call", "grads") is what that method gives.
"""

import types
from collections import deque

import numpy as np

from parity.subjects.names import bare, gradient_names, same_gradient, synonyms

PARAMETER_HOLDERS = ("params", "parameters", "weights", "param")
GRADIENT_HOLDERS = ("grads", "gradients", "grad", "dparams", "d_params")
VALUES = ("data", "value", "values")  # of an object that holds a weight beside its `grad`
ATOMS = (np.ndarray, np.generic, str, bytes, int, float, complex, bool, type, types.ModuleType, types.FunctionType)
DEPTH, MOST = 60, 10_000  # steps from the object to a part, and parts: what lies beyond is no network of layers


def get(root, path):
    """What stands at a path."""
    for kind, key in path:
        root = called(root, key) if kind == "call" else getattr(root, key) if kind == "attr" else root[key]
    return root


def called(part, name):
    """What a method without arguments gives, as a dict, a list or a tuple."""
    given = getattr(part, name)()
    return given if isinstance(given, dict | list | tuple) else list(given)


def put(root, path, value):
    """Put a value at a path; a tuple is replaced as a whole."""
    parent, (kind, key) = get(root, path[:-1]), path[-1]
    if kind == "attr":
        setattr(parent, key, value)
    elif isinstance(parent, tuple):
        put(root, path[:-1], (*parent[:key], value, *parent[key + 1 :]))
    else:
        parent[key] = value


def label_of(path):
    """The name of a place: `l1.W`, `layers.0.W`; a dict that holds weights alone is left out."""
    steps = [str(key) for _, key in path]
    if len(path) > 1 and path[-1] in [("attr", value) for value in VALUES]:
        steps.pop()
    if len(path) > 1 and path[-1][0] == "item" and isinstance(path[-1][1], str) and steps[-2] in PARAMETER_HOLDERS:
        del steps[-2]
    return ".".join(steps)


def parts(root):
    """Pairs (path, object) for the object and everything below it that has attributes of its own, each once."""
    seen: set[int] = set()
    queue: deque[tuple[tuple, object]] = deque([((), root)])
    while queue:
        path, part = queue.popleft()
        if id(part) in seen or len(path) > DEPTH or len(seen) > MOST:
            continue
        seen.add(id(part))
        if not isinstance(part, dict | list | tuple):
            yield path, part
        queue += [((*path, step), child) for step, child in children(part) if not isinstance(child, ATOMS)]


def children(part):
    """Pairs (step, value) of what a dict, a list or an object holds."""
    if isinstance(part, dict):
        return [(("item", key), value) for key, value in part.items()]
    if isinstance(part, list | tuple):
        return [(("item", i), value) for i, value in enumerate(part)]
    return [(("attr", name), value) for name, value in attributes(part).items()]


def attributes(part):
    """{name: value} of an object's attributes: its own, those in __slots__, and the arrays of its class."""
    kinds = [vars(kind) for kind in reversed(type(part).__mro__)]
    shared = {name: value for kind in kinds for name, value in kind.items() if isinstance(value, np.ndarray)}
    slots = [slot for kind in kinds for slot in np.atleast_1d(kind.get("__slots__", ())).tolist()]
    own = {slot: getattr(part, slot) for slot in slots if hasattr(part, slot)}
    return shared | own | getattr(part, "__dict__", {})


def is_weight(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def is_number(value):
    """Whether a value is a weight if backward writes a gradient for it: a bias that starts as 0, a whole number."""
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind in "fiu"
    return isinstance(value, int | float) and not isinstance(value, bool)


def pairs(root):
    """{path of a weight: path of its gradient} of everything below root, in the order of definition."""
    found: dict = {}
    for path, part in parts(root):
        for own, gradient in (*attribute_pairs(part), *holder_pairs(part), *value_pairs(part)):
            found.setdefault((*path, *own), (*path, *gradient))
    return found


def attribute_pairs(part):
    """`W` beside `W_grad`, `dW`, …; lists and dicts of weights beside those of their gradients."""
    values = attributes(part)
    for name, value in values.items():
        if is_number(value) and (gradient := gradient_beside(name, values, is_array_like)):
            yield (("attr", name),), (("attr", gradient),)
        elif isinstance(value, dict | list | tuple) and (gradient := gradient_beside(name, values, is_holder)):
            yield from items_beside((name, value), (gradient, values[gradient]))


def gradient_beside(name, values, fits):
    """The attribute that holds the gradient of another; one named after a synonym only where nothing else has that."""
    lower = {bare(other): other for other, value in values.items() if fits(value) and other != name}
    names = [name, *(other for other in synonyms(name) if other not in map(bare, values))]
    return next((lower[form] for one in names for form in gradient_names(one) if form in lower), None)


def is_array_like(value):
    return isinstance(value, np.ndarray | np.generic | float | int | None)


def is_holder(value):
    return isinstance(value, dict | list | tuple)


def holder_pairs(part):
    """dicts `params` beside `grads`, or lists of the same length."""
    values = attributes(part)
    for holder in PARAMETER_HOLDERS:
        for other in GRADIENT_HOLDERS:
            if holder in values and other in values:
                yield from items_beside((holder, values[holder]), (other, values[other]))


def items_beside(weights, gradients):
    """Pairs of paths from two attributes (name, dict or list): by key, or by place where both are as long."""
    (holder, ours), (other, theirs) = weights, gradients
    if isinstance(ours, dict) and isinstance(theirs, dict):
        twins = {key: next((k for k in theirs if same_gradient(str(key), str(k))), None) for key in ours}
    elif is_holder(ours) and is_holder(theirs) and not isinstance(ours, dict) and len(ours) == len(theirs):
        twins, ours = {i: i for i in range(len(ours))}, dict(enumerate(ours))
    else:
        return
    for key, twin in twins.items():
        if is_number(ours[key]) and twin is not None:
            yield (("attr", holder), ("item", key)), (("attr", other), ("item", twin))


def value_pairs(part):
    """An object that is a weight itself: its `data` beside its `grad`."""
    values = attributes(part)
    if "grad" in values:
        for name in VALUES:
            if is_number(values.get(name)):
                yield (("attr", name),), (("attr", "grad"),)
