"""Losses whose gradient stops at the probabilities, or goes beyond them, or is taken at the wrong entries."""

import numpy as np


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def likelihood(p, t):
    J = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
    return J, (p - t) / (p * (1 - p)) / p.size


def likelihood_by_scores(p, t):
    J = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
    return J, (p - t) / p.size  # planted


def shares(z, hot):
    p = softmax(z)
    return -np.sum(hot * np.log(p)) / len(z), (p - hot) / len(z)


def shares_by_probabilities(z, hot):
    p = softmax(z)
    dp = -(hot / p) / len(z)  # planted
    return -np.sum(hot * np.log(p)) / len(z), dp


def labels(z, y):
    p = softmax(z)
    J = -np.mean(np.log(p[np.arange(len(z)), y]))
    dz = p.copy()
    dz[np.arange(len(y)), y] -= 1
    return J, dz / len(z)


def labels_of_all_rows(z, y):
    p = softmax(z)
    J = -np.mean(np.log(p[np.arange(len(z)), y]))
    dz = p.copy()
    dz[:, y] -= 1  # planted
    return J, dz / len(z)


def margins(x, y):
    rows = np.arange(len(x))
    over = np.maximum(0, x - x[rows, y][:, None] + 1)
    over[rows, y] = 0
    dx = (over > 0).astype(float)
    dx[rows, y] -= (over > 0).sum(axis=1)
    return over.sum() / len(x), dx / len(x)


def margins_counted_once(x, y):
    rows = np.arange(len(x))
    over = np.maximum(0, x - x[rows, y][:, None] + 1)
    over[rows, y] = 0
    dx = (over > 0).astype(float)
    dx[rows, y] -= 1  # planted
    return over.sum() / len(x), dx / len(x)


def bits(rng):
    return rng.uniform(0.1, 0.9, (5, 3)), rng.integers(0, 2, (5, 3)).astype(float)


def hots(rng):
    return rng.normal(size=(5, 4)), np.eye(4)[[0, 3, 1, 1, 2]]


def labelled(rng):
    return rng.normal(size=(5, 4)), np.array([0, 3, 1, 1, 2])


PLANTED = [
    ("activation-derivative-twice", "likelihood_by_scores", bits, {"p"}, "return J, (p - t) / (p * (1 - p)) / p.size"),
    ("activation-derivative-missing", "shares_by_probabilities", hots, {"z"}, "dp = (p - hot) / len(z)"),
    ("permuted", "labels_of_all_rows", labelled, {"z"}, "dz[np.arange(len(y)), y] -= 1"),
    ("broadcast-not-reduced", "margins_counted_once", labelled, {"x"}, "dx[rows, y] -= (over > 0).sum(axis=1)"),
]
RIGHT = [("likelihood", bits), ("shares", hots), ("labels", labelled), ("margins", labelled)]
