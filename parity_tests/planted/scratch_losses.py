"""Losses with options: smoothed labels, labels that count nowhere, distances, and scores on the wrong side."""

import numpy as np


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def smoothed_cross_entropy(z, target, smoothing=0.2):
    K = z.shape[1]
    q = (1 - smoothing) * np.eye(K)[target] + smoothing / K
    p = softmax(z)
    J = -np.sum(q * np.log(p)) / len(z)
    return J, (p - q) / len(z)


def smoothed_cross_entropy_hard_slope(z, target, smoothing=0.2):
    K = z.shape[1]
    hot = np.eye(K)[target]
    q = (1 - smoothing) * hot + smoothing / K
    p = softmax(z)
    J = -np.sum(q * np.log(p)) / len(z)
    dz = (p - hot) / len(z)  # planted
    return J, dz


def nll(log_p, target, ignore=-1):
    kept = (target != ignore)[:, None]
    hot = np.eye(log_p.shape[1])[target]
    return -np.sum(hot * kept * log_p) / kept.sum(), -hot * kept / kept.sum()


def nll_of_ignored_rows(log_p, target, ignore=-1):
    kept = (target != ignore)[:, None]
    hot = np.eye(log_p.shape[1])[target]
    J = -np.sum(hot * kept * log_p) / kept.sum()
    d = -hot / kept.sum()  # planted
    return J, d


def l1(y, t):
    r = y - t
    return np.mean(np.abs(r)), np.sign(r) / r.size


def l1_away_from_target(y, t):
    r = y - t
    J = np.mean(np.abs(r))
    dy = np.sign(t - y) / r.size  # planted
    return J, dy


def perceptron(s, t):
    return np.maximum(0, -t * s).mean(), -t * (t * s < 0) / s.size


def perceptron_with_margin(s, t):
    J = np.maximum(0, -t * s).mean()
    ds = -t * (t * s < 1) / s.size  # planted
    return J, ds


def labelled(rng):
    return (5, 4), np.array([0, 3, 1, 1, 2])


def some_ignored(rng):
    return (6, 4), np.array([0, -1, 1, 3, -1, 2])


def signs(rng):
    return rng.normal(0, 1.5, (5, 3)), rng.choice([-1.0, 1.0], (5, 3))


PAIR = ((5, 3), (5, 3))
NLL, L1 = {"against": "nn.NLLLoss(ignore_index=-1)"}, {"against": "F.l1_loss"}
SMOOTHED = {"against": "nn.CrossEntropyLoss(label_smoothing=0.2)"}
PLANTED = [
    (
        "variant-mismatch",
        "smoothed_cross_entropy_hard_slope",
        labelled,
        {"z"},
        "dz = (p - q) / len(z)",
        SMOOTHED,
    ),
    ("mask-wrong", "nll_of_ignored_rows", some_ignored, {"log_p"}, "d = -hot * kept / kept.sum()", NLL),
    ("sign-flipped", "l1_away_from_target", PAIR, {"y"}, "dy = np.sign(r) / r.size", L1),
    ("mask-wrong", "perceptron_with_margin", signs, {"s"}, "ds = -t * (t * s < 0) / s.size"),
]
RIGHT = [
    ("smoothed_cross_entropy", labelled, SMOOTHED),
    ("nll", some_ignored, NLL),
    ("l1", PAIR, L1),
    ("perceptron", signs),
]
