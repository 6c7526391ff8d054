"""Pairs of functions without a cache: y = forward(*args), gradients = backward(dy, *args)."""

import numpy as np


def sigmoid(z):
    return np.exp(-np.logaddexp(0.0, -z))


def linear(x, W):
    return x @ W


def linear_grad(dy, x, W):
    return dy @ W.T, x.T @ dy


def linear_grad_transposed(dy, x, W):
    """For a square W."""
    dx = dy @ W  # planted
    return dx, x.T @ dy


def neuron(x, w, b):
    """σ(w · x + b) for every row."""
    return sigmoid(x @ w + b)


def neuron_grad(dy, x, w, b):
    y = neuron(x, w, b)
    dz = dy * y * (1 - y)
    return np.outer(dz, w), dz @ x, dz.sum(keepdims=True)


def neuron_grad_linear(dy, x, w, b):
    dz = dy  # planted
    return np.outer(dz, w), dz @ x, dz.sum(keepdims=True)


def neuron_grad_slope_twice(dy, x, w, b):
    y = neuron(x, w, b)
    slope = y * (1 - y)
    dz = dy * slope * slope  # planted
    return np.outer(dz, w), dz @ x, dz.sum(keepdims=True)


def gelu(x):
    return x * sigmoid(1.702 * x)


def gelu_grad(dy, x):
    s = sigmoid(1.702 * x)
    return dy * (s + 1.702 * x * s * (1 - s))


def gelu_grad_inner_forgotten(dy, x):
    s = sigmoid(1.702 * x)
    return dy * (s + x * s * (1 - s))  # planted


def smooth_l1(y, t):
    r = np.abs(y - t)
    return np.where(r < 1, 0.5 * r**2, r - 0.5).mean()


def smooth_l1_grad(dJ, y, t):
    r = y - t
    d = dJ * np.where(np.abs(r) < 1, r, np.sign(r)) / r.size
    return d, -d


def smooth_l1_grad_target_as_output(dJ, y, t):
    d = dJ * np.clip(y - t, -1, 1) / y.size
    return d, d  # planted


def smooth_l1_grad_unclipped(dJ, y, t):
    d = dJ * (y - t) / y.size  # planted
    return d, -d


def bounded_log(x):
    return np.log(np.maximum(x, 0.5))


def bounded_log_grad(dy, x):
    return np.where(x > 0.5, dy / np.maximum(x, 0.5), 0)


def bounded_log_grad_unbounded(dy, x):
    return dy / np.maximum(x, 0.5)  # planted


def standard_score(x):
    return (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)


def standard_score_grad(dy, x):
    std, y = x.std(axis=1, keepdims=True), standard_score(x)
    return (dy - dy.mean(axis=1, keepdims=True) - y * (dy * y).mean(axis=1, keepdims=True)) / std


def standard_score_grad_uncentred(dy, x):
    std, y = x.std(axis=1, keepdims=True), standard_score(x)
    return (dy - y * (dy * y).mean(axis=1, keepdims=True)) / std  # planted


def add_bias(x, b):
    return x + b


def add_bias_grad(dy, x, b):
    return dy.copy(), dy.sum(axis=(0, 1))


def add_bias_grad_over_all(dy, x, b):
    db = np.full_like(b, dy.sum())  # planted
    return dy.copy(), db


def spread(rng):
    return ((4, 3), 2 * rng.normal(size=(4, 3)))


def positive(rng):
    return (rng.uniform(0.1, 2, (4, 5)),)


X, NEURON = ((5, 4),), ((6, 3), (3,), (1,))
SIGMOID = {"against": "lambda x, w, b: torch.sigmoid(x @ w + b)"}
SLOPE = "dz = dy * neuron(x, w, b) * (1 - neuron(x, w, b))"
SCORE = "return (dy - dy.mean(axis=1, keepdims=True) - y * (dy * y).mean(axis=1, keepdims=True)) / std"
SMOOTH = {"against": "F.smooth_l1_loss"}
NEURON_ROWS = {"x", "w", "b"}
PLANTED = [
    (
        "transposed",
        "(linear, linear_grad_transposed)",
        ((5, 3), (3, 3)),
        {"x"},
        "dx = dy @ W.T",
        {"against": "torch.mm"},
    ),
    ("activation-derivative-missing", "(neuron, neuron_grad_linear)", NEURON, NEURON_ROWS, SLOPE, SIGMOID),
    (
        "activation-derivative-twice",
        "(neuron, neuron_grad_slope_twice)",
        NEURON,
        NEURON_ROWS,
        "dz = dy * slope",
        SIGMOID,
    ),
    (
        "activation-derivative-wrong",
        "(gelu, gelu_grad_inner_forgotten)",
        X,
        {"x"},
        "return dy * (s + 1.702 * x * s * (1 - s))",
    ),
    ("sign-flipped", "(smooth_l1, smooth_l1_grad_target_as_output)", spread, {"t"}, "return d, -d", SMOOTH),
    (
        "variant-mismatch",
        "(smooth_l1, smooth_l1_grad_unclipped)",
        spread,
        {"y", "t"},
        "d = dJ * np.clip(y - t, -1, 1) / y.size",
        SMOOTH | {"also": ("clip-mismatch", "mask-wrong")},
    ),
    (
        "clip-mismatch",
        "(bounded_log, bounded_log_grad_unbounded)",
        positive,
        {"x"},
        "return dy / np.maximum(x, 0.5) * (x > 0.5)",
        {"against": "lambda x: x.clamp(min=0.5).log()", "also": ("mask-wrong",)},
    ),
    ("centring-term-missing", "(standard_score, standard_score_grad_uncentred)", X, {"x"}, SCORE),
    (
        "broadcast-not-reduced",
        "(add_bias, add_bias_grad_over_all)",
        ((2, 3, 4), (4,)),
        {"b"},
        "db = dy.sum(axis=(0, 1))",
        {"against": "torch.add"},
    ),
]
RIGHT = [
    ("(linear, linear_grad)", ((5, 4), (4, 3)), {"against": "torch.mm"}),
    ("(neuron, neuron_grad)", NEURON, SIGMOID),
    ("(gelu, gelu_grad)", X),
    ("(smooth_l1, smooth_l1_grad)", spread, SMOOTH),
    ("(bounded_log, bounded_log_grad)", positive),
    ("(standard_score, standard_score_grad)", X),
    ("(add_bias, add_bias_grad)", ((2, 3, 4), (4,)), {"against": "torch.add"}),
]
