"""handgrad's framework side: the same networks in torch.nn, every derivative by autograd. scratch is never imported."""

from torch_ref import models, neuron
from torch_ref.neuron import LogisticNeuron, Neuron, Perceptron

__all__ = ["LogisticNeuron", "Neuron", "Perceptron", "models", "neuron"]
