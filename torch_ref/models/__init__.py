"""Networks by name in torch.nn; scratch.models has the same names and arguments (device besides, here alone).

rng: a seed, a torch.Generator or None for torch's global one; dtype: "float32" or "float64", or torch's own.
"""

from torch_ref.models.lecture import lecture_net, linear_sigmoid
from torch_ref.models.mlp import mlp

__all__ = ["lecture_net", "linear_sigmoid", "mlp"]
