"""Where a recorded value came from and where it went: the tape read as a graph."""

import numpy as np

VIEWS = {"getitem", "reshape", "transpose", "swapaxes", "moveaxis", "expand_dims", "squeeze", "ravel", "astype", "copy"}
VIEWS |= {"array", "asarray", "ascontiguousarray", "broadcast_to", "positive", "atleast_2d"}
ARITHMETIC = {"add", "subtract", "multiply", "divide", "power", "sqrt", "square", "reciprocal", "maximum", "absolute"}
ELEMENTWISE = ARITHMETIC | {"exp", "tanh", "negative", "log", "log1p", "expm1", "where", "minimum", "erf", "clip"}
ELEMENTWISE |= {"sin", "cos", "logaddexp", "cosh", "sinh", "arctan"}
REDUCTIONS = {"sum", "mean", "var", "std", "max", "min", "amax", "amin", "average", "norm", "prod"}


def is_floats(value):
    """Whether a value is an array, or a NumPy number, of floats."""
    return isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fc"


def enters_by(tape, name):
    """The names of the forward operations that take an array of the run as it is, views of it apart."""
    here, found = {name}, set()
    for event in tape.events:
        if event.phase == "forward" and any(origin in here for origin in event.origins if origin is not None):
            if event.name in VIEWS:
                here.add(event.index)
            else:
                found.add(event.name)
    return found


def is_bias(e, key):
    """Whether key names a bias: one axis, and added by the forward alone; by its name where no tape tells."""
    array = e.arrays.get(key[1], np.zeros(()))
    if array.size == 0 or array.size != max(array.shape, default=0) or array.dtype.kind != "f":
        return False
    found = enters_by(e.tape, key[1])
    if not e.tape.events:
        return key[1].rpartition(".")[2].startswith("b")
    return bool(found) and found <= {"add", "subtract"} and (key[0] == "parameter" or is_spread(e, key[1]))


def is_spread(e, name):
    """Whether the forward adds an array to larger ones."""
    events = [event for event in e.forward if event.name in ("add", "subtract") and name in event.origins]
    return any(np.size(event.result) > e.arrays[name].size for event in events)


def is_scale(e, name):
    """Whether an array is a scale: what the forward multiplies by, nothing else; of one axis where no tape tells."""
    array = e.arrays[name]
    if array.dtype.kind != "f" or array.size == 0:
        return False
    if not e.tape.events:
        return array.ndim == 1 and not is_bias(e, ("parameter", name))
    found = enters_by(e.tape, name)
    return bool(found) and found <= {"multiply"}


def ancestors(tape, origin):
    """The names of the arrays of the run, and the indices of the events, that a value came from."""
    seen, ahead = set(), [origin]
    while ahead:
        at = ahead.pop()
        if at is not None and at not in seen:
            seen.add(at)
            ahead += tape.events[at].origins if type(at) is int else ()
    return seen


def sources(tape, origin, through):
    """(the indices and names that operations named in through alone made a value of, the events gone through)."""
    found, passed, ahead = set(), {}, [origin]
    while ahead:
        at = ahead.pop()
        if type(at) is int and tape.events[at].name in through and at not in passed:
            passed[at] = tape.events[at]
            ahead += tape.events[at].origins
        elif at is not None and at not in passed:
            found.add(at)
    return found, list(passed.values())


def statistic(e, site, slot):
    """(what an operand is, the reductions it comes from), if smaller than what it meets and made by arithmetic.

    "mean" or "scale" of a normalisation; "sum", "log of a sum" or "max" of a softmax; "other"; (None, []) for the rest.
    """
    event = next(event for event in e.forward if event.site is site)
    if event.name not in ("subtract", "divide", "multiply") or np.size(event.operands[slot]) >= np.size(event.result):
        return None, []
    made, passed = sources(e.tape, event.origins[slot], VIEWS | ARITHMETIC | {"log"})
    if not made or not all(type(at) is int and e.tape.events[at].name in REDUCTIONS for at in made):
        return None, []
    reductions = [e.tape.events[at] for at in made]
    steps = {event.name for event in passed} - VIEWS
    return kind_of(e.tape, event, reductions, steps, event.origins[1 - slot]), reductions


