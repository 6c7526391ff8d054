"""Paths of the forward that backward lacks: H is the gradient of the forward with an edge cut, its value a constant.

What the lost path carries gives the code: the state of a loop from turn to turn (time-truncated), a statistic
(statistics-constant, centring-term-missing), the sum under a softmax (softmax-diagonal), a factor of an activation
(activation-derivative-wrong), anything else (path-missing).
"""

from itertools import product

from parity.diagnosis.editing.nodes import operand_text
from parity.diagnosis.editing.wording import one_line
from parity.diagnosis.structure.claim import Claim, by
from parity.diagnosis.structure.cuts import Cutter, Edge
from parity.diagnosis.structure.lines import reader
from parity.diagnosis.structure.origins import ancestors, is_activation, is_floats, states, statistic

TURNS = ("all", "all but the first", "all but the last")


def path_cut(e, keys):
    """H ≠ 0 is the gradient with one edge cut, or all that carry a state, or mean and scale of a normalisation.

    The maximum that softmax subtracts is a constant in every derivation, since its path adds up to 0: it is cut anyway.
    """
    cutter, done = Cutter(e), set[tuple]()
    kinds = {edge: statistic(e, edge.site, edge.slot)[0] for edge in edges_of(e)}
    always = tuple(edge for edge, kind in kinds.items() if kind == "max")
    for lead in sorted(keys):
        if lead in done or e.H(lead) is None or not e.H(lead).any() or not cutter.fits(always, lead, e.G(lead)):
            continue

        def fits(*edges, lead=lead):
            return cutter.fits((*edges, *always), lead, e.H(lead))

        for edges, code, text in cuts_that_fit(e, {edge: kinds[edge] for edge in met_by(e, kinds, lead)}, fits):
            explained = frozenset(key for key in keys if cutter.fits((*edges, *always), key, e.H(key)))
            done.update(explained)
            where = reader(e) if code == "time-truncated" else None
            yield claim(explained, (*edges, *always), code, text, where)


def met_by(e, edges, key):
    """The edges that a derivative by key passes; of one part of the turns of a loop only for weights, used in each."""
    met = {origin for origin in {origin_at(e, edge) for edge in edges} if key[1] in ancestors(e.tape, origin)}
    some = (edge for edge in edges if edge.turns == "all" or key[0] == "parameter")
    return [edge for edge in some if origin_at(e, edge) in met]


def origin_at(e, edge):
    """Where the operand comes from at the last turn, which earlier turns lead to."""
    return next(event.origins[edge.slot] for event in reversed(e.forward) if event.site is edge.site)


def claim(keys, edges, code, text, where):
    """The claim that H of these keys is the gradient with edges cut, and that no right gradient changes by that."""

    def holds(other):
        cutter = Cutter(other)
        right = {key for key in other.trial.truth if key[0] != "output"} - other.wrong - keys
        return all(cutter.fits(edges, key, other.G(key)) for key in right) and all(
            other.explains(key, cutter.gradient(edges, key)) for key in keys
        )

    return Claim(code, keys, holds, f"{by(keys)}: {text}", where)


def cuts_that_fit(e, kinds, fits):
    """(edges, code, what is lost) of the cuts with which a gradient fits in a random direction, special ones first."""
    carried, unclear = carrying(e)
    special = [edges for edges in carried if fits(*edges)]
    for edges in special:
        yield edges, "time-truncated", f"{quoted(edges)} counts as a constant: nothing is carried back along that path"
    for edges, code, text in statistics_that_fit(kinds, fits):
        special.append(edges)
        yield edges, code, text
    alone = {edges[0] for edges in carried if len(edges) == 1}
    for edge, kind in kinds.items() if not special else ():
        if kind is None and edge not in alone and edge not in unclear and fits(edge):
            code = "activation-derivative-wrong" if is_activation(e, edge) else "path-missing"
            where = "" if edge.turns == "all" else f" in {edge.turns} of its turns"
            yield (edge,), code, f"the path through {quoted([edge])}{where} is left out"
    for kept, others in () if special else all_but_one(e, [edge for edge in kinds if edge.turns == "all"]):
        if fits(*others):
            text = f"of {len(others) + 1} paths from one value only that through {kept.site} is there"
            yield others, "path-missing", text


def quoted(edges):
    """What operands are in the user's own words, and where: `h` at mine.py:12."""
    texts = dict.fromkeys((operand_text(edge.site, edge.slot), repr(edge.site)) for edge in edges)
    return " and ".join(
        f"`{one_line(text)}` at {place}" if text else f"what is taken at {place}" for text, place in texts
    )


def all_but_one(e, edges):
    """(the edge that is kept, all others) for every value that three edges or more take."""
    taken: dict = {}
    for edge in edges:
        taken.setdefault(origin_at(e, edge), []).append(edge)
    for some in taken.values():
        for kept in some if len(some) > 2 else ():
            yield kept, tuple(edge for edge in some if edge is not kept)


def statistics_that_fit(kinds, fits):
    """The cuts of one statistic, or else of a mean and a scale together."""
    whole = {"mean", "scale"} <= set(kinds.values())
    codes = dict.fromkeys(("mean", "scale"), "centring-term-missing" if whole else "statistics-constant")
    codes |= {"sum": "softmax-diagonal", "log of a sum": "activation-derivative-missing"}
    alone = [edge for edge, kind in kinds.items() if kind in codes and fits(edge)]
    for edge in alone:
        yield (edge,), codes[kinds[edge]], f"the {kinds[edge]} taken at {edge.site} is treated as a constant"
    means, scales = ([edge for edge, kind in kinds.items() if kind == name] for name in ("mean", "scale"))
    for mean, scale in () if alone else product(means, scales):
        if fits(mean, scale):
            text = f"mean and scale, taken at {mean.site} and {scale.site}, are treated as constants"
            yield (mean, scale), "statistics-constant", text


def edges_of(e):
    """The operands of forward through which a derivative may come: floats that the run computed or was given."""
    found = {}
    for event in e.forward:
        for slot, (value, origin) in enumerate(zip(event.operands, event.origins, strict=True)):
            written = event.name == "setitem" and slot == 0
            if is_floats(value) and (type(origin) is int or origin in e.arrays) and not written:
                for turns in TURNS if e.tape.counts[event.site, "forward"] else TURNS[:1]:
                    found[Edge(event.site, slot, turns)] = event
    return list(found)


def carrying(e):
    """([the edges that carry one state each, and all of them], {those of a loop that may not be over time})."""
    groups, unclear = states(e)
    carried = [tuple(Edge(site, slot) for site, slot in group) for group in groups]
    if len(carried) > 1:
        carried.append(tuple(edge for edges in carried for edge in edges))
    return carried, {Edge(site, slot, turns) for site, slot in unclear for turns in TURNS}
