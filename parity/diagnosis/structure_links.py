"""A sigmoid or softmax applied twice, or not at all: the outputs differ already."""

from itertools import product

import numpy as np

from parity.diagnosis.claim import Claim


def sigmoid(z):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))


def softmax(z):
    """Along the last axis; NaN of a number."""
    if np.ndim(z) == 0:
        return np.nan
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


LINKS = (sigmoid, softmax)


def link_on_output(e, keys):
    """The output is σ of the right one (σ applied twice, or where none belongs), or the right one is σ of it."""
    for key, link in product(sorted(keys), LINKS):

        def twice(other, key=key, link=link):
            return other.explains(key, link(other.G(key)))

        def never(other, key=key, link=link):
            return other.H(key) is not None and other.agrees(key, link(other.H(key)))

        text = f"{key[1]}: ours = {link.__name__}(theirs): {link.__name__} is applied once too often"
        yield Claim("link-doubled", frozenset([key]), twice, text, "forward")
        text = (
            f"{key[1]}: theirs = {link.__name__}(ours): {link.__name__} is missing, or applied twice by the other side"
        )
        yield Claim("link-doubled", frozenset([key]), never, text, "forward")


def link_on_input(e, keys):
    """A loss of σ(x) in place of x, logits taken for probabilities: J(x) = J_right(σ(x)), or J(σ(x)) = J_right(x)."""
    for key, name, link in product(sorted(keys), e.hand.input_names, LINKS):
        if e.arrays[name].dtype.kind != "f" or not e.arrays[name].ndim:
            continue

        def linked(other, name=name, link=link):
            return other.arrays | {name: link(other.arrays[name])}

        def ours(other, key=key, linked=linked):
            return other.explains(key, other.truth(linked(other))[key])

        def theirs(other, key=key, linked=linked):
            return other.agrees(key, other.run(linked(other))[key])

        what = f"is that of {link.__name__}({name})"
        text = f"{key[1]} {what}: probabilities are taken for logits"
        yield Claim("link-doubled", frozenset([key]), ours, text, "forward")
        text = f"the right {key[1]} {what}: logits are taken for probabilities"
        yield Claim("link-doubled", frozenset([key]), theirs, text, "forward")
