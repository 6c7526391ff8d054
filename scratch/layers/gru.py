"""The GRU: a state that is partly kept and partly made anew, with no cell beside it."""

import numpy as np

from scratch.layers.recurrent import Recurrent
from scratch.layers.through_time import Steps, exp, tanh_slope


class GRU(Recurrent):
    """h_t = (1 − z) n + z h_{t−1}: z says how much of the state is kept, r how much of it a new one, n, is made of.

    r = σ(s_r)      z = σ(s_z)      n = tanh(s_n)      with, in three blocks of the weights,
    s_r, s_z = x_t W_ihᵀ + b_ih + h_{t−1} W_hhᵀ + b_hh      s_n = x_t W_inᵀ + b_in + r m      m = h_{t−1} W_hnᵀ + b_hn

    Given dh = ∂J/∂h_t, by the output at t and by step t + 1:
        ds_n = dh (1 − z) tanh′(s_n)      ds_r = ds_n m σ′(s_r)      ds_z = dh (h_{t−1} − n) σ′(s_z)      dm = ds_n r
        dx_t = ds W_ih with ds = (ds_r, ds_z, ds_n)      dh_{t−1} = dh z + ds′ W_hh with ds′ = (ds_r, ds_z, dm)
        dW_ih = Σ_t ds_tᵀ x_t      dW_hh = Σ_t ds′_tᵀ h_{t−1}      db_ih = Σ_t,n ds_t      db_hh = Σ_t,n ds′_t

    Since m is multiplied by r, b_in and b_hn have different gradients; those of the other blocks are alike.
    Several layers, both directions and dropout between layers: see Recurrent.

    forward(x) or forward(x, h0) gives (output, h_n); backward takes their gradients, None for what J does not depend
    on, and gives one by each input.
    Shapes: x (T, N, input_size), (N, T, input_size) with batch_first, (T, input_size) for one sample; output alike with
    D · hidden_size features, D = 2 if bidirectional else 1; h0, h_n (num_layers · D, N, hidden_size), for one sample
    without N, zeros unless given. weight_ih_l0 (3 H, input_size), weight_hh_l0 (3 H, H), bias_ih_l0 and bias_hh_l0
    (3 H,), H = hidden_size, rows in the order r, z, n; layer k ends in _lk, its second way in _reverse.
    Starts as torch does: every entry uniform in ±1/√hidden_size, drawn from rng (a Generator, a seed or None), which
    draws dropout as well. Raises ValueError for shapes and values and TypeError for dtypes that do not fit; float32
    stays float32.
    Source: Cho et al. 2014, with r as torch has it, behind the product; lecture 18 names recurrent layers.
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
        rng=None,
        dtype="float64",
    ):
        sizes = input_size, hidden_size, num_layers
        super().__init__(GRUSteps, sizes, bias, batch_first, dropout, bidirectional, rng, dtype)


class GRUSteps(Steps):
    """The steps of a GRU, W in blocks r, z, n, m: the sum s_n without r m, and m on its own, since r is between.

    σ(−s) = 1/(1 + eˢ) is computed beside σ(s): it is 1 − z, and σ′(s) = σ(s) σ(−s), with every digit where 1 − σ would
    cancel: at s = 12 in float32, 1 − σ is off by about 1 %, and from h_{t−1} = 0 so would be all of h_t.
    """

    gates, blocks = 3, 4
    a: np.ndarray  # σ(s_r), σ(s_z), σ(−s_r), σ(−s_z)
    n: np.ndarray

    def room(self, T, H, N):
        return {"a": (T, 4, H, N), "n": (T, H, N)}

    def joined(self, W_ih, W_hh, b_ih, b_hh):
        H = W_hh.shape[1]
        W = np.zeros((4 * H, W_ih.shape[1] + H + 1), self.dtype)
        by_x, by_h, by_1 = W[:, : -H - 1], W[:, -H - 1 : -1], W[:, -1]
        by_x[: 3 * H] = W_ih
        by_h[: 2 * H], by_h[3 * H :] = W_hh[: 2 * H], W_hh[2 * H :]
        if b_ih is not None:
            by_1[: 3 * H] = b_ih
            by_1[: 2 * H] += b_hh[: 2 * H]
            by_1[3 * H :] = b_hh[2 * H :]
        return W

    def parted(self, dW):
        H = self.h.shape[1]
        by_x, by_h = dW[: 3 * H], np.concatenate([dW[: 2 * H], dW[3 * H :]])
        dW_ih, _, db_ih, _ = super().parted(by_x)
        _, dW_hh, db_hh, _ = super().parted(by_h)
        return dW_ih, dW_hh, db_ih, db_hh

    def step(self, s, t, past, own):
        s_rz, s_n, m = s[:2], s[2], s[3]
        a, n, h = self.a[t], self.n[t], self.h[own]
        np.negative(s_rz, out=a[:2])
        a[2:] = s_rz
        np.reciprocal(np.add(exp(a, out=a), 1, out=a), out=a)
        r, z, _, one_minus_z = a
        s_n += np.multiply(r, m, out=n)
        np.tanh(s_n, out=n)
        np.multiply(one_minus_z, n, out=h)
        h += z * self.h[past]

    def local(self, ds):
        (s_n, m), (r, _, _, one_minus_z) = self.s[:, 2:].swapaxes(0, 1), self.a.swapaxes(0, 1)
        ds_r, ds_z, ds_n, dm = ds.swapaxes(0, 1)
        np.multiply(self.a[:, :2], self.a[:, 2:], out=ds[:, :2])
        tanh_slope(s_n, out=ds_n)
        ds_n *= one_minus_z
        np.multiply(ds_n, r, out=dm)
        ds_r *= ds_n
        ds_r *= m
        ds_z *= self.h[self.past] - self.n

    def step_back(self, ds, _, t, dh):
        ds *= dh
        return dh * self.a[t, 1]
