"""Are windows at the wrong place, borders and indices that overwrite each other named?"""

import numpy as np
import pytest

from parity_tests import structures as right
from parity_tests.diagnosed import diagnosed, with_method
from parity_tests.structures_in_steps import Conv1d, MaxPool2d

INDEX = np.array([3, 1, 3, 0, 1, 3])
SIGNALS, IMAGES = ((3, 2, 9),), ((3, 6, 6),)


def spread(self, dz, xp, stride, write):
    """dx of a convolution before the crop: write(dx, window, what dz gives there) for every output position."""
    dxp, K = np.zeros_like(xp), self.W.shape[2]
    for i in range(dz.shape[2]):
        write(dxp, slice(i * stride, i * stride + K), np.tensordot(dz[:, :, i], self.W, (1, 0)))
    return dxp


def add(dxp, window, value):
    dxp[:, :, window] += value


def assign(dxp, window, value):
    dxp[:, :, window] = value


def in_conv(layer, dx):
    """The layer with dx(self, dz, padded x)."""

    def backward(self, dz, xp):
        return dx(self, dz, xp), Conv1d.backward(self, dz, xp)[1]

    return with_method(layer, backward=backward), layer, SIGNALS


def without_last_position(self, dz, xp):
    L = dz.shape[2] - 1
    dx, gradients = Conv1d.backward(self, dz[:, :, :L], xp)
    return dx, gradients | {"b": dz.sum(axis=(0, 2))}


def zero_at_the_border(self, dz, xp):
    dx, gradients = Conv1d.backward(self, dz, xp)
    return np.concatenate([0 * dx[:, :, :1], dx[:, :, 1:-1], 0 * dx[:, :, -1:]], axis=2), gradients


class Dilated:
    """Cross-correlation of x (N, C, L) with taps two apart."""

    params = ("W",)
    apart = 2

    def __init__(self):
        (self.W,) = right.weights(3, (3, 2, 3))

    def forward(self, x):
        length = x.shape[2] - 4
        y = sum(np.einsum("ncl,oc->nol", x[:, :, 2 * k : 2 * k + length], self.W[:, :, k]) for k in range(3))
        return y, x

    def backward(self, dy, x):
        dx, dW, length = np.zeros_like(x), np.zeros_like(self.W), dy.shape[2]
        for k in range(3):
            dx[:, :, self.apart * k : self.apart * k + length] += np.einsum("nol,oc->ncl", dy, self.W[:, :, k])
            dW[:, :, k] = np.einsum("nol,ncl->oc", dy, x[:, :, 2 * k : 2 * k + length])
        return dx, {"W": dW}


def pooled(mask, write=add):
    """backward of MaxPool2d with mask(window, its maximum)."""

    def backward(self, dy, cache):
        x, y = cache
        s, dx = self.stride, np.zeros_like(x)
        for i, j in np.ndindex(dy.shape[1:]):
            rows, columns = slice(i * s, i * s + 2), slice(j * s, j * s + 2)
            here = mask(x[:, rows, columns], y[:, i, j, None, None]) * dy[:, i, j, None, None]
            if write is add:
                dx[:, rows, columns] += here
            else:
                dx[:, rows, columns] = here
        return dx, {}

    return backward


def in_embedding(write):
    def backward(self, dy, index):
        dW = np.zeros_like(self.W)
        write(dW, index, dy)
        return None, {"W": dW}

    return with_method(right.Embedding(), backward=backward), right.Embedding(), (INDEX,)


def assign_rows(dW, index, dy):
    dW[index] = dy


def add_rows_once(dW, index, dy):
    dW[index] += dy


def assign_one_by_one(dW, index, dy):
    for n, i in enumerate(index):
        dW[i] = dy[n]


OVERLAPPING = with_method(MaxPool2d(), stride=1)
PLANTED = {
    "convolution, stride ignored": (
        {"x": "window-edge"},
        *in_conv(Conv1d(stride=2), lambda self, dz, xp: spread(self, dz, xp, 1, add)),
    ),
    "convolution, cropped at one end": (
        {"x": "window-edge"},
        *in_conv(Conv1d(padding=1), lambda self, dz, xp: spread(self, dz, xp, 1, add)[:, :, :-2]),
    ),
    "convolution, not cropped": (
        {"x": "window-edge"},
        *in_conv(Conv1d(padding=1), lambda self, dz, xp: spread(self, dz, xp, 1, add)),
    ),
    "convolution, last position left out": (
        {"x": "window-edge", "W": "window-edge"},
        with_method(Conv1d(padding=1), backward=without_last_position),
        Conv1d(padding=1),
        SIGNALS,
    ),
    "convolution, zero at the border": (
        {"x": "window-edge"},
        with_method(Conv1d(padding=1), backward=zero_at_the_border),
        Conv1d(padding=1),
        SIGNALS,
    ),
    "dilation ignored": ({"x": "window-edge"}, with_method(Dilated(), apart=1), Dilated(), SIGNALS),
    "convolution, windows overwrite": (
        {"x": "duplicate-index"},
        *in_conv(Conv1d(), lambda self, dz, xp: spread(self, dz, xp, 1, assign)),
    ),
    "max pool, windows overwrite": (
        {"x": "duplicate-index"},
        with_method(OVERLAPPING, backward=pooled(np.equal, assign)),
        OVERLAPPING,
        IMAGES,
    ),
    "embedding, rows overwrite": ({"W": "duplicate-index"}, *in_embedding(assign_rows)),
    "embedding, += with repeated indices": ({"W": "duplicate-index"}, *in_embedding(add_rows_once)),
    "embedding, one by one": ({"W": "duplicate-index"}, *in_embedding(assign_one_by_one)),
    "max pool, to the minimum": (
        {"x": "mask-wrong"},
        with_method(MaxPool2d(), backward=pooled(lambda window, y: window == window.min(axis=(1, 2), keepdims=True))),
        MaxPool2d(),
        IMAGES,
    ),
    "max pool, to all": (
        {"x": "mask-wrong"},
        with_method(MaxPool2d(), backward=pooled(lambda window, y: np.ones_like(window))),
        MaxPool2d(),
        IMAGES,
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_cause_is_named(name):
    expected, *planted = PLANTED[name]
    assert diagnosed(*planted) == expected


def test_windows_that_do_not_overlap_may_be_assigned():
    assert diagnosed(with_method(MaxPool2d(), backward=pooled(np.equal, assign)), MaxPool2d(), IMAGES) == {}
