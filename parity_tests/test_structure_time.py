"""Are paths that are lost named: through time, through skips and branches, of one turn of a loop?"""

import numpy as np
import pytest

from parity_tests import structures as right
from parity_tests.diagnosed import diagnosed, with_method
from parity_tests.structures_in_steps import LSTM, RNN, Attention

SEQUENCES = ((3, 4, 2),)


def rnn(carried=lambda dz, dh, self: dz @ self.Wh, paired=0, slope=1, overwrite=False):
    """backward of RNN with what is carried back, states h_{t−1+paired} in dWh, act′ at h_{t−1+slope}."""

    def backward(self, dy, cache):
        x, states = cache
        dx, dh_next = np.zeros_like(x), 0.0
        dWx, dWh, db = (np.zeros_like(p) for p in (self.Wx, self.Wh, self.b))
        for t in reversed(range(x.shape[1])):
            dh = dy[:, t] + dh_next
            dz = dh * (1 - states[t + slope] ** 2)
            dx[:, t] = dz @ self.Wx
            dWh += dz.T @ states[t + paired]
            db += dz.sum(axis=0)
            if overwrite:
                dWx = dz.T @ x[:, t]
            else:
                dWx += dz.T @ x[:, t]
            dh_next = carried(dz, dh, self)
        return dx, {"Wx": dWx, "Wh": dWh, "b": db}

    return with_method(RNN(), backward=backward), RNN(), SEQUENCES


def lstm(**changes):
    return with_method(LSTM(), **changes), LSTM(), ((2, 4, 2),)


class TimeFirst:
    """RNN on x (T, N, d), all states in one array."""

    params = ("Wx", "Wh")
    earlier = slice(None, -1)

    def __init__(self):
        self.Wx, self.Wh = right.weights(10, (3, 2), (3, 3))

    def forward(self, x):
        T, N, _ = x.shape
        hs = np.zeros((T + 1, N, 3))
        for t in range(T):
            hs[t + 1] = np.tanh(x[t] @ self.Wx.T + hs[t] @ self.Wh.T)
        return hs[1:].copy(), (x, hs)

    def backward(self, dy, cache):
        x, hs = cache
        dz, dh = np.zeros_like(dy), 0.0
        for t in range(len(x) - 1, -1, -1):
            dz[t] = (dy[t] + dh) * (1 - hs[t + 1] ** 2)
            dh = self.carried(dz[t])
        return dz @ self.Wx, {
            "Wx": np.einsum("tnh,tni->hi", dz, x),
            "Wh": np.einsum("tnh,tnk->hk", dz, hs[self.earlier]),
        }

    def carried(self, dz):
        return dz @ self.Wh


class RunningSum:
    """y_t = x_1 + … + x_t."""

    def forward(self, x):
        return np.cumsum(x, axis=1), None

    def backward(self, dy, _):
        return np.flip(np.cumsum(np.flip(dy, 1), axis=1), 1), {}


def after(layer, change):
    def backward(self, d, cache):
        return change(*type(layer).backward(self, d, cache), d, cache)

    return with_method(layer, backward=backward), layer, ((5, 4),)


EVERYTHING = dict.fromkeys(("x", "Wx", "Wh", "b"), "time-truncated")
PLANTED = {
    "RNN, nothing carried back": (EVERYTHING, *rnn(carried=lambda dz, dh, self: 0.0)),
    "LSTM, h not carried back": (EVERYTHING, *lstm(carry_h=0.0)),
    "LSTM, c not carried back": (EVERYTHING, *lstm(carry_c=0.0)),
    "time first, nothing carried back": (
        {"x": "time-truncated", "Wx": "time-truncated", "Wh": "time-truncated"},
        with_method(TimeFirst(), carried=lambda self, dz: 0.0),
        TimeFirst(),
        ((4, 3, 2),),
    ),
    "running sum of one step": (
        {"x": "time-truncated"},
        with_method(RunningSum(), backward=lambda self, dy, _: (1.0 * dy, {})),
        RunningSum(),
        ((3, 5),),
    ),
    "RNN, h_t with dz_t": ({"Wh": "time-shifted"}, *rnn(paired=1)),
    "RNN, act′ one step early": (dict.fromkeys(EVERYTHING, "time-shifted"), *rnn(slope=0)),
    "time first, stacked states one off": (
        {"Wh": "time-shifted"},
        with_method(TimeFirst(), earlier=slice(1, None)),
        TimeFirst(),
        ((4, 3, 2),),
    ),
    "RNN, one turn overwrites the other": ({"Wx": "path-missing"}, *rnn(overwrite=True)),
    "LSTM, last c ignored": (dict.fromkeys(EVERYTHING, "path-missing"), *lstm(use_last_c=0.0)),
    "LSTM, gates in another order": (
        dict.fromkeys(EVERYTHING, "permuted"),
        *lstm(order=lambda self, di, df, dg, do: (di, dg, df, do)),
    ),
    "residual without its skip": (
        {"x": "path-missing"},
        *after(right.Residual(), lambda dx, g, d, c: (dx - d, g)),
    ),
    "residual without its branch": ({"x": "path-missing"}, *after(right.Residual(), lambda dx, g, d, c: (1.0 * d, g))),
    "tied weight, second use alone": (
        {"W": "path-missing"},
        *after(right.Tied(), lambda dx, g, d, c: (dx, {"W": c[1].T @ d})),
    ),
    "attention without its values": (
        {"x": "path-missing"},
        with_method(Attention(), dx=lambda self, by_q, by_k, by_v: by_q + by_k),
        Attention(),
        ((2, 4, 3),),
    ),
    "attention of its queries alone": (
        {"x": "path-missing"},
        with_method(Attention(), dx=lambda self, by_q, by_k, by_v: 1.0 * by_q),
        Attention(),
        ((2, 4, 3),),
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_cause_is_named(name):
    expected, *planted = PLANTED[name]
    assert diagnosed(*planted) == expected


def test_a_slope_lost_on_the_way_back_in_time_is_not_truncation():
    """Here, too, the last step is right, earlier ones are not, and a sequence of length one is."""
    assert diagnosed(*rnn(carried=lambda dz, dh, self: dh @ self.Wh)) == {}


def test_an_index_too_far_is_named_the_same_in_every_run():
    """Python specialises an index after a few runs; the site of the operation must stay."""
    planted = PLANTED["time first, nothing carried back"]
    assert [diagnosed(*planted[1:]) for _ in range(3)] == [planted[0]] * 3
