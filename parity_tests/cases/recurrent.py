"""Recurrent layers: T steps, N samples; h0 (and c0 of the LSTM) where given."""

from parity_tests.cases.case import Case, alike

RECURRENT = [
    alike("rnn", "RNN(3, 2)", (4, 2, 3)),
    alike("rnn-state", "RNN(3, 2)", (4, 2, 3), (1, 2, 2)),
    alike("rnn-relu", "RNN(2, 3, nonlinearity='relu')", (3, 2, 2), (1, 2, 3)),
    alike("rnn-one-sample", "RNN(2, 3, batch_first=True)", (4, 2), (1, 3)),
    alike("rnn-stacked-both-ways", "RNN(2, 2, 2, 'tanh', False, True, bidirectional=True)", (2, 3, 2), (4, 2, 2)),
    alike("lstm", "LSTM(3, 2)", (4, 2, 3)),
    alike("lstm-states", "LSTM(2, 2)", (3, 2, 2), (1, 2, 2), (1, 2, 2)),
    alike("lstm-one-step", "LSTM(2, 1, bias=False)", (1, 1, 2), (1, 1, 1), (1, 1, 1)),
    alike("lstm-one-sample-backwards-too", "LSTM(1, 2, bidirectional=True)", (3, 1), (2, 2), (2, 2)),
    alike("lstm-stacked-both-ways", "LSTM(2, 1, 2, bidirectional=True)", (3, 2, 2), (4, 2, 1), (4, 2, 1)),
    alike("lstm-batch-first", "LSTM(2, 3, 2, batch_first=True)", (2, 3, 2)),
    Case(
        "lstm-dropout",
        "repeating(scratch.LSTM(2, 2, 3, dropout=0.4, rng=1))",
        "nn.LSTM(2, 2, 3, dropout=0.4)",
        ((3, 2, 2),),
        against=False,
    ),
    alike("gru", "GRU(3, 2)", (4, 2, 3)),
    alike("gru-state", "GRU(2, 2)", (3, 2, 2), (1, 2, 2)),
    alike("gru-one-sample", "GRU(1, 2, bias=False)", (3, 1), (1, 2)),
    alike("gru-stacked-both-ways", "GRU(2, 1, 2, batch_first=True, bidirectional=True)", (2, 3, 2), (4, 2, 1)),
]
