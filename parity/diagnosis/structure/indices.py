"""Writes that overwrite: repeated indices, windows that overlap, turns of a loop."""

from functools import partial
from itertools import permutations

import numpy as np

from parity.diagnosis.structure.claim import Claim, by, each
from parity.diagnosis.structure.places import places

JOINS = ("concatenate", "stack", "hstack", "vstack", "column_stack")
MOST_PARTS = 4  # four gates have 23 other orders


def overwritten(e, keys):
    """H is right once every write in place at a site adds to what is there: indices repeat, or windows overlap.

    Where no index repeats at the site itself, what is overwritten came from another line: a path is lost.
    """
    writes = [event for event in e.backward if event.name == "setitem" and np.any(event.operands[2])]
    for site in dict.fromkeys(event.site for event in writes):
        for change in (added, added_once_more):
            if fixed := e.patched({site: change}) & keys:

                def repaired(other, site=site, fixed=fixed, change=change):
                    return fixed <= other.patched({site: change})

                code = "duplicate-index" if repeats(e, site) else "path-missing"
                what = "an index that repeats" if repeats(e, site) else "what another line has written to"
                text = f"{by(fixed)}: {what} is overwritten at {site}, should be added to"
                yield Claim(code, fixed, repaired, text, where=repr(site))


@each
def one_occurrence_alone(e, key):
    """Of a row that whole numbers look up more than once, H has what the last, or the first, of them gives alone."""
    for name in e.hand.input_names:
        index, g = e.arrays[name], e.upstream[0]
        if index.dtype.kind not in "iu" or not index.ndim or g.shape[: index.ndim] != index.shape:
            continue
        for last in (True, False):

            def holds(other, name=name, last=last):
                index, g = other.arrays[name], other.upstream[0]
                kept = single(index, last).reshape(index.shape + (1,) * (g.ndim - index.ndim))
                return other.explains(key, other.truth(upstream=[g * kept, *other.upstream[1:]])[key])

            which = "last" if last else "first"
            text = f"{by(key)}: of an index that repeats in {name}, the {which} one alone counts"
            yield Claim("duplicate-index", frozenset([key]), holds, text)


def single(index, last):
    """True at the last, or the first, occurrence of every number."""
    flat = index.ravel()[::-1] if last else index.ravel()
    found = np.zeros(flat.shape, bool)
    found[np.unique(flat, return_index=True)[1]] = True
    return (found[::-1] if last else found).reshape(index.shape)


def repeats(e, site):
    """Whether the writes of a site to one array go to any entry twice."""
    count = np.zeros(0)
    for event in (event for event in e.backward if event.site is site):
        array, index = event.operands[:2]
        source = event.origins[0]
        if count.shape != array.shape or type(source) is not int or e.tape.events[source].name != "setitem":
            count = np.zeros(array.shape)
        np.add.at(count, index, 1)
        if (count > 1).any():
            return True
    return False


def added(call):
    """array[index] = value as array[index] += value, with every repetition of an index counted."""
    array, index, value = call.operands
    np.add.at(array, index, value)
    return array


def added_once_more(call):
    """array[index] += value, which counts the last repetition alone, with every one counted."""
    array, index, value = call.operands
    np.add.at(array, index, value - array[index])
    return array


def last_turn_alone(e, keys):
    """H is right once the results of a site are summed over the turns of its loop: the last one overwrites them."""
    for site in places(e):
        turns = sum(event.site is site for event in e.backward)
        if turns < 2 or not (fixed := e.patched(summed_up(site)) & keys):
            continue

        def repaired(other, site=site, fixed=fixed):
            return fixed <= other.patched(summed_up(site))

        text = f"{by(fixed)}: each of the {turns} turns at {site} overwrites the one before, should be added to it"
        yield Claim("path-missing", fixed, repaired, text, where=repr(site))


def summed_up(site):
    """{site: the sum of its results so far}, in each call of the user's function by itself."""
    so_far: dict = {}

    def running(call):
        results = so_far.setdefault(call.frame, [])
        results.append(call.result())
        return sum(results[1:], results[0])

    return {site: running}


def parts_reordered(e, keys):
    """H is right once the parts that backward joins are joined in another order: gates, heads, directions."""
    for event in (event for event in e.backward if event.name in JOINS and not event.occurrence):
        parts = event.operands[0]
        for order in permutations(range(len(parts))) if 1 < len(parts) <= MOST_PARTS else ():
            change = {event.site: partial(joined, order)}
            if order != tuple(range(len(parts))) and (fixed := e.patched(change) & keys):

                def repaired(other, change=change, fixed=fixed):
                    return fixed <= other.patched(change)

                text = f"{by(fixed)}: the parts joined at {event.site} should be in the order {order}"
                yield Claim("permuted", fixed, repaired, text, where=repr(event.site))


def joined(order, call):
    parts = call.operands[0]
    return call.compute(([parts[i] for i in order], *call.operands[1:]), call.options)
