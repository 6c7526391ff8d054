"""What the rows of a batch give to a gradient: one of them alone, or right only where there is one."""

import numpy as np

from parity.diagnosis.claim import Claim, by, each
from parity.diagnosis.origins import is_bias
from parity.diagnosis.structure_factors import is_multiple


@each
def one_row(e, key):
    """H is what the first or the last row of the batch adds to the gradient by a weight; of a bias, bias-not-summed."""
    if e.H(key).shape != e.G(key).shape or e.N < 2:
        return
    code = "bias-not-summed" if is_bias(e, key) else "batch-of-one-only"
    for row in (0, -1):

        def holds(other, row=row):
            alone = [only(g, row, other.batch_axis) for g in other.upstream]
            return other.N > 1 and other.explains(key, other.truth(upstream=alone)[key])

        which = "first" if row == 0 else "last"
        text = f"{by(key)} is that of the {which} row alone, should be summed over the N = {{N}} rows"
        yield Claim(code, frozenset([key]), holds, text)


def only(g, row, axis):
    """g with 0 in every other row."""
    kept = np.zeros_like(g)
    if g.ndim <= axis:
        return g
    index = (slice(None),) * axis + (row,)
    kept[index] = g[index]
    return kept


@each
def right_for_one_row(e, key):
    """Of a weight, in a forward that keeps rows apart: H = G wherever N = 1, and H ≠ c·G for N = 2 and more."""
    shapes = {np.shape(other.G(key)) for k in (0, 1) if (other := e.others.fresh(k))}
    if shapes != {e.G(key).shape} or not rows_apart(e):
        return
    ones, twos = ([e.others.batch_of(n, k) for k in (0, 1)] for n in (1, 2))
    if not all((*ones, *twos)) or any(one.N != 1 for one in ones) or any(two.N != 2 for two in twos):
        return

    def holds(other):
        proved = np.any(np.abs(other.G(key)) > other.trial.budget[key])
        factor = other.N > 1 and is_multiple(other, key)
        return proved and (key in other.wrong) == (other.N > 1) and not factor

    text = f"{by(key)} is right for a batch of one and wrong for N = 2, {{N}}"
    yield Claim("batch-of-one-only", frozenset([key]), holds, text, also=(*ones, *twos), confidence=0.8)


def rows_apart(e):
    """Whether the batch axis leads, and each row of every output depends on the same row of the inputs alone."""
    rows = [name for name in e.hand.input_names if e.arrays[name].ndim and len(e.arrays[name]) == e.N]
    floats = [name for name in rows if e.arrays[name].dtype.kind == "f"]
    if e.batch_axis or e.N < 2 or not floats:
        return False
    moved = e.run(e.arrays | {name: with_first_row(e.arrays[name]) for name in floats})
    outputs = [(e.trial.ours["output", name], moved["output", name]) for name in e.outputs]
    return all(np.ndim(y) and len(y) == e.N and np.array_equal(y[1:], z[1:]) for y, z in outputs)


def with_first_row(array):
    """The array with another first row."""
    found = array.copy()
    found[0] *= 0.75
    return found
