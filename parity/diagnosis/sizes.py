"""Numbers that a factor may follow: how many entries arrays have along some axes, what the forward divides by."""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

NEAR = 1e-4  # of a size: which sizes are tried; the entries decide


@dataclass(frozen=True)
class Count:
    """The number of entries of an input, output or weight along some of its axes."""

    name: str
    axes: tuple[int, ...]

    def of(self, e):
        return float(np.prod([shape_of(e, self.name)[axis] for axis in self.axes]))

    def of_batch(self, e):
        """Whether the batch axis of an input or output is counted."""
        axis = e.batch_axis if self.name in e.hand.input_names or self.name not in e.arrays else None
        return axis in self.axes and shape_of(e, self.name)[axis] == e.N

    def is_batch(self, e):
        return self.axes == (e.batch_axis,) and self.of_batch(e)

    def words(self, e):
        return "N" if self.is_batch(e) else f"{self.of(e):g} (axes {self.axes} of {self.name})"


@dataclass(frozen=True)
class Under:
    """The number of entries that a reduction of the forward takes together along one axis, a window for one."""

    site: Any
    axis: int

    def of(self, e):
        shape = next((np.shape(event.operands[0]) for event in e.forward if event.site is self.site), ())
        return float(shape[self.axis]) if len(shape) > self.axis else np.nan

    def of_batch(self, e):
        return False

    def is_batch(self, e):
        return False

    def words(self, e):
        return f"{self.of(e):g} (axis {self.axis} of what {self.site} reduces)"


@dataclass(frozen=True)
class Quotient:
    """One size over another: divided by the number of classes for the number of rows."""

    over: Count
    under: Count

    def of(self, e):
        return self.over.of(e) / self.under.of(e)

    def of_batch(self, e):
        return True

    def is_batch(self, e):
        return False

    def words(self, e):
        return f"({self.over.words(e)} over {self.under.words(e)})"


def sizes(e):
    """Every size: the Counts of inputs, outputs and weights that are more than 1, N over one, what reductions take."""
    outputs = [name for kind, name in e.trial.ours if kind == "output"]
    found: list = []
    for name in (*e.hand.input_names, *outputs, *e.hand.parameters):
        axes = range(len(shape_of(e, name)))
        found += [Count(name, some) for size in axes for some in combinations(axes, size + 1)]
    found = [count for count in found if count.of(e) > 1]
    single = [count for count in found if len(count.axes) == 1]
    rows, others = ([count for count in single if count.is_batch(e) is is_rows] for is_rows in (True, False))
    found += [Quotient(batch, other) for batch in rows[:1] for other in others]
    return found + unders(e)


def unders(e):
    """Every axis of what the forward averages or sums that is as long in another batch."""
    other = next((other for k in (0, 1) if (other := e.others.fresh(k)) and other.N != e.N), None)
    reductions = {
        event.site: np.ndim(event.operands[0]) for event in e.forward if event.name in ("mean", "sum", "average")
    }
    found = [Under(site, axis) for site, ndim in reductions.items() for axis in range(ndim)]
    return [under for under in found if other is not None and under.of(e) == under.of(other) > 1]


def shape_of(e, name):
    return np.shape(e.trial.ours["output", name] if ("output", name) in e.trial.ours else e.arrays[name])


def ambiguous(e, size):
    """Whether a size that no data can make longer could as well be a constant: 2, or √d or d where √d counts."""
    n = size.of(e)
    if any(other and size.of(other) != n for other in map(e.others.stretched, range(1, 4))):
        return False
    roots = any(isinstance(other, Count) and len(other.axes) == 1 and other.of(e) == n * n for other in sizes(e))
    return n == 2 or roots or any(near(divisor * divisor, n) for divisor in divisors(e))


def averaged(e):
    """The numbers that the forward averages over: of its means, and those that it divides by."""
    means = (event.site for event in e.forward if event.name in ("mean", "average"))
    return {number_under(e, site) for site in means} | divisors(e)


def divisors(e):
    """The single numbers that the forward divides by."""
    divisions = (event.operands[1] for event in e.forward if event.name == "divide")
    return {float(np.real(by)) for by in divisions if np.ndim(by) == 0}


def number_under(e, site):
    """The number of entries under each result of a reduction; None where nothing was reduced."""
    event = next((event for event in e.forward if event.site is site), None)
    if event is None or not np.size(event.result) or not isinstance(event.operands[0], np.ndarray):
        return None
    n = event.operands[0].size / np.size(event.result)
    return n if n > 1 else None


def near(c, value):
    return abs(c - value) <= NEAR * abs(value)
