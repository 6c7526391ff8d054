"""Pairs of functions that hand over a cache: y, cache = forward(*args), gradients = backward(dy, cache)."""

import numpy as np


def affine(x, w, b):
    out = x.reshape(x.shape[0], -1).dot(w) + b
    return out, (x, w, b)


def affine_backward(dout, cache):
    x, w, _ = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    return dx, dw, dout.sum(axis=0)


def affine_backward_bias_of_batch(dout, cache):
    x, w, _ = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = dout  # planted
    return dx, dw, db


def affine_backward_bias_averaged(dout, cache):
    x, w, _ = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = np.average(dout, axis=0)  # planted
    return dx, dw, db


def affine_backward_flat(dout, cache):
    x, w, _ = cache
    dx = dout.dot(w.T)  # planted
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    return dx, dw, dout.sum(axis=0)


def affine_backward_of_ones(dout, cache):
    x, w, _ = cache
    dw = x.reshape(len(x), -1).T.dot(dout)
    db = np.full(w.shape[1], len(x))  # planted
    return dout.dot(w.T).reshape(x.shape), dw, db * 1.0


def relu(x):
    return x * (x > 0), x


def relu_backward(dout, x):
    return dout * (x > 0)


def relu_backward_on_the_other_side(dout, x):
    return dout * (x < 0)  # planted


def relu_backward_in_place(dout, x):
    dout *= x > 0  # planted
    return dout


def batchnorm(x, gamma, beta):
    mu, var = x.mean(axis=0), x.var(axis=0)
    std = np.sqrt(var + 1e-5)
    z = (x - mu) / std
    return gamma * z + beta, {"z": z, "std": std, "gamma": gamma, "x": x}


def batchnorm_backward(dout, cache):
    z, std = cache["z"], cache["std"]
    dz = dout * cache["gamma"]
    dx = (dz - dz.mean(axis=0) - z * (dz * z).mean(axis=0)) / std
    return dx, np.sum(dout * z, axis=0), np.sum(dout, axis=0)


def batchnorm_backward_with_n_minus_one(dout, cache):
    z, std = cache["z"], cache["std"]
    N = len(z)
    dz = dout * cache["gamma"]
    dvar = (dz * z).sum(axis=0) / (N - 1)  # planted
    dx = (dz - dz.mean(axis=0) - z * dvar) / std
    return dx, np.sum(dout * z, axis=0), np.sum(dout, axis=0)


def batchnorm_backward_fixed_statistics(dout, cache):
    dx = dout * cache["gamma"] / cache["std"]  # planted
    return dx, np.sum(dout * cache["z"], axis=0), np.sum(dout, axis=0)


