"""Hand-derived layers, one concept a file; each class carries its derivation above its code."""

from scratch.layers.activations import ELU, LeakyReLU, ReLU, Sigmoid, Step, Tanh
from scratch.layers.attention import MultiheadAttention
from scratch.layers.base import Layer
from scratch.layers.batch_norm import BatchNorm1d, BatchNorm2d
from scratch.layers.conv import Conv1d, Conv2d
from scratch.layers.conv_transpose import ConvTranspose2d
from scratch.layers.dropout import Dropout
from scratch.layers.embedding import Embedding
from scratch.layers.flatten import Flatten
from scratch.layers.group_norm import GroupNorm
from scratch.layers.gru import GRU
from scratch.layers.layer_norm import LayerNorm
from scratch.layers.linear import Linear
from scratch.layers.lstm import LSTM
from scratch.layers.pool import MaxPool1d, MaxPool2d
from scratch.layers.pool_adaptive import AdaptiveAvgPool2d
from scratch.layers.pool_average import AvgPool1d, AvgPool2d
from scratch.layers.residual import Residual
from scratch.layers.rms_norm import RMSNorm
from scratch.layers.rnn import RNN
from scratch.layers.smooth_activations import GELU, SiLU, Softplus
from scratch.layers.softmax import LogSoftmax, Softmax

__all__ = [  # noqa: RUF022 (it would take ELU for a constant)
    "AdaptiveAvgPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "Dropout",
    "ELU",
    "Embedding",
    "Flatten",
    "GELU",
    "GRU",
    "GroupNorm",
    "LSTM",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MaxPool1d",
    "MaxPool2d",
    "MultiheadAttention",
    "RMSNorm",
    "RNN",
    "ReLU",
    "Residual",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Step",
    "Tanh",
]
