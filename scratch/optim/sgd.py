"""Gradient descent, with momentum where it is wanted."""

import numpy as np

from scratch.optim.base import BLOCK, Optimizer, blocks
from scratch.optim.checks import check_number


class SGD(Optimizer):
    """Plain gradient descent θ ← θ − α g, g = ∂J/∂θ: to first order J(θ − α g) = J(θ) − α |g|², so J falls.

    With momentum μ, dampening τ and weight decay λ:
        g ← g + λ θ                      the gradient of J + λ/2 |θ|²
        b ← g at first, then μ b + (1 − τ) g         so b = Σₛ μ^{t−s} gₛ for τ = 0: for a constant g up to g/(1 − μ)
        θ ← θ − α b,     or with Nesterov's look ahead   θ ← θ − α (g + μ b)
    state: momentum_buffer b where μ > 0. lr: the step size α > 0.
    Raises ValueError for numbers out of range and for Nesterov without momentum or with dampening, as torch does.
    Source: lecture 18, "Review: Gradient Descent"; momentum: Polyak (1964), Nesterov (1983) in the form of Sutskever,
    Martens, Dahl and Hinton (2013).
    """

    options = ("lr", "momentum", "dampening", "weight_decay", "nesterov")

    def __init__(self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False):
        super().__init__(params, lr)
        check_number("SGD", 0, momentum=momentum, weight_decay=weight_decay)
        check_number("SGD", dampening=dampening)
        if nesterov and (momentum == 0 or dampening != 0):
            raise ValueError(
                f"SGD: nesterov needs momentum above 0 and dampening 0, got momentum={momentum}, dampening={dampening}"
            )
        self.momentum, self.dampening = float(momentum), float(dampening)
        self.weight_decay, self.nesterov = float(weight_decay), bool(nesterov)

    def fresh(self, parameter):
        return {"momentum_buffer": None} if self.momentum else {}

    def update_all(self, grads):
        if self.momentum or self.weight_decay:
            super().update_all(grads)
            return
        rate = np.array(self.lr)
        for name, array in self.params.items():
            if array.size <= BLOCK:  # a step of a small net costs as much as its calls: these two, of arrays alone
                if rate.dtype is not array.dtype:
                    rate = np.array(self.lr, array.dtype)
                array -= rate * grads[name]
            else:
                self.update(array, grads[name], {})

    def update(self, parameter, gradient, state):
        if self.momentum:
            self.update_with_momentum(parameter, gradient, state)
            return
        for theta, g in blocks(parameter, gradient):
            if self.weight_decay:
                g = g + self.weight_decay * theta
            theta -= self.lr * g

    def update_with_momentum(self, parameter, gradient, state):
        first = state["momentum_buffer"] is None
        if first:
            state["momentum_buffer"] = np.empty_like(parameter)
        for theta, g, b in blocks(parameter, gradient, state["momentum_buffer"]):
            if self.weight_decay:
                g = g + self.weight_decay * theta
            if first:
                b[...] = g
            else:
                b *= self.momentum
                b += (1 - self.dampening) * g
            theta -= self.lr * (g + self.momentum * b if self.nesterov else b)
