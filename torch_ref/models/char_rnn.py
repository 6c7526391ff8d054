"""A language model of characters in torch.nn."""

from torch import nn

from torch_ref.init import drawn_from, torch_dtype

CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class CharRNN(nn.Module):
    """logits = head(rnn(embedding(ids))), the state starting at 0."""

    def __init__(self, vocabulary, hidden=128, cell="lstm", layers=1, dtype=None):
        super().__init__()
        if cell not in CELLS:
            raise ValueError(f"CharRNN: expected cell as one of {', '.join(CELLS)}, got {cell!r}")
        self.embedding = nn.Embedding(vocabulary, hidden, dtype=dtype)
        self.rnn = CELLS[cell](hidden, hidden, layers, batch_first=True, dtype=dtype)
        self.head = nn.Linear(hidden, vocabulary, dtype=dtype)

    def forward(self, ids):
        return self.head(self.rnn(self.embedding(ids))[0])


def char_rnn(vocabulary, hidden=128, cell="lstm", layers=1, rng=None, dtype="float64", device="cpu"):
    """A CharRNN. cell: "rnn", "lstm" or "gru"; layers: how many stand upon each other."""
    with drawn_from(rng):
        return CharRNN(vocabulary, hidden, cell, layers, torch_dtype(dtype)).to(device)
