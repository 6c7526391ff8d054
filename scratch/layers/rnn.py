"""The recurrent layer in its simplest form: a state that is made of x and of what it was."""

import numpy as np

from scratch.layers.recurrent import Recurrent
from scratch.layers.through_time import Steps, tanh_slope


class RNN(Recurrent):
    """h_t = tanh(s_t), s_t = x_t W_ihᵀ + b_ih + h_{t−1} W_hhᵀ + b_hh; with nonlinearity="relu", h_t = max(0, s_t).

    Given dh = ∂J/∂h_t, by the output at t and by step t + 1:   ds = dh tanh′(s_t), or dh where s_t > 0, else 0
        dh_{t−1} = ds W_hh      dx_t = ds W_ih
        dW_ih = Σ_t ds_tᵀ x_t      dW_hh = Σ_t ds_tᵀ h_{t−1}      db_ih = db_hh = Σ_t,n ds_t

    dh passes W_hh and a slope at every step, so it fades or grows geometrically with what lies between: the reason for
    LSTM and GRU. Several layers, both directions and dropout between layers: see Recurrent.

    forward(x) or forward(x, h0) gives (output, h_n); backward takes their gradients, None for what J does not depend
    on, and gives one by each input.
    Shapes: x (T, N, input_size), (N, T, input_size) with batch_first, (T, input_size) for one sample; output alike with
    D · hidden_size features, D = 2 if bidirectional else 1; h0, h_n (num_layers · D, N, hidden_size), for one sample
    without N, zeros unless given. weight_ih_l0 (H, input_size), weight_hh_l0 (H, H), bias_ih_l0 and bias_hh_l0 (H,),
    H = hidden_size; layer k ends in _lk, its second way in _reverse.
    Starts as torch does: every entry uniform in ±1/√hidden_size, drawn from rng (a Generator, a seed or None), which
    draws dropout as well. Raises ValueError for shapes and values and TypeError for dtypes that do not fit; float32
    stays float32.
    Source: Elman 1990; backpropagation through time: Werbos 1990; lecture 18 names recurrent layers.
    """

    def __init__(
        self,
        input_size,
        hidden_size,
        num_layers=1,
        nonlinearity="tanh",
        bias=True,
        batch_first=False,
        dropout=0.0,
        bidirectional=False,
        rng=None,
        dtype="float64",
    ):
        if nonlinearity not in STEPS:
            raise ValueError(f"RNN: expected nonlinearity {' or '.join(map(repr, STEPS))}, got {nonlinearity!r}")
        self.nonlinearity, sizes = nonlinearity, (input_size, hidden_size, num_layers)
        super().__init__(STEPS[nonlinearity], sizes, bias, batch_first, dropout, bidirectional, rng, dtype)


class TanhSteps(Steps):
    """The steps of an RNN with tanh."""

    gates = blocks = 1

    def room(self, T, H, N):
        return {}

    def step(self, s, t, past, own):
        np.tanh(s[0], out=self.h[own])

    def local(self, ds):
        tanh_slope(self.s, out=ds)

    def step_back(self, ds, _, t, dh):
        ds *= dh


class ReLUSteps(TanhSteps):
    """The steps of an RNN with ReLU; at the kink s = 0 the derivative is taken as 0, as torch does."""

    def step(self, s, t, past, own):
        np.maximum(s[0], 0, out=self.h[own])

    def local(self, ds):
        ds[:] = self.s.real > 0


STEPS = {"tanh": TanhSteps, "relu": ReLUSteps}
