"""Products of matrices, one by one or in a batch: factors exchanged or transposed, an einsum's letters exchanged."""

from itertools import combinations, product

import numpy as np

from parity.diagnosis.changes.change import Change, Edit

PRODUCTS = ("matmul", "dot")
TURNED = "np.swapaxes({}, -1, -2)"


def matrix_products(place):
    """The Changes that exchange or transpose what a product of matrices or an einsum multiplies."""
    operands = place.operands
    if place.name == "einsum" and isinstance(operands[0], str):
        return list(lettered(place))
    if place.name in PRODUCTS and min(map(np.ndim, operands[:2])) > 1:
        batched = max(map(np.ndim, operands[:2])) > 2
        return list(turned_factors(place, batched)) if not batched or place.name == "matmul" else []
    return []


def turned_factors(place, batched):
    """A product with its factors exchanged or transposed in every way that has their shapes.

    batched: of the last two axes alone, what stands before them being the batch.
    """
    shapes = dict(zip("AB", map(np.shape, place.operands), strict=False))
    for (left, right, rank), *turns in product((("A", "B", 1.0), ("B", "A", 1.1)), (False, True), (False, True)):
        rows, columns = (
            shapes[name][-2:][:: -1 if turn else 1] for name, turn in zip((left, right), turns, strict=True)
        )
        if rows[1] == columns[0] and (left, *turns) != ("A", False, False):
            template = " @ ".join(written(name, turn, batched) for name, turn in zip((left, right), turns, strict=True))
            yield Change("transpose", rank + 0.01 * sum(turns), (Edit(place.site, template),))


def written(name, turned, batched):
    """A factor, or its transpose."""
    if not turned:
        return name
    return TURNED.format(name) if batched else f"{name}.T"


def lettered(place):
    """An einsum with two letters of one operand, or of the result, in each other's places, where the lengths fit."""
    text, *arrays = place.operands
    terms, arrow, result = text.replace(" ", "").partition("->")
    words = [*terms.split(","), result]
    if "." in text or not arrow or len(words) != len(arrays) + 1:
        return
    for i, word in enumerate(words):
        for a, b in combinations(sorted(set(word)), 2):
            changed = [*words[:i], word.translate(str.maketrans({a: b, b: a})), *words[i + 1 :]]
            if lengths_fit(changed, arrays):
                new = f"{','.join(changed[:-1])}->{changed[-1]}"
                yield Change("transpose", 1.0, (Edit(place.site, f'"{new}"', 0),))


def lengths_fit(words, arrays):
    """Whether each letter stands for axes of one length."""
    pairs = {
        (letter, n)
        for word, array in zip(words, arrays, strict=False)
        for letter, n in zip(word, np.shape(array), strict=False)
    }
    return len({letter for letter, _ in pairs}) == len(pairs)
