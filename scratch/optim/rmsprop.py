"""The gradient over the root of the running mean of its square."""

import numpy as np

from scratch.optim.base import Optimizer, blocks, lerp
from scratch.optim.checks import check_number


class RMSprop(Optimizer):
    """v = running mean of g²:   θ ← θ − η g / (√v + ε),   g = ∂J/∂θ: every weight has a step size of its own.

        g ← g + λ θ
        v ← α v + (1 − α) g²             v = (1 − α) Σₛ α^{t−s} gₛ²; it starts at 0, so first steps are up to η/√(1 − α)
        centered:  ḡ ← ḡ + (1 − α)(g − ḡ),   √(v − ḡ²) in place of √v: the running standard deviation
        momentum μ:  b ← μ b + g / (√v + ε),   θ ← θ − η b
    v − ḡ² is a variance, at least 0; where rounding makes it negative (a gradient that never changes) it is taken as 0,
    while torch's step is NaN there.
    state: step, square_avg v, momentum_buffer b where μ > 0, grad_avg ḡ where centered. lr η, alpha α, eps ε,
    weight_decay λ. Raises ValueError for numbers out of range, besides what every Optimizer refuses.
    Source: Tieleman and Hinton (2012), centered: Graves (2013), with ε outside the root as in torch.
    """

    options = ("lr", "alpha", "eps", "weight_decay", "momentum", "centered")

    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False):
        super().__init__(params, lr)
        check_number("RMSprop", 0, 1, alpha=alpha)
        check_number("RMSprop", 0, eps=eps, weight_decay=weight_decay, momentum=momentum)
        self.alpha, self.eps, self.weight_decay = float(alpha), float(eps), float(weight_decay)
        self.momentum, self.centered = float(momentum), bool(centered)

    def fresh(self, parameter):
        names = ("square_avg", *["momentum_buffer"] * (self.momentum > 0), *["grad_avg"] * self.centered)
        return {"step": 0, **{name: np.zeros_like(parameter) for name in names}}

    def update(self, parameter, gradient, state):
        state["step"] += 1
        averages = [value for value in state.values() if isinstance(value, np.ndarray)]
        for theta, g, v, *others in blocks(parameter, gradient, *averages):
            if self.weight_decay:
                g = g + self.weight_decay * theta
            v *= self.alpha
            v += (1 - self.alpha) * g * g
            if self.centered:
                mean = others[-1]
                lerp(mean, g, 1 - self.alpha)
                v = np.maximum(v - mean * mean, 0)
            size = np.sqrt(v) + self.eps
            if self.momentum:
                b = others[0]
                b *= self.momentum
                b += g / size
                theta -= self.lr * b
            else:
                theta -= self.lr * g / size
