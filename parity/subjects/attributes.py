"""Where objects keep weights and their gradients: attributes, dicts, lists, and parts that hold them in turn.

A place is a path from the object: (("attr", "l1"), ("attr", "W")), so that it is found again in every deep copy.
"""

import types

import numpy as np

from parity.subjects.names import gradient_names, same_gradient

PARAMETER_HOLDERS = ("params", "parameters", "weights", "param")
GRADIENT_HOLDERS = ("grads", "gradients", "grad", "dparams", "d_params")
VALUES = ("data", "value", "values")  # of an object that holds a weight beside its `grad`
ATOMS = (np.ndarray, np.generic, str, bytes, int, float, complex, bool, type, types.ModuleType, types.FunctionType)
DEPTH = 6


def get(root, path):
    """What stands at a path."""
    for kind, key in path:
        root = getattr(root, key) if kind == "attr" else root[key]
    return root


def put(root, path, value):
    """Put a value at a path."""
    parent, (kind, key) = get(root, path[:-1]), path[-1]
    if kind == "attr":
        setattr(parent, key, value)
    else:
        parent[key] = value


def label_of(path):
    """The name of a place: `l1.W`, `layers.0.W`; the dict or list that holds weights alone is left out."""
    steps = [str(key) for _, key in path]
    if len(path) > 1 and path[-1] in [("attr", value) for value in VALUES]:
        steps.pop()
    if len(path) > 1 and path[-1][0] == "item" and steps[-2] in PARAMETER_HOLDERS:
        del steps[-2]
    return ".".join(steps)


def parts(root):
    """Pairs (path, object) for the object and everything below it that has attributes of its own, each once."""
    seen: set[int] = set()
    queue: list[tuple[tuple, object]] = [((), root)]
    while queue:
        path, part = queue.pop(0)
        if id(part) in seen or len(path) > DEPTH:
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
    return [(("attr", name), value) for name, value in getattr(part, "__dict__", {}).items()]


def is_weight(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def pairs(root):
    """{path of a weight: path of its gradient} of everything below root, in the order of definition."""
    found: dict = {}
    for path, part in parts(root):
        for own, gradient in (*attribute_pairs(part), *holder_pairs(part), *value_pairs(part)):
            found.setdefault((*path, *own), (*path, *gradient))
    return found


def attribute_pairs(part):
    """`W` beside `W_grad`, `dW`, …"""
    values = getattr(part, "__dict__", {})
    lower = {name.lower().lstrip("_"): name for name, value in values.items() if is_array_like(value)}
    for name, value in values.items():
        if is_weight(value):
            gradient = next((lower[form] for form in gradient_names(name) if form in lower), None)
            if gradient is not None and gradient != name:
                yield (("attr", name),), (("attr", gradient),)


def is_array_like(value):
    return isinstance(value, np.ndarray | np.generic | float | int | None)


def holder_pairs(part):
    """dicts `params` beside `grads`, or lists of the same length."""
    values = getattr(part, "__dict__", {})
    for holder in PARAMETER_HOLDERS:
        for other in GRADIENT_HOLDERS:
            weights, gradients = values.get(holder), values.get(other)
            if isinstance(weights, dict) and isinstance(gradients, dict):
                for key, value in weights.items():
                    twin = next((k for k in gradients if same_gradient(str(key), str(k))), None)
                    if is_weight(value) and twin is not None:
                        yield (("attr", holder), ("item", key)), (("attr", other), ("item", twin))
            elif isinstance(weights, list) and isinstance(gradients, list) and len(weights) == len(gradients):
                for i, value in enumerate(weights):
                    if is_weight(value):
                        yield (("attr", holder), ("item", i)), (("attr", other), ("item", i))


def value_pairs(part):
    """An object that is a weight itself: its `data` beside its `grad`."""
    values = getattr(part, "__dict__", {})
    if "grad" in values:
        for name in VALUES:
            if is_weight(values.get(name)):
                yield (("attr", name),), (("attr", "grad"),)
