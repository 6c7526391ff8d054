"""handgrad's theory side: neural networks in NumPy alone, every derivative by hand. torch is never imported here."""

from scratch import data, init, layers, losses, models, neuron, optim
from scratch.layers import Layer, Linear, ReLU, Sigmoid, Step, Tanh
from scratch.naming import load_state_dict, named_buffers, named_parameters, state_dict
from scratch.neuron import LogisticNeuron, Neuron, Perceptron
from scratch.sequential import Sequential

__all__ = [
    "Layer",
    "Linear",
    "LogisticNeuron",
    "Neuron",
    "Perceptron",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Step",
    "Tanh",
    "data",
    "init",
    "layers",
    "load_state_dict",
    "losses",
    "models",
    "named_buffers",
    "named_parameters",
    "neuron",
    "optim",
    "state_dict",
]
