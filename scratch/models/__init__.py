"""Networks by name; torch_ref.models has the same names and arguments."""

from scratch.models.lecture import lecture_net, linear_sigmoid
from scratch.models.mlp import mlp

__all__ = ["lecture_net", "linear_sigmoid", "mlp"]
