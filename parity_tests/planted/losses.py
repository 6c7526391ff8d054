"""Losses that hand back their derivative: (output, target) -> (J, dJ/doutput)."""

import numpy as np


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def mse(y, target):
    diff = y - target
    return np.mean(diff**2), 2 * diff / diff.size


def mse_ascent(y, target):
    J = np.mean((y - target) ** 2)
    dy = 2 * (target - y) / y.size  # planted
    return J, dy


def mse_of_sum(y, target):
    J = np.mean((y - target) ** 2)
    dy = 2 * (y - target)  # planted
    return J, dy


def mse_per_row(y, target):
    J = np.mean((y - target) ** 2)
    dy = 2 * (y - target) / len(y)  # planted
    return J, dy


def mse_without_two(y, target):
    diff = np.subtract(y, target)
    J = np.square(diff).mean()
    return J, diff / diff.size  # planted


def half_squares_twofold(y, target):
    J = 0.5 * np.sum((y - target) ** 2)
    return J, 2 * (y - target)  # planted


def bce_with_logits(z, t):
    J = np.mean(np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z))))
    return J, (1 / (1 + np.exp(-z)) - t) / z.size


def bce_with_logits_summed(z, t):
    p = 1 / (1 + np.exp(-z))
    J = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
    return J, p - t  # planted


def bce_with_logits_slope_twice(z, t):
    p = 1 / (1 + np.exp(-z))
    J = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
    dz = (p - t) * p * (1 - p) / z.size  # planted
    return J, dz


def bce(p, t):
    J = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
    return J, -(t / p - (1 - t) / (1 - p)) / p.size


def bce_ascent(p, t):
    J = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
    dp = (t / p - (1 - t) / (1 - p)) / p.size  # planted
    return J, dp


def clipped_bce(p, t, eps=0.1):
    q = np.clip(p, eps, 1 - eps)
    J = -np.mean(t * np.log(q) + (1 - t) * np.log(1 - q))
    return J, (q - t) / (q * (1 - q)) * ((p > eps) & (p < 1 - eps)) / p.size


def clipped_bce_unclipped_slope(p, t, eps=0.1):
    q = np.clip(p, eps, 1 - eps)
    J = -np.mean(t * np.log(q) + (1 - t) * np.log(1 - q))
    dp = (q - t) / (q * (1 - q)) / p.size  # planted
    return J, dp


def cross_entropy(z, target):
    p = softmax(z)
    n = np.arange(len(z))
    J = -np.log(p[n, target]).mean()
    dz = p.copy()
    dz[n, target] -= 1
    dz /= len(z)
    return J, dz


def cross_entropy_without_target(z, target):
    p = softmax(z)
    J = -np.log(p[np.arange(len(z)), target]).mean()
    dz = p / len(z)  # planted
    return J, dz


def cross_entropy_only_target(z, target):
    p = softmax(z)
    J = -np.mean(np.log(p[np.arange(len(z)), target]))
    hot = np.eye(z.shape[1])[target]
    dz = -hot / len(z)  # planted
    return J, dz


def cross_entropy_summed(z, target):
    p = softmax(z)
    hot = np.eye(z.shape[1])[target]
    J = -np.sum(hot * np.log(p)) / len(z)
    dz = p - hot  # planted
    return J, dz


def cross_entropy_per_class(z, target):
    p = softmax(z)
    J = -np.log(p[np.arange(len(z)), target]).mean()
    dz = (p - np.eye(z.shape[1])[target]) / z.size  # planted
    return J, dz


def cross_entropy_of_probabilities(z, target):
    """Its softmax is applied to what is already one."""
    p = softmax(softmax(z))  # planted
    J = -np.log(p[np.arange(len(z)), target]).mean()
    return J, (p - np.eye(z.shape[1])[target]) / len(z)


def huber(y, t, delta=0.8):
    r = y - t
    small = np.abs(r) <= delta
    J = np.where(small, 0.5 * r**2, delta * (np.abs(r) - 0.5 * delta)).mean()
    return J, np.where(small, r, delta * np.sign(r)) / r.size


