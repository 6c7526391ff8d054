"""The walk that finds parameters and names them as torch does.

The contract, read by shape and never by base class:
- an object's own arrays are the attributes that its `params` and `buffers` name; an attribute that is None is absent;
- its parts are what `children()` returns as {name: part}, or, where there is no such method, those of its attributes
  that have both `forward` and `backward`, under the attribute's name;
- the name of a part's array is the part's name, a dot, and the array's name there: `0.weight`, `head.bias`;
- a part that is met twice keeps the first name; so does an array that two parts hold (tied weights). Each is learnt
  once and stored, as torch does, under both names.
"""

import numpy as np


def walk(net):
    """Pairs (dotted prefix, part) for net and every part of it, each object once, in torch's order."""
    first: dict[int, tuple] = {}
    for prefix, part in paths(net):
        first.setdefault(id(part), (prefix, part))
    return tuple(first.values())


def first_names(net):
    """{a part's dotted prefix: the first prefix of the same part} for every way to a part but the first."""
    first = {id(part): prefix for prefix, part in walk(net)}
    return {prefix: first[id(part)] for prefix, part in paths(net) if prefix != first[id(part)]}


def paths(part, prefix=""):
    """Pairs (dotted prefix, part) for every way to every part: a part that is shared comes more than once."""
    yield prefix, part
    for name, child in children(part).items():
        yield from paths(child, f"{prefix}{name}.")


def children(part):
    """{name: part} of the parts that an object holds."""
    if hasattr(part, "children"):
        return part.children()
    attributes = getattr(part, "__dict__", {})
    return {name: v for name, v in attributes.items() if hasattr(v, "forward") and hasattr(v, "backward")}


def named_parameters(net):
    """{dotted name: live array} of everything that is learnt, each array once; an optimizer updates these in place."""
    first: dict[int, tuple] = {}
    for name, array in _named(net, "params").items():
        first.setdefault(id(array), (name, array))
    return dict(first.values())


def named_buffers(net):
    """{dotted name: live array} of what is stored with the weights but not learnt (running statistics)."""
    return _named(net, "buffers")


def _named(net, kind):
    names = [(prefix, part, own) for prefix, part in walk(net) for own in listed(part, kind)]
    return {prefix + own: getattr(part, own) for prefix, part, own in names if getattr(part, own) is not None}


def listed(part, kind):
    """The names in a part's `params` or `buffers`. Raises TypeError for what lists no attributes of it."""
    names = getattr(part, kind, ())
    if isinstance(names, str) or not all(hasattr(part, name) for name in names):
        raise TypeError(f"{type(part).__name__}: expected {kind} as a tuple of names of its attributes, got {names!r}")
    return names


def state_dict(net):
    """{torch's dotted name: array}: copies of all parameters and buffers, ready for torch after a conversion."""
    return {name: np.array(array) for name, array in stored(net).items()}


def stored(net):
    """{dotted name: live array} of all parameters and buffers, one that is held twice under both names."""
    places = [
        (prefix + own, part, own)
        for kind in ("params", "buffers")
        for prefix, part in paths(net)
        for own in listed(part, kind)
    ]
    return {name: array for name, part, own in places if (array := getattr(part, own)) is not None}


def collected(net, gradients):
    """{name: gradient} under the names of named_parameters: what several parts give for one array is added.

    gradients: pairs (dotted name, gradient) under any of the names that an array has.
    """
    names: dict[int, str] = {id(array): name for name, array in reversed(named_parameters(net).items())}
    places = {prefix + own: id(getattr(part, own)) for prefix, part in paths(net) for own in listed(part, "params")}
    found: dict = {}
    for name, gradient in gradients:
        first = names[places[name]]
        found[first] = found[first] + gradient if first in found else gradient
    return found


def prefixed(**gradients):
    """Pairs (dotted name, gradient) of {part: {name: gradient}}."""
    for part, own in gradients.items():
        yield from ((f"{part}.{name}", gradient) for name, gradient in own.items())


def parameters_of(net):
    """[(part, name)] of every parameter of every part, those that are absent too."""
    return [(part, own) for _, part in walk(net) for own in listed(part, "params")]


def load_state_dict(net, mapping):
    """Copy values into net's own arrays, strictly: same names, same shapes, cast to net's own dtypes.

    The arrays stay the same objects, so an optimizer or a layer that shares one goes on with the new values.
    Raises ValueError listing every difference, TypeError for what is no array of real numbers; net is then untouched.
    """
    if not hasattr(mapping, "items"):
        kind = type(mapping).__name__
        raise TypeError(f"load_state_dict: expected {{name: array}}, got a {kind}; pass scratch.state_dict of a net")
    own = stored(net)
    arrays = {name: np.asarray(value) for name, value in mapping.items()}
    wrong = differences({name: array.shape for name, array in own.items()}, arrays)
    if wrong:
        raise ValueError(f"load_state_dict: {wrong}")
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub":
            raise TypeError(f"load_state_dict: expected {name} as real numbers, got {array.dtype}")
    for name, array in own.items():
        array[...] = arrays[name]


def differences(shapes, arrays):
    """What keeps {name: array} from filling {name: shape}, as text; empty where it fits."""
    wrong = [f"missing {name}" for name in shapes if name not in arrays]
    wrong += [f"unexpected {name}" for name in arrays if name not in shapes]
    wrong += [
        f"{name} has shape {tuple(arrays[name].shape)}, expected {shape}"
        for name, shape in shapes.items()
        if name in arrays and tuple(arrays[name].shape) != shape
    ]
    return "; ".join(wrong)


def replace(net, mapping):
    """Put the very arrays of mapping in the places that their dotted names say, as they are; tied ones stay tied."""
    places = [(prefix + own, part, own) for prefix, part in walk(net) for own in part_names(part)]
    held = {name: getattr(part, own) for name, part, own in places}
    new = {id(held[name]): array for name, array in mapping.items() if held[name] is not None}
    for name, part, own in places:
        array = mapping.get(name, new.get(id(held[name])) if held[name] is not None else None)
        if array is not None:
            setattr(part, own, array)


def part_names(part):
    """The names of a part's own arrays: parameters, then buffers."""
    return (*listed(part, "params"), *listed(part, "buffers"))
