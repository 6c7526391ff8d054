"""H is c·G with one c for all entries: which size c follows, is told by data of other sizes."""

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from parity.diagnosis.evidence import Claim, by, each
from parity.diagnosis.origins import is_added, scales

NEAR = 1e-4  # of a size: which sizes are tried; the entries decide
POWERS = (0.5, -0.5, 1.0, -1.0, 1.5, -1.5)


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


@each
def factors(e, key):
    """H = c·G: c is N, 1/N, another number of entries, or the same on all data, however long its inputs are."""
    if not is_multiple(e, key) or near(c := ratio(e, key), -1):
        return
    fitting = [(count, power) for count in counts(e) for power in (1, -1) if near(c, count.of(e) ** power)]
    unclear = [count for count, _ in fitting if not count.of_batch(e) and ambiguous(e, count)]
    for count, power in fitting:
        if count not in unclear:
            yield counted(e, key, count, power)
    if unclear:
        return
    also = tuple(other for axis in range(1, 4) if (other := e.others.stretched(axis)))
    text = f"{by(key)} is {c:.6g} times what it should be on all data: N = {{N}} make no difference"
    yield Claim("constant-factor", frozenset([key]), lambda other: scaled(other, key, c), text, also=also)


@each
def bessel_factors(e, key):
    """H = G·(n/(n−1))ᵖ, p = ±1/2, ±1, ±3/2, where the forward scales by a statistic over n entries."""
    c = ratio(e, key)
    for site, power in product(scales(e), POWERS):
        n = number_under(e, site)
        if n is not None and n > 2 and c is not None and near(c, (n / (n - 1)) ** power):

            def holds(other, site=site, power=power):
                n = number_under(other, site)
                return scaled(other, key, (n / (n - 1)) ** power)

            text = f"{by(key)} is (n / (n − 1))^{power:g} times what it should be, n = {n:g} at {site}: n − 1 for n"
            yield Claim("variance-convention", frozenset([key]), holds, text)


def counted(e, key, count, power):
    """The claim that H is G times (power 1) or over (−1) a number of entries."""
    whole = count.of_batch(e) and (count.axes == (e.batch_axis,) or count.of(e) in averaged(e))
    if count.of_batch(e) and power == -1 and of_biases_alone(e, key):
        code, what = "bias-averaged", "is the mean over the batch, should be the sum"
    elif whole and power == 1:
        code, what = "missing-mean", "is that of the sum, should be of the mean"
    elif whole:
        code, what = "extra-mean", "is averaged once too often"
    else:
        code, what = "wrong-count", f"is {'summed' if power == 1 else 'averaged'} over the wrong number of entries"
    size = (
        "N"
        if count.axes == (e.batch_axis,) and count.of_batch(e)
        else f"{count.of(e):g} (axes {count.axes} of {count.name})"
    )
    text = f"{by(key)} {what}: ours = theirs {'·' if power == 1 else '/'} {size} at N = {{N}}"
    also = tuple(other for axis in range(1, 4) if (other := e.others.stretched(axis)))
    return Claim(code, frozenset([key]), lambda other: scaled(other, key, count.of(other) ** power), text, also=also)


def ambiguous(e, count):
    """Whether a size that no data can make longer could as well be a constant: 2, or √d or d where √d counts."""
    size = count.of(e)
    if any(other and count.of(other) != size for other in map(e.others.stretched, range(1, 4))):
        return False
    roots = any(other.of(e) == size * size and len(other.axes) == 1 for other in counts(e))
    return size == 2 or roots or any(near(divisor * divisor, size) for divisor in divisors(e))


def of_biases_alone(e, key):
    """Whether key is a bias, and so are all whose gradient is divided by the batch size."""
    return all(is_added(e, other) for other in {key, *filter(lambda other: divided_by_batch(e, other), e.wrong)})


def divided_by_batch(e, key):
    sizes = (count.of(e) for count in counts(e) if count.of_batch(e))
    return is_multiple(e, key) and any(near(ratio(e, key), 1 / size) for size in sizes)


def is_multiple(e, key):
    """Whether H = c·G for some c."""
    c = ratio(e, key)
    return c is not None and scaled(e, key, c)


def ratio(e, key):
    """H/G at the largest entry of G; None where H has another shape or is 0 there."""
    H, G = e.H(key), e.G(key)
    if H is None or H.shape != G.shape or G.size == 0:
        return None
    index = np.unravel_index(np.argmax(np.abs(G)), G.shape)
    return float(H[index] / G[index]) if G[index] and H[index] else None


def scaled(e, key, c):
    """Whether H = c·G in every entry."""
    return e.agrees(key, e.H(key) / c)


def near(c, value):
    return abs(c - value) <= NEAR * abs(value)


def counts(e):
    """Every Count of inputs, outputs and weights that is more than 1."""
    outputs = [name for kind, name in e.trial.ours if kind == "output"]
    for name in (*e.hand.input_names, *outputs, *e.hand.parameters):
        axes = range(len(shape_of(e, name)))
        for some in (some for size in axes for some in combinations(axes, size + 1)):
            if (count := Count(name, some)).of(e) > 1:
                yield count


def shape_of(e, name):
    return np.shape(e.trial.ours["output", name] if ("output", name) in e.trial.ours else e.arrays[name])


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
