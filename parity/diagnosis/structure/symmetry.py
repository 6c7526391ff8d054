"""What is right for a symmetric matrix alone: a gradient that takes A where it should take Aᵀ, or both."""

import numpy as np

from parity.diagnosis.structure.claim import Claim, by, each


@each
def right_if_symmetric(e, key):
    """H is G wherever a square matrix among the inputs and weights is symmetric, and is not where it is not."""
    for name, A in e.arrays.items():
        if A.ndim != 2 or A.shape[0] != A.shape[1] or A.dtype.kind != "f" or len(A) < 2:
            continue

        def holds(other, name=name):
            A = other.arrays[name]
            if A.shape[0] != A.shape[1] or np.array_equal(A, A.T):
                return False
            arrays = other.arrays | {name: (A + A.T) / 2}
            right = other.truth(arrays)[key]
            return np.any(right) and other.trial.agrees(key, other.run(arrays).get(key), right)

        text = f"{by(key)} is right for a symmetric {name} alone: {name} stands where its transpose should, too"
        yield Claim("transposed", frozenset([key]), holds, text)
