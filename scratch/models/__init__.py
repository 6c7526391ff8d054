"""Networks by name; torch_ref.models has the same names and arguments."""

from scratch.models.char_rnn import CharRNN, char_rnn
from scratch.models.cnn import cnn
from scratch.models.generate import generate
from scratch.models.gpt import GPT, Block, gpt
from scratch.models.lecture import lecture_net, linear_sigmoid
from scratch.models.mlp import mlp

__all__ = ["GPT", "Block", "CharRNN", "char_rnn", "cnn", "generate", "gpt", "lecture_net", "linear_sigmoid", "mlp"]
