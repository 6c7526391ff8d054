"""Networks by name in torch.nn; scratch.models has the same names and arguments (device besides, here alone).

rng: a seed, a torch.Generator or None for torch's global one; dtype: "float32" or "float64", or torch's own.
"""

from torch_ref.models.char_rnn import CharRNN, char_rnn
from torch_ref.models.cnn import cnn
from torch_ref.models.gpt import GPT, Block, gpt
from torch_ref.models.lecture import lecture_net, linear_sigmoid
from torch_ref.models.mlp import mlp

__all__ = ["GPT", "Block", "CharRNN", "char_rnn", "cnn", "gpt", "lecture_net", "linear_sigmoid", "mlp"]
