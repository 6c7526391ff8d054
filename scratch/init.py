"""Initial weights: distributions as torch draws them, from a generator that is handed in."""

import math

import numpy as np


def uniform_fan_in(fan_in, rng, dtype):
    """A function shape -> array, each entry uniform in ±1/√fan_in (torch's start for Linear, weight and bias alike).

    Var[z] of a neuron with fan_in inputs of unit variance is then 1/3, whatever fan_in. rng: a Generator, a seed
    for one, or None for fresh entropy. Raises ValueError where fan_in is not positive.
    """
    if fan_in < 1:
        raise ValueError(f"expected at least one input feature, got {fan_in}")
    rng = np.random.default_rng(rng)
    bound = 1 / math.sqrt(fan_in)
    return lambda shape: rng.uniform(-bound, bound, shape).astype(dtype)
