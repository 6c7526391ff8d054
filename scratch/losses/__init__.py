"""Losses J(output, target) and the derivative that each hands back: backpropagation starts here.

Every loss is `loss(output, target, reduction="mean", ...) -> (J, ∂J/∂output)`. reduction "mean" averages over what
torch averages over, "sum" adds up, "none" keeps one J per element (or row) beside the derivative of each by its own
output. Names, further arguments and defaults are those of torch.nn.functional (`mse` there is `mse_loss`, and so on);
hinge and perceptron have their twins in torch_ref.losses.
All raise TypeError for dtypes that are not float32 or float64 (or not equal), ValueError for shapes that differ
((n, 1) against (n,) included), for entries out of range or not finite, and for the mean of nothing.
The lecture writes y for the prediction and ŷ for the label; here they are `output` and `target`.
"""

from scratch.losses.binary import LOG_FLOOR, SLOPE_FLOOR, bce, bce_with_logits
from scratch.losses.classes import cross_entropy, nll
from scratch.losses.margins import hinge, perceptron
from scratch.losses.regression import huber, l1, mse

__all__ = [
    "LOG_FLOOR",
    "SLOPE_FLOOR",
    "bce",
    "bce_with_logits",
    "cross_entropy",
    "hinge",
    "huber",
    "l1",
    "mse",
    "nll",
    "perceptron",
]
