"""Losses of scores and signs: they care for the side of the boundary on which a score t·y lies, not for probabilities.

Labels t are −1 and +1 (from 0 and 1: 2t − 1); the twins are torch_ref.losses.hinge and perceptron.
"""

from scratch.checks import check_pair, check_signs
from scratch.layers.activations import positive_part
from scratch.losses.reduction import reduce


def hinge(output, target, reduction="mean"):
    """J = mean max(0, 1 − t y): a score on the right side by a margin of 1 costs nothing (support vector machines).

    dJ/dy = −t / n where t y ≤ 1, else 0.   At the kink t y = 1 the sloping side is taken, as torch.clamp does.
    Shapes: output (scores) and target (−1 or +1) alike, any shape; dJ/dy likewise. Source: Cortes and Vapnik 1995.
    Raises besides: ValueError for a label that is neither −1 nor +1.
    """
    return beyond("hinge", 1, output, target, reduction)


def perceptron(output, target, reduction="mean"):
    """J = mean max(0, −t y): a score on the wrong side costs its distance to the boundary, one on the right nothing.

    dJ/dy = −t / n where t y ≤ 0, else 0.   At the kink t y = 0 the sloping side is taken, as torch.clamp does: a
    score of 0 has decided nothing and counts as a miss, so a perceptron that starts at 0 learns. On one row descent
    by this is the perceptron rule w ← w + α t x.
    Shapes: output (scores) and target (−1 or +1) alike, any shape; dJ/dy likewise. Source: lecture 18, "Perceptron".
    Raises besides: ValueError for a label that is neither −1 nor +1.
    """
    return beyond("perceptron", 0, output, target, reduction)


def beyond(owner, margin, output, target, reduction):
    """max(0, margin − t y) and its derivative by y, reduced."""
    check_pair(owner, output, target)
    check_signs(owner, target)
    gap = margin - target * output
    return reduce(owner, positive_part(gap), -target * (gap.real >= 0), reduction)
