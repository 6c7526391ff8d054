"""Is another batch judged along the axis that is one, and none taken for one that is not?"""

import numpy as np
import pytest

from parity_tests.test_probes import failed, right


def layer_norm(x, g, b):
    d = x - x.mean(axis=1, keepdims=True)
    return d / np.sqrt((d * d).mean(axis=1, keepdims=True) + 1e-5) * g + b


def layer_norm_back(dy, x, g, b):
    d = x - x.mean(axis=1, keepdims=True)
    s = np.sqrt((d * d).mean(axis=1, keepdims=True) + 1e-5)
    h, dh = d / s, dy * g
    dx = (dh - dh.mean(axis=1, keepdims=True) - h * (dh * h).mean(axis=1, keepdims=True)) / s
    return dx, (dy * h).sum(axis=0), dy.sum(axis=0)


SQUARE = {  # weights as inputs that happen to be as long as the batch, and functions without a batch
    "layer-norm": ((layer_norm, layer_norm_back), ((3, 3), (3,), (3,))),
    "product": ((lambda a, b: a @ b, lambda d, a, b: (d @ b.T, a.T @ d)), ((4, 4), (4, 2))),
    "einsum": (
        (
            lambda a, b: np.einsum("ijk,kl->ijl", a, b),
            lambda d, a, b: (np.einsum("ijl,kl->ijk", d, b), np.einsum("ijk,ijl->kl", a, d)),
        ),
        ((4, 2, 4), (4, 3)),
    ),
    "convolve": (
        (
            lambda x, k: np.convolve(x, k, "valid"),
            lambda d, x, k: (np.convolve(d, k[::-1]), np.convolve(x[::-1], d, "valid")[: len(k)]),
        ),
        ((7,), (3,)),
    ),
    "symmetric": ((lambda x: x + x.T, lambda d, x: d + d.T), ((3, 3),)),
    "trace": ((lambda x: np.trace(x @ x), lambda d, x: 2 * d * x.T), ((3, 3),)),
    "scatter": (
        (
            lambda x: np.stack([x[0] + x[3], x[1] * x[2]]),
            lambda d, x: np.stack([d[0], d[1] * x[2], d[1] * x[1], d[0]]),
        ),
        ((4, 3),),
    ),
}


@pytest.mark.parametrize("name", SQUARE)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_axis_that_is_no_batch_is_not_taken_for_one(name, dtype):
    pair, shapes = SQUARE[name]
    right(pair, *shapes, dtype=dtype)


def test_losses_of_pairs_have_their_batch_in_both():
    def off(dJ, y, t):
        return 2 * dJ * (y - t), -2 * dJ * (y - t)

    loss = (lambda y, t: np.mean((y - t) ** 2), lambda dJ, y, t: tuple(d / y.size for d in off(dJ, y, t)))
    right(loss, (4, 4), (4, 4))
    assert failed((loss[0], off), (1, 1), (1, 1)) == {"y": "batch-of-one-only", "t": "batch-of-one-only"}
