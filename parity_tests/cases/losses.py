"""Losses, each with its reductions."""

from functools import partial

import numpy as np

from parity_tests.cases.case import Case, reductions


def labels(rng, n=7, k=4):
    return (n, k), rng.integers(0, k, n)


def probabilities(rng):
    return rng.uniform(0.02, 0.98, (6, 3)), rng.integers(0, 2, (6, 3)).astype(float)


def logits(rng):
    return rng.normal(0, 4, (6, 3)), rng.uniform(0, 1, (6, 3))


def some_ignored(rng):
    target = rng.integers(0, 4, 7)
    target[[1, 4]] = -100
    return (7, 4), target


def shares(rng):
    """Class probabilities: rows that add up to 1, one of them certain, and one that does not."""
    target = rng.dirichlet(np.ones(4), 5)
    target[1] = np.eye(4)[2]
    target[3] *= 0.7
    return (5, 4), target


def log_probabilities(rng, ignored=None):
    target = rng.integers(0, 4, 6)
    target[2] = 1 if ignored is None else ignored
    return np.log(rng.dirichlet(np.ones(4), 6)), target


def signs(rng):
    """Scores on both sides of every boundary, and labels of −1 and +1."""
    return rng.normal(0, 1.5, (6, 3)), rng.choice([-1.0, 1.0], (6, 3))


LOSSES = [
    *reductions("mse", "mse", "mse_loss", ((6, 3), (6, 3))),
    *reductions("bce", "bce", "binary_cross_entropy", probabilities),
    *reductions("bce-with-logits", "bce_with_logits", "binary_cross_entropy_with_logits", logits),
    *reductions("cross-entropy", "cross_entropy", "cross_entropy", labels),
    # losses
    *reductions("l1", "l1", "l1_loss", ((6, 3), (6, 3))),
    *reductions("huber", "huber", "huber_loss", ((6, 3), (6, 3))),
    *reductions("huber-narrow", "huber", "huber_loss", ((6, 3), (6, 3)), delta=0.4),
    Case(
        "bce-with-logits-weighted",
        "lambda output, target: scratch.losses.bce_with_logits("
        "output, target, pos_weight=np.array([2.0, 0.5, 3.0], output.dtype))",
        "lambda output, target: F.binary_cross_entropy_with_logits("
        "output, target, pos_weight=torch.tensor([2.0, 0.5, 3.0], dtype=output.dtype))",
        logits,
    ),
    *reductions("cross-entropy-ignored", "cross_entropy", "cross_entropy", some_ignored),
    *reductions("cross-entropy-smoothed", "cross_entropy", "cross_entropy", some_ignored, label_smoothing=0.1),
    *reductions("cross-entropy-shares", "cross_entropy", "cross_entropy", shares),
    *reductions("cross-entropy-shares-smoothed", "cross_entropy", "cross_entropy", shares, label_smoothing=0.2),
    Case(
        "cross-entropy-ignored-class",
        "partial(scratch.losses.cross_entropy, ignore_index=2)",
        "partial(F.cross_entropy, ignore_index=2)",
        partial(labels, n=9),
    ),
    Case("cross-entropy-many-classes", "scratch.losses.cross_entropy", "F.cross_entropy", partial(labels, n=2, k=70)),
    *reductions("nll", "nll", "nll_loss", log_probabilities),
    *reductions("nll-ignored", "nll", "nll_loss", partial(log_probabilities, ignored=-1), ignore_index=-1),
    *reductions("hinge", "hinge", "hinge", signs, module="torch_ref.losses"),
    *reductions("perceptron", "perceptron", "perceptron", signs, module="torch_ref.losses"),
]
