"""Do RNN, LSTM and GRU refuse by name, with what was expected and what came?"""

import re

import numpy as np
import pytest

import scratch

LSTM, GRU, X = scratch.LSTM(3, 2, rng=0), scratch.GRU(3, 2, rng=0, batch_first=True), np.ones((4, 5, 3))
H = np.zeros((1, 5, 2))
REFUSED = {
    "features": (lambda: LSTM(np.ones((4, 5, 2))), ValueError, "LSTM: expected x of shape (..., 3), got (4, 5, 2)"),
    "transposed": (lambda: LSTM(np.ones((3, 4))), ValueError, "got (3, 4); did you mean x.T?"),
    "vector": (lambda: LSTM(np.ones(3)), ValueError, "LSTM: expected x of shape (T, N, 3) or (T, 3), got (3,)"),
    "first": (lambda: GRU(np.ones(3)), ValueError, "GRU: expected x of shape (N, T, 3) or (T, 3), got (3,)"),
    "scalars": (lambda: scratch.RNN(1, 2)(np.ones(3)), ValueError, "got (3,); did you mean x[..., None]?"),
    "no-time": (lambda: LSTM(X[:0]), ValueError, "LSTM: expected at least one step of time, got x of shape (0, 5, 3)"),
    "no-time-first": (lambda: GRU(X[:, :0]), ValueError, "at least one step of time, got x of shape (4, 0, 3)"),
    "integers": (lambda: LSTM(X.astype(int)), TypeError, "LSTM: expected x as float32 or float64, got int64"),
    "mixed": (lambda: LSTM(X.astype("f")), TypeError, "x is float32 but weight_ih_l0 is float64"),
    "h0": (lambda: LSTM(X, H[0], H), ValueError, "LSTM: expected h0 of shape (1, 5, 2), got (5, 2)"),
    "c0": (lambda: LSTM(X, H, H[:, :4]), ValueError, "LSTM: expected c0 of shape (1, 5, 2), got (1, 4, 2)"),
    "h0-first": (lambda: GRU(X, np.zeros((4, 1, 2))), ValueError, "expected h0 of shape (1, 4, 2), got (4, 1, 2)"),
    "h0-float32": (lambda: LSTM(X, H.astype("f"), H), TypeError, "h0 is float32 but x is float64"),
    "h0-integers": (lambda: LSTM(X, H.astype(int), H), TypeError, "expected h0 as float32 or float64, got int64"),
    "h0-alone": (lambda: LSTM(X, H), TypeError, "LSTM: h0 and c0 come together or not at all"),
    "pair": (lambda: LSTM(X, (H,)), TypeError, "LSTM: expected h0 and c0, or one pair of them, got 1 in a tuple"),
    "doutput": (lambda: back(LSTM, X[..., :2]), TypeError, "expected (doutput, dh_n, dc_n), None for what J does"),
    "two": (lambda: back(LSTM, (None, H)), TypeError, "does not depend on, got 2 of them"),
    "dh-n": (lambda: back(LSTM, (None, H[0], H)), ValueError, "LSTM: expected dh_n of shape (1, 5, 2), got (5, 2)"),
    "dc-n": (lambda: back(LSTM, (None, H, H.astype("f"))), TypeError, "dc_n is float32 but x is float64"),
    "sizes": (lambda: scratch.RNN(0, 2), ValueError, "RNN: expected input_size as a whole number from 1 up, got 0"),
    "hidden": (lambda: scratch.GRU(2, 1.5), ValueError, "expected hidden_size as a whole number from 1 up, got 1.5"),
    "layers": (lambda: scratch.LSTM(2, 1, 0), ValueError, "expected num_layers as a whole number from 1 up, got 0"),
    "dropout": (lambda: scratch.LSTM(2, 2, 2, dropout=1.5), ValueError, "dropout as a probability from 0 to 1"),
    "dropout-text": (lambda: scratch.LSTM(2, 2, 2, dropout="a"), TypeError, "dropout as a probability from 0 to 1"),
    "bias": (lambda: scratch.LSTM(2, 2, 2, 0.5), TypeError, "LSTM: expected bias as True or False, got 0.5"),
    "ways": (lambda: scratch.GRU(2, 2, bidirectional=2), TypeError, "expected bidirectional as True or False, got 2"),
    "kind": (lambda: scratch.RNN(2, 2, 1, "gelu"), ValueError, "RNN: expected nonlinearity 'tanh' or 'relu', got"),
    "proj": (lambda: scratch.LSTM(2, 2, proj_size=1), ValueError, "LSTM: a projection of h is not derived here"),
    "dtype": (lambda: scratch.GRU(2, 2, dtype="float16"), TypeError, "GRU: expected dtype float32 or float64"),
}


def back(layer, doutputs):
    return layer.backward(doutputs, layer.forward(X)[1])


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=re.escape(message)) as caught:
        call()
    assert len(str(caught.value).splitlines()) == 1
