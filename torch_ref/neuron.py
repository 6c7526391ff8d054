"""Part 1 of the lecture in torch: an artificial neuron, the logistic neuron, the perceptron; autograd derives."""

import math

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from torch_ref.init import drawn_from, torch_dtype


class Neuron(nn.Module):
    """y = act(wᵀx + b): x (N, in_features), y (N,), weight (in_features,), bias ().

    activation: a module object, nn.Sigmoid() unless told. Starts uniform in ±1/√in_features.
    """

    def __init__(self, in_features, activation=None, bias=True, rng=None, dtype="float64", device="cpu"):
        super().__init__()
        bound = 1 / math.sqrt(in_features)
        with drawn_from(rng):
            weight = torch.empty(in_features, dtype=torch_dtype(dtype)).uniform_(-bound, bound)
            offset = torch.empty((), dtype=torch_dtype(dtype)).uniform_(-bound, bound) if bias else None
        self.activation = nn.Sigmoid() if activation is None else activation
        self.weight = nn.Parameter(weight.to(device))
        self.bias = None if offset is None else nn.Parameter(offset.to(device))

    def logits(self, x):
        """wᵀx + b for each row of x."""
        return x @ self.weight if self.bias is None else x @ self.weight + self.bias

    def forward(self, x):
        return self.activation(self.logits(x))

    def theta(self):
        """The lecture's θ: (w, b) as one fresh vector."""
        return torch.cat([parameter.detach().reshape(-1) for parameter in self.parameters()])


class LogisticNeuron(Neuron):
    """Logistic regression: a sigmoid neuron trained on binary cross-entropy."""

    def __init__(self, in_features, bias=True, rng=None, dtype="float64", device="cpu"):
        super().__init__(in_features, nn.Sigmoid(), bias, rng, dtype, device)

    def loss(self, x, target):
        """(J, {"weight": dJ/dw, "bias": dJ/db}), the gradients by autograd."""
        parameters = dict(self.named_parameters())
        J = binary_cross_entropy_with_logits(self.logits(x), target)
        return J.detach(), dict(zip(parameters, torch.autograd.grad(J, tuple(parameters.values())), strict=True))

    def fit(self, x, target, lr=0.1, threshold=5e-5, max_steps=None, every=None, watch=None):
        """Full-batch gradient descent until ‖θ − θ_prev‖ ≤ threshold; returns the number of steps.

        watch(step, theta) is called at the start and after every `every` steps (theta a copy, bias last).
        """
        every, limit, steps, length = every or 10_000, math.inf if max_steps is None else max_steps, 0, math.inf
        if watch:
            watch(0, self.theta())
        optimizer = torch.optim.SGD(self.parameters(), lr=lr)
        while length > threshold and steps < limit:
            before = self.theta()
            optimizer.zero_grad()
            binary_cross_entropy_with_logits(self.logits(x), target).backward()
            optimizer.step()
            after = self.theta()
            length, steps = float(torch.linalg.vector_norm(after - before)), steps + 1
            if watch and steps % every == 0:
                watch(steps, after)
        return steps


class Perceptron(Neuron):
    """y = 1 if wᵀx + b > 0 else 0, trained by the perceptron rule: autograd has nothing to differentiate in a step."""

    def __init__(self, in_features, bias=True, dtype="float64", device="cpu"):
        super().__init__(in_features, Step(), bias, 0, dtype, device)
        for parameter in self.parameters():
            nn.init.zeros_(parameter).requires_grad_(False)

    def fit(self, x, target, lr=1.0, max_epochs=1000):
        """Passes over the rows, w ← w + lr (t − y) x on each, until one has no miss; returns the misses per epoch."""
        misses: list[int] = []
        while len(misses) < max_epochs and (not misses or misses[-1]):
            misses.append(sum(self.learn(row, t, lr) for row, t in zip(x, target, strict=True)))
        return misses

    def learn(self, row, t, lr):
        """The perceptron rule on one row; True where it was a miss."""
        error = t - self(row[None])[0]
        if not error:
            return False
        self.weight.add_(lr * error * row)
        if self.bias is not None:
            self.bias.add_(lr * error)
        return True


class Step(nn.Module):
    """1 where z > 0, else 0."""

    def forward(self, z):
        return (z > 0).to(z.dtype)
