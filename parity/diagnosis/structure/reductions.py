"""A sum over the batch, or over what was broadcast, that is not done or goes too far."""

from itertools import combinations

import numpy as np

from parity.diagnosis.structure.claim import Claim, by, each
from parity.diagnosis.structure.factors import is_multiple
from parity.diagnosis.structure.origins import is_bias
from parity.trial import SLACK


@each
def not_summed(e, key):
    """H has axes that G lacks, or longer ones: H summed over them is G. Of a bias with the batch among them, (N, k)."""
    H, G = e.H(key), e.G(key)
    for axes in subsets(H.ndim if H.size > G.size else 0):
        if H.sum(axes).size != G.size:
            continue

        def holds(other, axes=axes):
            return other.H(key).ndim == H.ndim and other.agrees(key, other.H(key).sum(axes).reshape(other.G(key).shape))

        batch = e.batch_axis in axes and H.shape[e.batch_axis] == e.N and is_bias(e, key)
        code = "bias-not-summed" if batch else "broadcast-not-reduced"
        text = f"{by(key)} has shape {H.shape} for {G.shape}: not summed over axes {axes}"
        yield Claim(code, frozenset([key]), holds, text)


@each
def summed_too_far(e, key):
    """H is G summed over some of its axes, as one number or repeated over them."""
    H, G = e.H(key), e.G(key)
    for axes in subsets(G.ndim if H.size <= G.size else 0):

        def holds(other, axes=axes):
            H, G = other.H(key), other.G(key)
            total, budget = (np.sum(array, axes, keepdims=True) for array in (G, other.trial.budget[key]))
            if is_multiple(other, key) or H.shape not in (total.shape, total.squeeze(axes).shape, G.shape):
                return False
            H = H if H.ndim == G.ndim else H.reshape(total.shape)
            return bool((np.abs(H - total) <= SLACK * budget).all())

        text = f"{by(key)} is summed over axes {axes} of {G.shape} as well"
        yield Claim("broadcast-not-reduced", frozenset([key]), holds, text)


def subsets(ndim):
    """Every non-empty tuple of axes."""
    return (axes for size in range(ndim) for axes in combinations(range(ndim), size + 1))
