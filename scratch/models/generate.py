"""Text from a language model, character by character."""

import numpy as np


def generate(net, ids, length, context, rng=None, temperature=1.0):
    """ids (T,) and `length` more, each drawn from softmax(logits / temperature) of the last `context` before it.

    net: what takes ids (1, T) and gives logits (1, T, vocabulary). Returns an int64 array (T + length,).
    Raises ValueError where there is nothing to begin with.
    """
    ids, rng = [int(i) for i in ids], np.random.default_rng(rng)
    if not ids:
        raise ValueError("generate: expected at least one id to begin with")
    for _ in range(length):
        logits = net(np.array([ids[-context:]]))[0, -1] / temperature
        p = np.exp(logits - logits.max())
        ids.append(int(rng.choice(len(p), p=p.astype(float) / p.astype(float).sum())))
    return np.array(ids)