def huber_of_delta_one(y, t, delta=0.8):
    r = y - t
    J = np.where(np.abs(r) <= delta, 0.5 * r**2, delta * (np.abs(r) - 0.5 * delta)).mean()
    dy = np.clip(r, -1, 1) / r.size  # planted
    return J, dy


def hinge(s, t):
    margin = 1 - t * s
    return np.maximum(0, margin).mean(), -t * (margin > 0) / s.size


def hinge_without_margin(s, t):
    margin = 1 - t * s
    J = np.maximum(0, margin).mean()
    ds = -t / s.size  # planted
    return J, ds


def labelled(rng):
    return (5, 4), np.array([0, 3, 1, 1, 2])


def logits(rng):
    return rng.normal(0, 1.5, (5, 3)), rng.integers(0, 2, (5, 3)).astype(float)


def probabilities(rng):
    return rng.uniform(0.02, 0.98, (6, 4)), rng.integers(0, 2, (6, 4)).astype(float)


def signs(rng):
    return rng.normal(0, 1.5, (5, 3)), rng.choice([-1.0, 1.0], (5, 3))


PAIR = ((5, 3), (5, 3))
MSE, BCE = {"against": "F.mse_loss"}, {"against": "F.binary_cross_entropy"}
BCE_LOGITS, CROSS_ENTROPY = {"against": "F.binary_cross_entropy_with_logits"}, {"against": "F.cross_entropy"}
HUBER = {"against": "nn.HuberLoss(delta=0.8)"}
PLANTED = [
    ("sign-flipped", "mse_ascent", PAIR, {"y"}, "dy = 2 * (y - target) / y.size", MSE),
    ("missing-mean", "mse_of_sum", PAIR, {"y"}, "dy = 2 * (y - target) / y.size", MSE),
    ("wrong-count", "mse_per_row", PAIR, {"y"}, "dy = 2 * (y - target) / y.size", MSE),
    ("constant-factor", "mse_without_two", PAIR, {"y"}, "return J, 2 * diff / diff.size", MSE),
    ("constant-factor", "half_squares_twofold", PAIR, {"y"}, "return J, y - target"),
    ("missing-mean", "bce_with_logits_summed", logits, {"z"}, "return J, (p - t) / z.size", BCE_LOGITS),
    ("activation-derivative-twice", "bce_with_logits_slope_twice", logits, {"z"}, "dz = (p - t) / z.size", BCE_LOGITS),
    ("sign-flipped", "bce_ascent", probabilities, {"p"}, "dp = -(t / p - (1 - t) / (1 - p)) / p.size", BCE),
    (
        "clip-mismatch",
        "clipped_bce_unclipped_slope",
        probabilities,
        {"p"},
        "dp = (q - t) / (q * (1 - q)) * (p == q) / p.size",
    ),
    (
        "one-hot-missing",
        "cross_entropy_without_target",
        labelled,
        {"z"},
        "dz = (p - np.eye(z.shape[1])[target]) / len(z)",
        CROSS_ENTROPY,
    ),
    ("one-hot-missing", "cross_entropy_only_target", labelled, {"z"}, "dz = (p - hot) / len(z)", CROSS_ENTROPY),
    ("missing-mean", "cross_entropy_summed", labelled, {"z"}, "dz = (p - hot) / len(z)", CROSS_ENTROPY),
    (
        "wrong-count",
        "cross_entropy_per_class",
        labelled,
        {"z"},
        "dz = (p - np.eye(z.shape[1])[target]) / len(z)",
        CROSS_ENTROPY,
    ),
    (
        "link-doubled",
        "cross_entropy_of_probabilities",
        labelled,
        {"output", "z"},
        "p = softmax(z)",
        CROSS_ENTROPY,
    ),
    ("variant-mismatch", "huber_of_delta_one", PAIR, {"y"}, "dy = np.clip(r, -delta, delta) / r.size", HUBER),
    ("mask-wrong", "hinge_without_margin", signs, {"s"}, "ds = -t * (margin > 0) / s.size"),
]
RIGHT = [
    ("mse", PAIR, MSE),
    ("bce_with_logits", logits, BCE_LOGITS),
    ("bce", probabilities, BCE),
    ("clipped_bce", probabilities),
    ("cross_entropy", labelled, CROSS_ENTROPY),
    ("huber", PAIR, HUBER),
    ("hinge", signs),
]
