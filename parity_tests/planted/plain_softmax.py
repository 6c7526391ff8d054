"""Pairs of functions without a cache around softmax: rows are coupled within, never with each other."""

import numpy as np


def log_softmax(z):
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def log_softmax_grad(dy, z):
    return dy - np.exp(log_softmax(z)) * dy.sum(axis=1, keepdims=True)


def log_softmax_grad_over_batch(dy, z):
    total = dy.sum(axis=0, keepdims=True)  # planted
    return dy - np.exp(log_softmax(z)) * total


def softmax(z):
    return np.exp(log_softmax(z))


def softmax_grad_diagonal(dy, z):
    s = softmax(z)
    return s * (1 - s) * dy  # planted


def softmax_grad(dy, z):
    s = softmax(z)
    return s * dy - s * np.einsum("nk,nk->n", s, dy)[:, None]


def attention(q, k, v):
    A = softmax(q @ k.T / np.sqrt(q.shape[1]))
    return A @ v


def attention_grad(dy, q, k, v):
    scale = 1 / np.sqrt(q.shape[1])
    A = softmax(q @ k.T * scale)
    dA = dy @ v.T
    dS = A * (dA - np.sum(dA * A, axis=1, keepdims=True)) * scale
    return dS @ k, dS.T @ q, A.T @ dy


def attention_grad_values_untransposed(dy, q, k, v):
    """As many keys as queries."""
    scale = 1 / np.sqrt(q.shape[1])
    A = softmax(q @ k.T * scale)
    dA = dy @ v.T
    dS = A * (dA - np.sum(dA * A, axis=1, keepdims=True)) * scale
    return dS @ k, dS.T @ q, A @ dy  # planted


X, TRIPLE = ((5, 4),), ((4, 3), (4, 3), (4, 2))
ATTENTION = {"against": "F.scaled_dot_product_attention"}
LOG_SOFTMAX, SOFTMAX = {"against": "lambda z: z.log_softmax(1)"}, {"against": "lambda z: z.softmax(1)"}
PLANTED = [
    (
        "wrong-axis",
        "(log_softmax, log_softmax_grad_over_batch)",
        X,
        {"z"},
        "total = dy.sum(axis=1, keepdims=True)",
        LOG_SOFTMAX,
    ),
    ("softmax-diagonal", "(softmax, softmax_grad_diagonal)", X, {"z"}, None, SOFTMAX),
    (
        "transposed",
        "(attention, attention_grad_values_untransposed)",
        TRIPLE,
        {"v"},
        "return dS @ k, dS.T @ q, A.T @ dy",
        ATTENTION,
    ),
]
RIGHT = [
    ("(log_softmax, log_softmax_grad)", X, LOG_SOFTMAX),
    ("(softmax, softmax_grad)", X, SOFTMAX),
    ("(attention, attention_grad)", TRIPLE, ATTENTION),
]
