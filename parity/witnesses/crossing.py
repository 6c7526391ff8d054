"""How weights cross from a hand-derived subject to its twin: by name, else by the only fitting shape.

A weight crosses as it is, transposed (the lecture's W is torch's weight transposed), or with axes of length one dropped
or added (a bias of shape (1, 3)). Where several ways fit, the first with which the forwards agree is taken.
"""

from dataclasses import dataclass
from itertools import islice

from parity.subjects.names import same_gradient

MOST = 64  # ways that are tried before the first one is taken
SYNONYMS = {"w": "weight", "b": "bias", "weights": "weight", "biases": "bias", "kernel": "weight", "gamma": "weight"}
SYNONYMS |= {"beta": "bias", "g": "weight", "k": "weight"}


@dataclass(frozen=True)
class Crossing:
    """Where one of the hand's arrays goes: the twin's name for it, and how it is brought into that shape."""

    name: str
    way: str
    shape: tuple

    def __call__(self, tensor):
        if self.way == "transposed":
            return tensor.mT if tensor.ndim > 2 else tensor.T
        return tensor.reshape(self.shape) if self.way == "reshaped" else tensor


def crossings(ours, theirs):
    """Every way, the likeliest first and at most MOST, to fill the twin's {name: shape} from ours, as {ours: Crossing}.

    Each of theirs is filled by a different one of ours; some of ours may be left over. Square weights are tried all as
    they are first, then all transposed: who writes x W in one layer writes it in all.
    """
    readings = (fill(dict(ours), dict(theirs), {}, turned) for turned in (False, True))
    tried: list = []
    for found in islice((way for both in zip(*readings, strict=True) for way in both), 2 * MOST):
        if found not in tried and len(tried) < MOST:
            tried.append(found)
    return iter(tried)


def fill(ours, theirs, found, turned):
    if not theirs:
        yield found
        return
    (name, shape), *rest = theirs.items()
    for candidate in candidates(ours, name, shape, turned):
        mine, crossing = candidate
        left = {key: value for key, value in ours.items() if key != mine}
        yield from fill(left, dict(rest), found | {mine: crossing}, turned)


def candidates(ours, name, shape, turned):
    """Pairs (name of ours, Crossing) that fit, the same name first, then one that means the same, then in order."""
    fitting = [(mine, Crossing(name, way, shape)) for mine, found in ours.items() for way in ways(found, shape, turned)]
    return sorted(fitting, key=lambda pair: likeness(pair[0], name))


def ways(found, shape, turned=False):
    """How an array of one shape becomes one of another; where both are right, transposed first if it is turned."""
    fits = []
    if found == shape:
        fits.append("as it is")
    if len(found) >= 2 and (*found[:-2], found[-1], found[-2]) == shape:
        fits.append("transposed")
    elif found != shape and [n for n in found if n != 1] == [n for n in shape if n != 1]:
        fits.append("reshaped")
    return reversed(fits) if turned else fits


def likeness(mine, name):
    """0 for the same dotted name, 1 for the same last part, 2 for a synonym of it, 3 otherwise."""
    if mine == name:
        return 0
    last, theirs = mine.rpartition(".")[2].lower().lstrip("_"), name.rpartition(".")[2].lower()
    bare = last.rstrip("0123456789_")
    return 1 if last == theirs else 2 if SYNONYMS.get(bare) == theirs or same_gradient(theirs, last) else 3


def described_crossings(found):
    """What is worth saying: weights that crossed under another name or shape. `W crosses to weight transposed`."""
    said = []
    for mine, crossing in found.items():
        how = "" if crossing.way == "as it is" else f" {crossing.way}"
        if mine != crossing.name or how:
            said.append(f"{mine} crosses to {crossing.name}{how}")
    return "; ".join(said)
