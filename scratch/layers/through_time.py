"""One recurrent layer in one direction, through time: what every cell does around its own step.

Weighted sums are called s (the lecture's z), since z is a gate of the GRU.
"""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

COLUMNS = 512  # that are put side by side for one product: with more, memory counts more than calls


class Steps(ABC):
    """All steps of a layer in one direction: what their forward passes store, and their backward.

    Step t sees v_t = (x_t, h_past, 1) and takes s_t = W v_t, with W = (W_ih, W_hh, b_ih + b_hh) side by side; the cell
    makes h_t of s_t. Samples are columns, for which these products run up to twice as fast: x (T, F, N), h (T + 1, H,
    N), v (T + 1, F + H + 1, N). v[past] is what the steps see, h[own] what they make, so that reading backwards flips
    nothing.

    Given dh_t = ∂J/∂h_t, by the output at t and by the step that was read after t, the cell gives ds_t;
        (dx_t, dh_past) = Wᵀ ds_t      dW = Σ_t ds_t v_tᵀ = (dW_ih, dW_hh, db)      the latter as one product at the end
    """

    states: ClassVar[tuple[str, ...]] = ("h",)
    gates: ClassVar[int]  # blocks of H rows in the weights
    blocks: ClassVar[int]  # and in W and s
    v: np.ndarray
    s: np.ndarray  # (T, blocks, H, N)

    def __init__(self, x, weights, starts, backwards):
        (T, F, N), H = x.shape, weights[1].shape[1]
        self.dtype = np.result_type(x, *starts, *(w for w in weights if w is not None))
        shapes = {"v": (T + 1, F + H + 1, N), "s": (T, self.blocks, H, N)}
        vars(self).update(in_one_piece(shapes | self.room(T, H, N), self.dtype))
        self.x, self.h = self.v[:, :F], self.v[:, F:-1]
        self.past, self.own = (slice(1, None), slice(0, T)) if backwards else (slice(0, T), slice(1, None))
        first, last = (T, 0) if backwards else (0, T)
        self.last: int = last
        self.x[self.past], self.v[:, -1] = x, 1
        for state, start in zip(self.states, starts, strict=True):
            getattr(self, state)[first] = start
        self.W = self.joined(*weights)
        self.order = [(t, t + 1, t) if backwards else (t, t, t + 1) for t in range(T)][:: -1 if backwards else 1]
        sums = self.s.reshape(T, self.blocks * H, N)
        for t, past, own in self.order:
            np.matmul(self.W, self.v[past], out=sums[t])
            self.step(self.s[t], t, past, own)

    @abstractmethod
    def room(self, T, H, N):
        """{name: shape} of what the cell stores beside v and s."""

    @abstractmethod
    def step(self, s, t, past, own):
        """Make the states [own] of the blocks of s = W v_t, which may be changed, and of the states [past]."""

    @abstractmethod
    def local(self, ds):
        """Write to ds, of all steps, its factors that are known from the forward; returns what else steps back need."""

    @abstractmethod
    def step_back(self, ds, local, t, dh, *dstates):
        """Complete the blocks of ds, make dstates those before step t; what reaches dh_past around s, or None."""

    def joined(self, W_ih, W_hh, b_ih, b_hh):
        """W."""
        b = np.zeros(len(W_ih), W_ih.dtype) if b_ih is None else b_ih + b_hh
        return np.concatenate([W_ih, W_hh, b[:, None]], axis=1)

    def parted(self, dW):
        """(dW_ih, dW_hh, db_ih, db_hh) of dW, as fresh arrays."""
        dW_ih, dW_hh, db = np.split(dW, [self.x.shape[1], -1], axis=1)
        return tuple(np.array(d, order="C") for d in (dW_ih, dW_hh, db[:, 0], db[:, 0]))

    def backward(self, dh_by_output, dh, *dstates):
        """(dx, [gradients of the starts], gradients of the weights), given those of all h_t and of the last states.

        dh_by_output (T, H, N) or None; dh and dstates are the call's own, and are written to.
        """
        (T, blocks, H, N), F = self.s.shape, self.x.shape[1]
        ds, dv = np.empty_like(self.s), np.empty_like(self.v[self.past])
        sums, local = ds.reshape(T, blocks * H, N), self.local(ds)
        for t, _, _ in reversed(self.order):
            if dh_by_output is not None:
                dh += dh_by_output[t]
            around = self.step_back(ds[t], local, t, dh, *dstates)
            dh = np.matmul(self.W.T, sums[t], out=dv[t])[F:-1]
            if around is not None:
                dh += around
        return dv[:, :F], [dh, *dstates], self.parted(summed(sums, self.v[self.past]))


def summed(ds, v):
    """Σ_t ds_t v_tᵀ, a few hundred columns at a time: so many fit the cache when they are put side by side."""
    few, dW = math.ceil(COLUMNS / max(ds.shape[2], 1)), 0
    for t in range(0, len(ds), few):
        rows, columns = (a[t : t + few].swapaxes(0, 1).reshape(a.shape[1], -1) for a in (ds, v))
        dW += rows @ columns.T
    return dW


def in_one_piece(shapes, dtype):
    """{name: array} of {name: shape}, all cut from one array, half of which again is left untouched.

    glibc keeps freed memory for the next call up to twice the largest array that it took back; beyond, it returns all,
    and fresh pages cost as much as the steps themselves (8.2 against 4.9 ms). Untouched pages cost nothing.
    """
    sizes = [math.prod(shape) for shape in shapes.values()]
    pieces = np.split(np.empty(sum(sizes) * 3 // 2, dtype), np.cumsum(sizes))
    return {name: piece.reshape(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=False)}


def exp(s, out=None):
    """eˢ, ∞ where it overflows: then 1/(1 + eˢ) is 0, as it should be. Complex s stop before, for ∞/∞ is no number."""
    if s.dtype.kind == "c":
        most = 0.9 * np.log(np.finfo(s.dtype).max)
        s = np.minimum(np.maximum(s, -most), most)
    return np.exp(s, out=out)


def tanh_slope(s, out=None):
    """tanh′(s) = 1/cosh²(s) = (2/(eˢ + e⁻ˢ))²: every digit where 1 − tanh² would cancel."""
    e = exp(s)
    slope = np.reciprocal(e, out=out)
    slope += e
    np.divide(2, slope, out=slope)
    slope *= slope
    return slope
