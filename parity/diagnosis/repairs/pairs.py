"""Where the forward pass computed a function of the table: pairs of arrays z and a = act(z), found by their values."""

import functools
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.diagnosis.repairs.activations import TABLE, Function, clipped, evaluate
from parity.tape.operations import as_number
from parity.tape.sites import Site

ARITHMETIC = (
    "add",
    "subtract",
    "multiply",
    "divide",
    "power",
    "where",
    "maximum",
    "minimum",
    "clip",
    "less",
    "greater",
)
SAMPLE = 64  # entries that are compared: no two functions of the table agree on as many
CONSTANTS = 8  # numbers of the user's own that are tried as a slope or as α


@dataclass(frozen=True)
class Operand:
    """An operand that no event and no array of the run is the source of."""

    site: Site
    number: int


@dataclass(frozen=True, eq=False)
class Pair:
    """A function that the forward pass computed: a at `site`, from what `source` names, a site or an array of the run.

    z and a: the bytes of its arguments and values in every turn.
    """

    function: Function
    k: float | None
    site: Site
    source: Any
    z: frozenset
    a: frozenset

    def derivative(self, of):
        """The derivative as an expression in V, which is z or a; empty where there is none in a."""
        text = self.function.of_z if of == "z" else self.function.of_a
        text = re.sub(rf"\b{of}\b", "V", text)
        return text if self.k is None else re.sub(r"\bk\b", f"{self.k:g}", text)

    def slope(self, z):
        """act′(z), an array."""
        return evaluate(self.function.of_z, z=z, k=self.k)


class Pairs:
    """The Pairs of a run, from its events and arrays."""

    def __init__(self, tape, sites):
        self.tape = tape
        self.forward = {
            site: [e for e in events if e.phase == "forward" and e.name != "read"] for site, events in sites.items()
        }
        self.forward = {site: events for site, events in self.forward.items() if events}

    @functools.cached_property
    def found(self):
        """All Pairs, each function of two places once; the steps within one line of an activation are left out."""
        pairs: dict = {}
        values = self.values()
        for source, z in self.arguments().items():
            for function, k in self.candidates:
                a = evaluate(function.value, z=sample(z), k=k)
                if a.shape == sample(z).shape and not close(a, sample(z), z.dtype) and curved(function, z, k):
                    for site, value in values.get(z.shape, []):
                        if close(sample(value), a, value.dtype) and self.first(source) < self.first(site):
                            pair = self.pair(function, k, site, source)
                            pairs.setdefault((function, k, pair.z, pair.a), pair)
        whole = {(pair.site.code, pair.site.line) for pair in pairs.values() if not pair.function.plain}
        return [p for p in pairs.values() if not (p.function.plain and (p.site.code, p.site.line) in whole)]

    def first(self, source):
        """When a source was there first: the index of its event, −1 for an array of the run."""
        if isinstance(source, Operand):
            return self.forward[source.site][0].index - 1
        return self.forward[source][0].index if isinstance(source, Site) else -1

    def values(self):
        """{shape: [(site, the result of its first turn)]} of the forward pass."""
        found: dict = {}
        for site, events in self.forward.items():
            if is_float(result := events[0].result):
                found.setdefault(result.shape, []).append((site, result))
        return found

    def arguments(self):
        """{site or name: array}: everything that a function may have been taken of, in its first turn."""
        found = {site: events[0].result for site, events in self.forward.items()}
        found |= self.tape.arrays
        for site, events in self.forward.items():
            given = [i for i, origin in enumerate(events[0].origins) if origin is None]
            found |= {Operand(site, i): events[0].operands[i] for i in given}
        return {source: array for source, array in found.items() if is_float(array) and telling(array)}

    @functools.cached_property
    def candidates(self):
        """Pairs (function, constant) of the table with the numbers of the forward pass, and its own clips."""
        found = [(f, k) for f in TABLE for k in (self.numbers[:CONSTANTS] if f.has_constant else [None])]
        bounds = dict.fromkeys(filter(None, (bounds_of(events[0]) for events in self.forward.values())))
        return found + [(clipped(*pair), None) for pair in bounds]

    @functools.cached_property
    def numbers(self):
        """The numbers other than 0 and 1 that the forward pass calculates with, by size."""
        forward = [events[0] for events in self.forward.values() if events[0].name in ARITHMETIC]
        numbers = filter(None, (as_number(operand) for event in forward for operand in event.operands))
        return list(dict.fromkeys(size for size in map(abs, numbers) if size != 1.0))

    def pair(self, function, k, site, source):
        z = frozenset(array.tobytes() for array in self.turns(source) if isinstance(array, np.ndarray))
        return Pair(function, k, site, source, z, frozenset(event.result.tobytes() for event in self.forward[site]))

    def turns(self, source):
        """The arrays of a source in every turn."""
        if isinstance(source, Site):
            return [event.result for event in self.forward[source]]
        if isinstance(source, Operand):
            return [event.operands[source.number] for event in self.forward[source.site]]
        return [self.tape.arrays[source]]


def bounds_of(event):
    """(low, high) of an operation that clips at numbers, None for an open side; None where it does not."""
    if event.name not in ("clip", "maximum", "minimum"):
        return None
    numbers = [as_number(operand) for operand in event.operands]
    if event.name == "clip" and len(numbers) == 3:
        return tuple(numbers[1:]) if numbers[1:] != [None, None] else None
    bound = next(filter(None, numbers), None)
    if event.name == "clip" or bound is None:
        return None
    return (bound, None) if event.name == "maximum" else (None, bound)


def is_float(array):
    return isinstance(array, np.ndarray) and array.dtype.kind == "f" and array.size > 0


def telling(array):
    """Whether an array holds more than 0 and ±1, of which many functions are alike."""
    return bool((~np.isin(array, (-1.0, 0.0, 1.0))).any())


def curved(function, z, k):
    """Whether the slope is not the same everywhere: else the function is no more than a factor there."""
    return z.size == 1 or bool(np.ptp(evaluate(function.of_z, z=sample(z), k=k)))


def sample(array):
    return np.asarray(array, float).ravel()[:SAMPLE]


def close(a, b, dtype=np.float64):
    """Whether half of the digits agree: two ways to write a function differ by rounding, two functions by far more."""
    tolerance = float(np.sqrt(np.finfo(dtype).eps))
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=tolerance, atol=tolerance))
