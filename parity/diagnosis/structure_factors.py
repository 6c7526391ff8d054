"""H is c·G with one c for all entries: which size c follows, is told by data of other sizes."""

from itertools import product

import numpy as np

from parity.diagnosis.claim import Claim, by, each
from parity.diagnosis.origins import is_bias, scales
from parity.diagnosis.sizes import ambiguous, averaged, near, number_under, sizes

POWERS = (0.5, -0.5, 1.0, -1.0, 1.5, -1.5)


@each
def factors(e, key):
    """H = c·G: c is N, 1/N, another number of entries, or the same on all data, however long its inputs are."""
    if not is_multiple(e, key) or near(c := ratio(e, key), -1):
        return
    fitting = [(size, power) for size in sizes(e) for power in (1, -1) if near(c, size.of(e) ** power)]
    unclear = [size for size, _ in fitting if not size.of_batch(e) and ambiguous(e, size)]
    also = tuple(other for axis in range(1, 4) if (other := e.others.stretched(axis)))
    for size, power in fitting:
        if size not in unclear:
            yield counted(e, key, size, power, also)
    if not unclear:
        text = f"{by(key)} is {c:.6g} times what it should be on all data: N = {{N}} make no difference"
        yield Claim("constant-factor", frozenset([key]), lambda other: scaled(other, key, c), text, also=also)


def counted(e, key, size, power, also):
    """The claim that H is G times (power 1) or over (−1) a number of entries."""
    whole = size.of_batch(e) and (size.is_batch(e) or size.of(e) in averaged(e))
    if size.of_batch(e) and power == -1 and of_biases_alone(e, key):
        code, what = "bias-averaged", "is the mean over the batch, should be the sum"
    elif whole:
        code = "missing-mean" if power == 1 else "extra-mean"
        what = "is that of the sum, should be of the mean" if power == 1 else "is averaged once too often"
    else:
        code, what = "wrong-count", f"is {'summed' if power == 1 else 'averaged'} over the wrong number of entries"
    text = f"{by(key)} {what}: ours = theirs {'·' if power == 1 else '/'} {size.words(e)} at N = {{N}}"
    return Claim(code, frozenset([key]), lambda other: scaled(other, key, size.of(other) ** power), text, also=also)


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


def of_biases_alone(e, key):
    """Whether key is a bias, and so are all whose gradient is divided by the batch size."""
    return all(is_bias(e, other) for other in {key, *filter(lambda other: divided_by_batch(e, other), e.wrong)})


def divided_by_batch(e, key):
    return is_multiple(e, key) and any(near(ratio(e, key), 1 / size.of(e)) for size in sizes(e) if size.of_batch(e))


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
    return e.H(key) is not None and e.agrees(key, e.H(key) / c)