def softmax_loss(scores, y):
    shifted = scores - scores.max(axis=1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -logp[np.arange(len(y)), y].mean(), (logp, y)


def softmax_loss_backward(dJ, cache):
    logp, y = cache
    d = np.exp(logp)
    d[np.arange(len(y)), y] -= 1
    return dJ * d / len(y), None


def softmax_loss_backward_without_labels(dJ, cache):
    logp, y = cache
    d = np.exp(logp)  # planted
    return dJ * d / len(y), None


def softmax_loss_backward_of_classes(dJ, cache):
    logp, y = cache
    d = np.exp(logp)
    d[np.arange(len(y)), y] -= 1
    return dJ * d / logp.shape[1], None  # planted


def lookup(table, index):
    return table[index], (table.shape, index)


def lookup_backward(dout, cache):
    shape, index = cache
    d = np.zeros(shape, dout.dtype)
    np.add.at(d, index, dout)
    return d, None


def lookup_backward_assigning(dout, cache):
    shape, index = cache
    d = np.zeros(shape, dout.dtype)
    d[index] = dout  # planted
    return d, None


def rnn_step(x, h, Wx, Wh, b):
    a = np.tanh(x @ Wx + h @ Wh + b)
    return a, (x, h, Wx, Wh, a)


def rnn_step_backward(da, cache):
    x, h, Wx, Wh, a = cache
    dz = (1 - a * a) * da
    return dz @ Wx.T, dz @ Wh.T, x.T @ dz, h.T @ dz, dz.sum(0)


def rnn_step_backward_of_next_state(da, cache):
    x, h, Wx, Wh, a = cache
    dz = (1 - a * a) * da
    return dz @ Wx.T, dz @ Wh.T, x.T @ dz, a.T @ dz, dz.sum(0)  # planted


def rnn_step_backward_first_only(da, cache):
    x, h, Wx, Wh, a = cache
    dz = (1 - a * a) * da
    dWx = x[:1].T @ dz[:1]  # planted
    return dz @ Wx.T, dz @ Wh.T, dWx, h.T @ dz, dz.sum(0)


def rnn_step_backward_two_mistakes(da, cache):
    x, h, Wx, Wh, a = cache
    dz = a * (1 - a) * da  # planted
    db = dz.mean(0)  # planted
    return dz @ Wx.T, dz @ Wh.T, x.T @ dz, h.T @ dz, db


def images(rng):
    return (4, 2, 3), (6, 5), (5,)


def classes(rng):
    return (5, 4), np.array([1, 0, 3, 2, 1])


def words(rng):
    return (5, 3), np.array([4, 1, 4, 0])


X, NORM, STEP = ((5, 4),), ((6, 4), (4,), (4,)), ((5, 3), (5, 2), (3, 2), (2, 2), (2,))
AFFINE = {"against": "lambda x, w, b: x.flatten(1) @ w + b"}
NORMED = {"against": "lambda x, g, b: F.batch_norm(x, None, None, g, b, training=True)"}
CROSS_ENTROPY = {"against": "F.cross_entropy"}
RNN_STEP = {"against": "lambda x, h, W, U, b: torch.tanh(x @ W + h @ U + b)"}
RNN_RIGHT = "return dz @ Wx.T, dz @ Wh.T, x.T @ dz, h.T @ dz, dz.sum(0)"
PLANTED = [
    ("bias-not-summed", "(affine, affine_backward_bias_of_batch)", images, {"b"}, "db = dout.sum(axis=0)", AFFINE),
    ("bias-averaged", "(affine, affine_backward_bias_averaged)", images, {"b"}, "db = np.sum(dout, axis=0)", AFFINE),
    ("shape-mismatch", "(affine, affine_backward_flat)", images, {"x"}, "dx = dout.dot(w.T).reshape(x.shape)", AFFINE),
    ("upstream-ignored", "(affine, affine_backward_of_ones)", images, {"b"}, "db = dout.sum(axis=0)", AFFINE),
    ("mask-wrong", "(relu, relu_backward_on_the_other_side)", X, {"x"}, "return dout * (x > 0)", {"against": "F.relu"}),
    ("input-mutated", "(relu, relu_backward_in_place)", X, set(), "dout = dout * (x > 0)", {"against": "F.relu"}),
    (
        "variance-convention",
        "(batchnorm, batchnorm_backward_with_n_minus_one)",
        NORM,
        {"x"},
        "dvar = (dz * z).sum(axis=0) / N",
        NORMED,
    ),
    ("statistics-constant", "(batchnorm, batchnorm_backward_fixed_statistics)", NORM, {"x"}, None, NORMED),
    (
        "one-hot-missing",
        "(softmax_loss, softmax_loss_backward_without_labels)",
        classes,
        {"scores"},
        "d = np.exp(logp) - np.eye(logp.shape[1])[y]",
        CROSS_ENTROPY,
    ),
    (
        "wrong-count",
        "(softmax_loss, softmax_loss_backward_of_classes)",
        classes,
        {"scores"},
        "return dJ * d / len(y), None",
        CROSS_ENTROPY,
    ),
    (
        "duplicate-index",
        "(lookup, lookup_backward_assigning)",
        words,
        {"table"},
        "np.add.at(d, index, dout)",
        {"against": "lambda table, index: table[index]"},
    ),
    ("time-shifted", "(rnn_step, rnn_step_backward_of_next_state)", STEP, {"Wh"}, RNN_RIGHT, RNN_STEP),
    ("batch-of-one-only", "(rnn_step, rnn_step_backward_first_only)", STEP, {"Wx"}, "dWx = x.T @ dz", RNN_STEP),
]
RIGHT = [
    ("(affine, affine_backward)", images, AFFINE),
    ("(relu, relu_backward)", X, {"against": "F.relu"}),
    ("(batchnorm, batchnorm_backward)", NORM, NORMED),
    ("(softmax_loss, softmax_loss_backward)", classes, CROSS_ENTROPY),
    ("(lookup, lookup_backward)", words, {"against": "lambda table, index: table[index]"}),
    ("(rnn_step, rnn_step_backward)", STEP, RNN_STEP),
]
TWO_MISTAKES = [
    (
        ("activation-derivative-wrong", "bias-averaged"),
        "(rnn_step, rnn_step_backward_two_mistakes)",
        STEP,
        {"x", "h", "Wx", "Wh", "b"},
        ("dz = (1 - a * a) * da", "db = dz.sum(0)"),
        {"b"},
        RNN_STEP,
    ),
]
