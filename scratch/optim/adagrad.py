"""The gradient over the root of the sum of all its squares."""

import numpy as np

from scratch.optim.base import Optimizer, blocks
from scratch.optim.checks import check_number


class Adagrad(Optimizer):
    """G = Σₛ gₛ²:   θ ← θ − ηₜ g / (√G + ε),   ηₜ = η / (1 + (t − 1) δ),   g = ∂J/∂θ.

        t ← t + 1,   g ← g + λ θ,   G ← G + g²
    For gradients of one size |g|, √G = |g| √t: steps of η/√t, as small as convergence needs, found by each weight for
    itself; a weight that is seldom touched keeps large steps.
    state: step t, sum G, which starts at initial_accumulator_value. lr η, lr_decay δ, weight_decay λ, eps ε.
    Raises ValueError for numbers out of range, besides what every Optimizer refuses.
    Source: Duchi, Hazan and Singer (2011), the diagonal form.
    """

    options = ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")

    def __init__(self, params, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10):
        super().__init__(params, lr)
        check_number("Adagrad", 0, lr_decay=lr_decay, weight_decay=weight_decay, eps=eps)
        check_number("Adagrad", 0, initial_accumulator_value=initial_accumulator_value)
        self.lr_decay, self.weight_decay, self.eps = float(lr_decay), float(weight_decay), float(eps)
        self.initial_accumulator_value = float(initial_accumulator_value)

    def fresh(self, parameter):
        return {"step": 0, "sum": np.full_like(parameter, self.initial_accumulator_value)}

    def update(self, parameter, gradient, state):
        state["step"] += 1
        rate = self.lr / (1 + (state["step"] - 1) * self.lr_decay)
        for theta, g, total in blocks(parameter, gradient, state["sum"]):
            if self.weight_decay:
                g = g + self.weight_decay * theta
            total += g * g
            theta -= rate * g / (np.sqrt(total) + self.eps)
