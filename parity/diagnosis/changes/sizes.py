"""Factors that follow the data: which product of lengths a measured factor is, on several trials at once."""

import math
from dataclasses import dataclass, replace
from itertools import combinations, combinations_with_replacement

from parity.diagnosis.changes.change import Size

EQUAL = 1e-7  # relative: a factor is fitted to about half of the digits of a float64 at worst


@dataclass(frozen=True)
class Length:
    """A length of the data: its place, an axis of an array, and what it was on each trial."""

    place: tuple
    values: tuple

    @property
    def varies(self):
        return len(set(self.values)) > 1


def lengths_of(tapes):
    """The Lengths of the arrays of some runs of one subject, those that are always equal once; 1 is left out."""
    found: dict = {}
    for name, array in tapes[0].arrays.items():
        for axis in range(array.ndim):
            values = tuple(tape.arrays[name].shape[axis] for tape in tapes)
            if set(values) != {1}:
                found.setdefault(values, Length((name, axis), values))
    return list(found.values())


def formulas(factors, lengths):
    """The Sizes that are these factors, one on each trial, the simplest first; a constant where all are equal."""
    found = [Size((), plain(factors[0]))] if all(equal(factor, factors[0]) for factor in factors) else []
    for constant in (1.0, -1.0, 2.0, 0.5, -2.0, -0.5):
        if found and abs(constant) != 1:
            return found
        for powers in monomials(lengths):
            values = [constant * math.prod(length.values[i] ** p for length, p in powers) for i in range(len(factors))]
            if all(map(equal, values, factors)):
                found.append(Size(tuple((length.place, p) for length, p in powers), constant))
    return found


def plain(factor):
    """A measured factor as the whole number, or the inverse of one, that it is nearly."""
    if abs(factor) >= 0.5 and equal(factor, round(factor)):
        return float(round(factor))
    return 1.0 / round(1 / factor) if equal(1 / factor, round(1 / factor)) else factor


def monomials(lengths):
    """Products of one to three lengths, their inverses, quotients of two, and roots: [(Length, power)]."""
    for one in lengths:
        yield from (((one, power),) for power in (-1, 1, -0.5, 0.5))
    for two in combinations_with_replacement(lengths, 2):
        yield from (tuple((length, power) for length in two) for power in (-1, 1))
    for one in lengths:
        yield from (((one, 1), (other, -1)) for other in lengths if other is not one)
    for one in lengths:
        less = replace(one, place=(*one.place, -1), values=tuple(value - 1 for value in one.values))
        if 0 not in less.values:
            yield from (((one, power), (less, -power)) for power in (1, -1, 0.5, -0.5))
    for three in combinations(lengths, 3):
        yield from (tuple((length, power) for length in three) for power in (-1, 1))


def equal(a, b):
    return math.isclose(a, b, rel_tol=EQUAL)
