"""A language model of characters: what comes next, from a state that is carried along the text."""

import numpy as np

from scratch.layers import GRU, LSTM, RNN, Embedding, Layer, Linear
from scratch.naming import collected, prefixed

CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}


class CharRNN(Layer):
    """logits = head(rnn(embedding(ids))): of every position, the scores of what comes next.

    Given dy = ∂J/∂logits:   dh, dθ_head = head.backward(dy),   de, dθ_rnn = rnn.backward(dh),
    dE = embedding.backward(de).
    The state starts at 0 with every call. Shapes: ids (N, T) int64 in 0..vocabulary−1, logits (N, T, vocabulary).
    Parameters `embedding.weight`, `rnn.weight_ih_l0`, …, `head.weight`, `head.bias`. Ids have no gradient (None).
    Raises ValueError for a cell that is none of "rnn", "lstm", "gru", and what the layers refuse.
    Source: lecture 18 names recurrent layers; Elman 1990.
    """

    def __init__(self, vocabulary, hidden=128, cell="lstm", layers=1, rng=None, dtype="float64"):
        if cell not in CELLS:
            raise ValueError(f"CharRNN: expected cell as one of {', '.join(CELLS)}, got {cell!r}")
        rng = np.random.default_rng(rng)
        self.embedding = Embedding(vocabulary, hidden, rng=rng, dtype=dtype)
        self.rnn = CELLS[cell](hidden, hidden, layers, batch_first=True, rng=rng, dtype=dtype)
        self.head = Linear(hidden, vocabulary, rng=rng, dtype=dtype)

    def forward(self, ids):
        e, of_embedding = self.embedding.forward(ids)
        (h, *state), of_rnn = self.rnn.forward(e)
        logits, of_head = self.head.forward(h)
        return logits, (of_embedding, of_rnn, of_head, state)

    def backward(self, dlogits, cache):
        of_embedding, of_rnn, of_head, state = cache
        dh, head = self.head.backward(dlogits, of_head)
        de, rnn = self.rnn.backward((dh, *(None for _ in state)), of_rnn)  # nobody takes the last state
        _, embedding = self.embedding.backward(de, of_embedding)
        return None, collected(self, prefixed(embedding=embedding, rnn=rnn, head=head))


def char_rnn(vocabulary, hidden=128, cell="lstm", layers=1, rng=None, dtype="float64"):
    """A CharRNN. cell: "rnn", "lstm" or "gru"; layers: how many stand upon each other."""
    return CharRNN(vocabulary, hidden, cell, layers, rng, dtype)
