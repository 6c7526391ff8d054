"""handgrad's framework side: the same networks in torch.nn, every derivative by autograd. scratch is never imported."""

from torch_ref import losses, models, neuron
from torch_ref.neuron import LogisticNeuron, Neuron, Perceptron
from torch_ref.residual import Residual

__all__ = ["LogisticNeuron", "Neuron", "Perceptron", "Residual", "losses", "models", "neuron"]
