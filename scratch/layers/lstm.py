"""The LSTM: a cell that keeps what it holds, and gates that say what enters, stays and leaves."""

import numpy as np

from scratch.layers.recurrent import Recurrent
from scratch.layers.through_time import Steps, exp, tanh_slope


class LSTM(Recurrent):
    """h_t = o tanh(c_t), c_t = f c_{t−1} + i g: what enters a cell c, stays in it and leaves it, gates i, f, o say.

    s_t = x_t W_ihᵀ + b_ih + h_{t−1} W_hhᵀ + b_hh in blocks s_i, s_f, s_g, s_o;
    i = σ(s_i)      f = σ(s_f)      g = tanh(s_g)      o = σ(s_o)

    Given dh = ∂J/∂h_t and dc = ∂J/∂c_t, by the output at t and by step t + 1:   dc += dh o tanh′(c_t)
        ds_i = dc g σ′(s_i)      ds_f = dc c_{t−1} σ′(s_f)      ds_g = dc i tanh′(s_g)      ds_o = dh tanh(c_t) σ′(s_o)
        dc_{t−1} = dc f      dh_{t−1} = ds W_hh      dx_t = ds W_ih
        dW_ih = Σ_t ds_tᵀ x_t      dW_hh = Σ_t ds_tᵀ h_{t−1}      db_ih = db_hh = Σ_t,n ds_t

    Where f stays near 1, dc passes through many steps as it is: that is how an LSTM learns from what is long past.
    Several layers, both directions and dropout between layers: see Recurrent.

    forward(x), forward(x, h0, c0) or as in torch forward(x, (h0, c0)) gives (output, h_n, c_n), which torch nests:
    output, (h_n, c_n). backward takes their gradients, None for what J does not depend on, and gives one by each input.
    Shapes: x (T, N, input_size), (N, T, input_size) with batch_first, (T, input_size) for one sample; output alike with
    D · hidden_size features, D = 2 if bidirectional else 1; h0, c0, h_n, c_n (num_layers · D, N, hidden_size), for one
    sample without N, always zeros unless given. weight_ih_l0 (4 H, input_size), weight_hh_l0 (4 H, H), bias_ih_l0 and
    bias_hh_l0 (4 H,), H = hidden_size, rows in the order i, f, g, o; layer k ends in _lk, its second way in _reverse.
    Starts as torch does: every entry uniform in ±1/√hidden_size, drawn from rng (a Generator, a seed or None), which
    draws dropout as well. Raises ValueError for shapes and values and TypeError for dtypes that do not fit, ValueError
    for proj_size, which is not derived here; float32 stays float32.
    Source: Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000 (f); lecture 18 names recurrent layers.
    """

    def __init__(
        self,
        input_size,
        hidden_size,
        num_layers=1,
        bias=True,
        batch_first=False,
        dropout=0.0,
        bidirectional=False,
        proj_size=0,
        rng=None,
        dtype="float64",
    ):
        if proj_size != 0:
            raise ValueError(f"LSTM: a projection of h is not derived here; expected proj_size 0, got {proj_size!r}")
        sizes = input_size, hidden_size, num_layers
        super().__init__(LSTMSteps, sizes, bias, batch_first, dropout, bidirectional, rng, dtype)

    def forward(self, x, h0=None, c0=None):
        if not isinstance(h0, tuple | list):
            return self.through_layers(x, (h0, c0))
        if len(h0) != 2 or c0 is not None:
            raise TypeError(f"LSTM: expected h0 and c0, or one pair of them, got {len(h0)} in a {type(h0).__name__}")
        outputs, call = self.through_layers(x, tuple(h0))
        return outputs, call._replace(paired=True)


class LSTMSteps(Steps):
    """The steps of an LSTM, W in blocks o, i, f, g (torch's, the last one first), so that the gates stand together.

    With e = e⁻ˢ, σ(s) = 1/(1 + e) and σ′(s) = σ(s) σ(−s) = e σ²(s), which keeps every digit where 1 − σ would cancel:
    at s = 12 in float32, 1 − σ is off by about 1 %. After a step, e stands in place of the gates' s.
    """

    states = ("h", "c")
    gates = blocks = 4
    a: np.ndarray  # o, i, f, g
    c: np.ndarray
    tanh_c: np.ndarray

    def room(self, T, H, N):
        return {"a": (T, 4, H, N), "c": (T + 1, H, N), "tanh_c": (T, H, N)}

    def joined(self, *weights):
        return np.roll(super().joined(*weights), weights[1].shape[1], axis=0)

    def parted(self, dW):
        return super().parted(np.roll(dW, -self.h.shape[1], axis=0))

    def step(self, s, t, past, own):
        e, s_g, gates, c, tanh_c = s[:3], s[3], self.a[t, :3], self.c[own], self.tanh_c[t]
        o, i, f, g = self.a[t]
        exp(np.negative(e, out=e), out=e)
        np.reciprocal(np.add(e, 1, out=gates), out=gates)
        np.tanh(s_g, out=g)
        np.multiply(f, self.c[past], out=c)
        c += np.multiply(i, g, out=tanh_c)
        np.multiply(o, np.tanh(c, out=tanh_c), out=self.h[own])

    def local(self, ds):
        e, s_g, gates, (o, i, _, g) = self.s[:, :3], self.s[:, 3], self.a[:, :3], self.a.swapaxes(0, 1)
        ds_o, ds_i, ds_f, ds_g = ds.swapaxes(0, 1)
        slopes = np.minimum(e, np.finfo(self.dtype).max, out=ds[:, :3])  # where e is ∞, σ is 0, and so is the slope
        slopes *= gates
        slopes *= gates
        ds_o *= self.tanh_c
        ds_i *= g
        ds_f *= self.c[self.past]
        tanh_slope(s_g, out=ds_g)
        ds_g *= i
        dc_by_dh = tanh_slope(self.c[self.own])
        dc_by_dh *= o
        return dc_by_dh

    def step_back(self, ds, dc_by_dh, t, dh, dc):
        dc += np.multiply(dh, dc_by_dh[t], out=dc_by_dh[t])
        ds[0] *= dh
        ds[1:] *= dc
        dc *= self.a[t, 2]
