"""What one run of an object that keeps gradients shows: its weights, where their gradients go, which get none."""

import numpy as np

from parity.subjects.attributes import children, get, is_weight, label_of, parts
from parity.subjects.names import is_learnt, same_gradient
from parity.subjects.raised import SubjectRaised
from parity.subjects.returned import as_tuple, precision

MOVED = 1.25  # a weight is multiplied by that, and gets as much added, to see whether it matters


def discover(hand, arrays):
    """Fill in the parameters, buffers, places and gradients of a HandStateful from one run on a copy of its subject."""
    known, dtype = weights_of(hand.subject), precision(arrays)
    hand.places = {label_of(path): path for path in known}
    own = {name: get(hand.subject, path).astype(dtype) for name, path in hand.places.items()}
    outputs, state = hand.forward(arrays | own)
    net = state[0]
    steady = [path for path in known if same(own[label_of(path)], hand.left_at(net, path))]
    returned = state[2] if hand.joint else hand.pulled(net, outputs, state[1], arrays)
    found = {path: g for path, g in hand.gradient_places(net).items() if label_of(path) not in hand.forward_names}
    found = {path: g for path, g in found.items() if path in steady or learnt_number(hand, net, path, g, known)}
    hand.ties = tied(hand, net, known, found)
    rest, named = parted(returned)
    without = [path for path in steady if path not in found and path not in set(found.values())]
    without = [path for path in without if label_of(path) not in hand.forward_names]
    keyed = [path for path in known if any(same_gradient(str(path[-1][1]), str(key)) for key in named)]
    ordered = in_order(rest, hand, [path for path in without if path not in keyed])
    hand.order = [label_of(path) for path in ordered]
    hand.gradients = {label_of(path): gradient for path, gradient in found.items()}
    learnt = [path for path in dict.fromkeys([*known, *found]) if path in found or path in keyed or path in ordered]
    fill_in(hand, learnt, [path for path in without if path not in learnt])
    missing(hand, learnt, arrays, {name: array for name, array in own.items() if name in hand.places})


def fill_in(hand, learnt, kept):
    """Parameters and buffers, and where they are; a tied array has one place, and paths beside it."""
    tied_paths = {path for paths in hand.ties.values() for path in paths}
    kept = [path for path in kept if path not in tied_paths]
    hand.places = {label_of(path): path for path in (*learnt, *kept)}
    hand.parameters = {label_of(path): as_floats(get(hand.subject, path)) for path in learnt}
    hand.buffers = {label_of(path): get(hand.subject, path) for path in kept}


def as_floats(weight):
    return weight if is_weight(weight) else np.asarray(weight, float)


def learnt_number(hand, net, path, gradient, known):
    """Whether a number, or what starts in whole numbers, is a weight: it stayed, and backward wrote its gradient."""
    if path in known:
        return hand.joint
    before, after = (hand.left_at(root, path) for root in (hand.subject, net))
    wrote = [hand.left_at(root, gradient) for root in (hand.subject, net)]
    return (
        np.array_equal(before, after) and wrote[1] is not None and not (wrote[0] is not None and np.array_equal(*wrote))
    )


def tied(hand, net, known, found):
    """{name: other paths} of arrays that the object keeps more than once: a change of one is a change of all.

    Where several have a gradient, the first one's must be that of all: the same as the others', or their sum. Then the
    others are dropped from found; else each is taken for a weight of its own.
    """
    ties: dict = {}
    groups: dict = {}
    for path in known:
        groups.setdefault(id(get(hand.subject, path)), []).append(path)
    for paths in groups.values():
        owners = [path for path in paths if path in found]
        first, *rest = [hand.left_at(net, found[path]) for path in owners] or [None]
        if not owners or len(paths) == 1 or (rest and not (all_same(first, rest) or close(first, rest))):
            continue
        ties[label_of(owners[0])] = [path for path in paths if path != owners[0]]
        for path in owners[1:]:
            del found[path]
    return ties


def all_same(first, rest):
    return all(np.array_equal(first, other) for other in rest)


def close(first, parts):
    """Whether the first is the sum of the parts."""
    shapes = {np.shape(gradient) for gradient in (first, *parts)}
    return len(shapes) == 1 and not any(part is None for part in parts) and np.allclose(first, sum(parts))


def weights_of(root):
    """{path: None} of every float array below root, in the order of definition."""
    found: dict = {}
    for path, part in parts(root):
        for step, value in (pair for holder in holders(part) for pair in holder):
            if is_weight(value):
                found.setdefault((*path, *step), None)
    return found


def holders(part):
    """The pairs (path, value) of an object's attributes, and of the dicts and lists among them."""
    own = children(part)
    yield [((step,), value) for step, value in own]
    for step, value in own:
        if isinstance(value, dict | list | tuple):
            yield [((step, inner), item) for inner, item in children(value)]


def parted(returned):
    """(gradients in order, {name: gradient}) of what backward returned; the dict is the last, or all."""
    rest = [] if returned is None else list(as_tuple(returned))
    return (rest[:-1], rest[-1]) if rest and isinstance(rest[-1], dict) else (rest, {})


def flat(gradients):
    """The gradients without the lists and tuples around some of them."""
    return [one for item in gradients for one in (item if isinstance(item, list | tuple) else [item])]


def in_order(rest, hand, without):
    """The paths of the weights whose gradients are returned one by one, after those of the inputs or alone."""
    gradients, inputs = flat(rest), len(hand.forward_names)
    for after in (inputs, 0):
        shapes = [np.shape(gradient) for gradient in gradients[after:]]
        if (
            without
            and len(shapes) == len(without)
            and (len(gradients) > inputs or shapes == [np.shape(get(hand.subject, path)) for path in without])
        ):
            return without
    return []


def missing(hand, learnt, arrays, own):
    """Weights by their names that matter to the outputs, and whose gradient is nowhere.

    Where others of the same object have theirs, they are parameters that backward forgot; else hand.unfound.
    """
    owners = {owner(path) for path in learnt}
    for name in list(hand.buffers):
        if is_learnt(word(name)) and matters(hand, name, arrays | own):
            if owner(hand.places[name]) in owners:
                hand.parameters[name] = hand.buffers.pop(name)
            else:
                hand.unfound = (*hand.unfound, name)


def word(name):
    """`W` of `l1.W`, `weights` of `weights.0`."""
    return next((part for part in reversed(name.split(".")) if not part.isdigit()), name)


def owner(path):
    """The path of the object that holds a weight, or the dict or list of it."""
    while path[-1][0] == "item":
        path = path[:-1]
    return path[:-1]


def matters(hand, name, arrays):
    """Whether the outputs change with that array."""
    try:
        here, there = (hand.outputs(arrays | moved) for moved in ({}, {name: MOVED * arrays[name] + MOVED}))
    except SubjectRaised:
        return False
    return not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(here, there, strict=False))


def same(array, other):
    return isinstance(other, np.ndarray) and np.array_equal(array, other)