def kind_of(tape, event, reductions, steps, other):
    """What a statistic is: event takes it, beside another operand, after the reductions and the steps upon them."""
    names, first = {reduction.name for reduction in reductions}, reductions[0]
    if event.name == "subtract" and steps == {"log"}:
        return "log of a sum" if names == {"sum"} and is_of(tape, first, ("exp",)) else "other"
    if event.name == "divide" and not steps and first.origins[0] == other:
        return "sum" if names == {"sum"} and is_of(tape, first, ("exp",)) else "other"
    if event.name == "subtract" and names <= {"max", "amax"}:
        return "max"
    if event.name == "subtract":
        return "mean" if names <= {"mean", "sum", "average"} and steps <= {"divide", "multiply"} else "other"
    squares = ("multiply", "square", "power")
    spread = any(r.name in ("var", "std", "norm") or is_of(tape, r, squares) for r in reductions)
    return "scale" if spread else "other"


def scales(e):
    """The sites of the reductions that a normalisation of the forward scales by: var, std, the mean of squares."""
    found: dict = {}
    for event in e.forward:
        for slot in range(len(event.operands)):
            kind, reductions = statistic(e, event.site, slot) if event.occurrence == 0 else (None, [])
            found |= {reduction.site: kind for reduction in reductions if kind == "scale"}
    return list(found)


def is_of(tape, reduction, names):
    """Whether what is reduced is the result of one of these operations."""
    origin = reduction.origins[0]
    return type(origin) is int and tape.events[origin].name in names


def is_activation(e, edge):
    """Whether an edge joins two functions of one and the same value, entry by entry, before the output: x·σ(x)."""
    event = next(event for event in e.forward if event.site is edge.site)
    if len(event.origins) != 2 or event.name not in ("add", "subtract", "multiply", "divide"):
        return False
    last = any(np.array_equal(event.result, array) for key, array in e.trial.ours.items() if key[0] == "output")
    roots = [sources(e.tape, origin, ELEMENTWISE)[0] for origin in event.origins]
    return roots[0] == roots[1] and len(roots[0]) == 1 and not (last and event.name in ("add", "subtract"))


def states(e):
    """([[(site, slot)] that take one value of the turn before], {(site, slot)} that do in loops not over time)."""
    taken: dict = {}
    for event in e.forward:
        for slot, origin in enumerate(event.origins):
            if event.occurrence and type(origin) is int and (event.name, slot) != ("setitem", 0):
                before = e.tape.events[origin]
                carried = before.phase == "forward" and before.occurrence == event.occurrence - 1
                taken.setdefault((event.site, slot), set()).add(before.site if carried else None)
    groups: dict = {}
    for place, sites in taken.items():
        if len(sites) == 1 and None not in sites:
            groups.setdefault(sites.pop(), []).append(place)
    lengths = loops_over_inputs(e)
    counted = {
        site: [p for p in places if e.tape.counts[p[0], "forward"] + 1 in lengths] for site, places in groups.items()
    }
    unclear = {place for site, places in groups.items() for place in places if place not in counted[site]}
    return [places for places in counted.values() if places], unclear


def is_one(index):
    """Whether an index takes one entry along an axis."""
    return any(isinstance(i, int | np.integer) for i in (index if isinstance(index, tuple) else (index,)))


def loops_over_inputs(e):
    """The numbers of turns of loops that take one slice of the same value in each, made from an input: over time."""
    slices: dict = {}
    for event in e.forward:
        if event.name == "getitem" and event.origins[0] is not None and is_one(event.operands[1]):
            slices.setdefault(event.site, []).append(event.origins[0])
    inputs = {name for name in e.hand.input_names if e.arrays[name].ndim > 1}
    return {
        len(of) for of in slices.values() if len(of) > 1 and len(set(of)) == 1 and ancestors(e.tape, of[0]) & inputs
    }
