"""Hand-derived layers, one concept a file; each class carries its derivation above its code."""

from scratch.layers.activations import ReLU, Sigmoid, Step, Tanh
from scratch.layers.base import Layer
from scratch.layers.linear import Linear

__all__ = ["Layer", "Linear", "ReLU", "Sigmoid", "Step", "Tanh"]
