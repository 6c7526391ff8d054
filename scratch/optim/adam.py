"""Steps of about the same size whatever the gradient's: its running mean over the root of its running square."""

import numpy as np

from scratch.optim.base import Optimizer, blocks, lerp
from scratch.optim.checks import check_number


class Adam(Optimizer):
    """m = running mean of g, v = running mean of g²:   θ ← θ − α m̂ / (√v̂ + ε),   g = ∂J/∂θ.

        t ← t + 1,   g ← g + λ θ
        m ← m + (1 − β₁)(g − m)     so m = (1 − β₁) Σₛ β₁^{t−s} gₛ, of weights that add up to 1 − β₁ᵗ: m̂ = m/(1 − β₁ᵗ)
        v ← β₂ v + (1 − β₂) g²      likewise:                                                       v̂ = v/(1 − β₂ᵗ)
        θ ← θ − α/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)
    Both start at 0; without the division by 1 − βᵗ (the bias correction) the first steps were too small or too large.
    Multiplying every g by c leaves the step as it is (ε aside), and |m̂| ≤ √v̂ where g is steady: steps of about α.
    With amsgrad v is replaced by the largest v so far, so the step size never grows again.
    state: step t, exp_avg m, exp_avg_sq v, with amsgrad max_exp_avg_sq. lr α, betas (β₁, β₂), eps ε, weight_decay λ.
    Raises ValueError for numbers out of range, besides what every Optimizer refuses.
    Source: Kingma and Ba (2015); amsgrad: Reddi, Kale and Kumar (2018), with torch's order (the largest v, then v̂).
    """

    options = ("lr", "betas", "eps", "weight_decay", "amsgrad")
    decoupled = False

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False):
        super().__init__(params, lr)
        owner = type(self).__name__
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise TypeError(f"{owner}: expected betas as a pair of numbers, got {betas!r}")
        check_number(owner, 0, 1, **{"betas[0]": betas[0], "betas[1]": betas[1]})
        check_number(owner, 0, eps=eps, weight_decay=weight_decay)
        self.betas = float(betas[0]), float(betas[1])
        self.eps, self.weight_decay, self.amsgrad = float(eps), float(weight_decay), bool(amsgrad)

    def fresh(self, parameter):
        names = ("exp_avg", "exp_avg_sq", *["max_exp_avg_sq"] * self.amsgrad)
        return {"step": 0, **{name: np.zeros_like(parameter) for name in names}}

    def update(self, parameter, gradient, state):
        state["step"] += 1
        beta1, beta2 = self.betas
        rate = self.lr / (1 - beta1 ** state["step"])
        root = (1 - beta2 ** state["step"]) ** 0.5
        averages = [value for value in state.values() if isinstance(value, np.ndarray)]
        for theta, g, m, v, *largest in blocks(parameter, gradient, *averages):
            if self.decoupled and self.weight_decay:
                theta *= 1 - self.lr * self.weight_decay
            elif self.weight_decay:
                g = g + self.weight_decay * theta
            lerp(m, g, 1 - beta1)
            v *= beta2
            v += (1 - beta2) * g * g
            if largest:
                v = np.maximum(largest[0], v, out=largest[0])
            theta -= rate * m / (np.sqrt(v) / root + self.eps)


class AdamW(Adam):
    """Adam with weight decay of its own:   θ ← (1 − α λ) θ − α m̂ / (√v̂ + ε),   m and v of ∂J/∂θ alone.

    In Adam λ θ is a part of g and so is divided by √v̂ as well: weights with large gradients decay less. Here every
    weight shrinks by the same factor 1 − α λ a step. For plain SGD both are the same.
    state and options as Adam's, weight_decay 0.01 by default. Raises ValueError as Adam does.
    Source: Loshchilov and Hutter (2019).
    """

    decoupled = True

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad)
