"""Part 1 of the lecture: one artificial neuron f(x) = act(wᵀx + b), the perceptron, the logistic neuron."""

import numpy as np

from scratch.checks import (
    check_binary,
    check_count,
    check_dtype_name,
    check_features,
    check_finite,
    check_float,
    check_positive,
    check_precision,
)
from scratch.init import uniform_fan_in
from scratch.layers import Layer, Sigmoid, Step
from scratch.losses import bce_with_logits


class Neuron(Layer):
    """y = act(z),  z = wᵀx + b: one neuron with any activation; any loss hands it dy.

    Given dy = ∂J/∂y:   dz = dy · act′(z)      dw = Σₙ dzₙ xₙ      db = Σₙ dzₙ      dxₙ = dzₙ w
    Shapes: x (N, in_features), y (N,), weight (in_features,), bias ().
    activation: a layer object, Sigmoid() unless told. Starts uniform in ±1/√in_features, drawn from rng.
    Raises ValueError for shapes and TypeError for dtypes that do not fit.
    Source: lecture 18, "An Artificial Neuron: Notation"; its θ is (weight, bias).
    """

    params = ("weight", "bias")

    def __init__(self, in_features, activation=None, bias=True, rng=None, dtype="float64"):
        dtype = check_dtype_name(type(self).__name__, dtype)
        draw = uniform_fan_in(in_features, rng, dtype)
        self.activation = Sigmoid() if activation is None else activation
        self.weight = draw((in_features,))
        self.bias = draw(()) if bias else None

    def forward(self, x):
        name = type(self).__name__
        check_float(name, "x", x)
        if x.ndim != 2:
            raise ValueError(f"{name}: expected x of shape (N, {len(self.weight)}), got {x.shape}")
        check_features(name, x, len(self.weight))
        check_precision(name, "x", x, "weight", self.weight)
        z = x @ self.weight
        if self.bias is not None:
            z = z + self.bias
        y, cache = self.activation.forward(z)
        return y, (x, cache)

    def backward(self, dy, cache):
        x, activation_cache = cache
        dz, _ = self.activation.backward(dy, activation_cache)
        grads = {"weight": dz @ x}
        if self.bias is not None:
            grads["bias"] = dz.sum()
        return dz[:, None] * self.weight, grads

    def theta(self):
        """The lecture's θ: (w, b) as one fresh vector."""
        return np.append(self.weight, self.bias) if self.bias is not None else self.weight.copy()

    def __repr__(self):
        bias = ", bias=False" if self.bias is None else ""
        return f"{type(self).__name__}({len(self.weight)}, {self.activation!r}{bias})"


class LogisticNeuron(Neuron):
    """Logistic regression as a neuron: y = σ(wᵀx + b), trained on binary cross-entropy with a closed-form gradient.

    J = −mean (t log y + (1 − t) log(1 − y)):   dJ/dw = mean (yₙ − tₙ) xₙ      dJ/db = mean (yₙ − tₙ)
    The σ′ of the chain rule cancels the y (1 − y) below the loss. The lecture's `gradient` returns the negative of
    this, the ascent direction; here gradients point uphill and descent subtracts them.
    Shapes: x (N, in_features), target (N,) of 0 and 1. Raises ValueError for other labels, shapes and empty batches,
    TypeError for dtypes. Source: lecture 18, "Logistic Regression as an Artifical Neuron".
    """

    def __init__(self, in_features, bias=True, rng=None, dtype="float64"):
        super().__init__(in_features, Sigmoid(), bias, rng, dtype)

    def __repr__(self):
        return f"LogisticNeuron({len(self.weight)}{', bias=False' if self.bias is None else ''})"

    def loss(self, x, target):
        """(J, {"weight": dJ/dw, "bias": dJ/db}) on a batch, from logits: nothing cancels at saturation."""
        columns = self.columns(x)
        check_binary("LogisticNeuron", x, target)
        J, dz = bce_with_logits(columns @ self.theta(), target)
        return J, self.split(dz @ columns)

    def fit(self, x, target, lr=0.1, threshold=5e-5, max_steps=None, every=None, watch=None):
        """Full-batch gradient descent until ‖θ − θ_prev‖ ≤ threshold; returns the number of steps.

        On separable data no finite optimum exists: lr and threshold alone decide where it stops. max_steps bounds it.
        watch(step, theta) is called at the start and after every `every` steps (theta a copy, bias last).
        Raises ValueError for labels that are not 0 or 1, an x that is empty or not finite, an lr or threshold that is
        not positive, and for a descent that diverges.
        """
        theta, columns = self.theta(), self.columns(x)
        check_binary("LogisticNeuron", x, target)
        check_finite("LogisticNeuron", "x", x)
        check_positive("LogisticNeuron", lr=lr, threshold=threshold)
        check_count("LogisticNeuron", 0, max_steps=max_steps)
        check_count("LogisticNeuron", 1, every=every)
        steps = descend_logistic(theta, columns, target, float(lr), threshold, max_steps, every, watch)
        for name, array in self.split(theta).items():
            getattr(self, name)[...] = array
        return steps

    def split(self, theta):
        """θ, or a gradient by θ, under the parameters' names."""
        if self.bias is None:
            return {"weight": theta}
        return {"weight": theta[:-1].copy(), "bias": theta[-1:].reshape(())}

    def columns(self, x):
        """x with the lecture's column of ones for the bias, (N, in_features + 1)."""
        self.forward(x)  # refuses what does not fit
        return np.column_stack([x, np.ones(len(x), x.dtype)]) if self.bias is not None else np.ascontiguousarray(x)


def descend_logistic(theta, x, target, lr=0.1, threshold=5e-5, max_steps=None, every=None, watch=None):
    """θ ← θ − α dJ/dθ, in place, until the step is at most `threshold` long; returns the number of steps.

    Rows rₙ = (2tₙ − 1) xₙ turn every label into a sign, so one product replaces residual and labels:
        −dJ/dθ = (1/N) Σₙ σ(−rₙᵀθ) rₙ,    σ(−u) = 1/(1 + eᵘ)
    The step α/N Σₙ σ(−uₙ) rₙ is one product with rows scaled beforehand; all work happens in three buffers.
    eᵘ may overflow to inf: 1/inf = 0 is then the right weight.
    """
    rows = x * (2 * target - 1)[:, None]
    scaled = rows * (lr / len(x))
    weight, step, one = np.empty_like(rows[:, 0]), np.empty_like(theta), np.ones_like(target)
    dot, exp, add, divide, square = np.dot, np.exp, np.add, np.divide, threshold * threshold
    steps, limit = 0, np.inf if max_steps is None else max_steps
    if watch:
        watch(0, theta.copy())
    with np.errstate(over="ignore"):
        while steps < limit:
            for _ in range(int(min(every or 10_000, limit - steps))):
                dot(rows, theta, out=weight)
                exp(weight, out=weight)
                add(weight, one, out=weight)
                divide(one, weight, out=weight)
                dot(weight, scaled, out=step)
                add(theta, step, out=theta)
                steps += 1
                if dot(step, step) <= square:
                    return steps
            if not np.isfinite(theta).all():
                raise ValueError(f"LogisticNeuron: the descent diverged within {steps} steps; lower lr = {lr}")
            if watch:
                watch(steps, theta.copy())
    return steps


class Perceptron(Neuron):
    """y = 1 if wᵀx + b > 0 else 0: the step activation has no useful derivative, so it learns by the perceptron rule.

    For each row in turn:   w ← w + α (t − y) x      b ← b + α (t − y)
    A right answer changes nothing; a miss turns the boundary towards the row. On separable data the misses end
    (Novikoff); on others they never do, which is what max_epochs is for. Starts at zero.
    Shapes: x (N, in_features), y and target (N,) of 0 and 1. Source: lecture 18, "Perceptron".
    """

    def __init__(self, in_features, bias=True, dtype="float64"):
        super().__init__(in_features, Step(), bias, 0, dtype)
        self.weight = np.zeros_like(self.weight)
        self.bias = np.zeros_like(self.bias) if bias else None

    def __repr__(self):
        return f"Perceptron({len(self.weight)}{', bias=False' if self.bias is None else ''})"

    def fit(self, x, target, lr=1.0, max_epochs=1000):
        """Passes over the rows until one has no miss; returns the misses of each epoch (the last 0 if it converged).

        Raises ValueError for labels that are not 0 or 1, an x that is empty or not finite, an lr that is not positive.
        """
        self(x)  # refuses what does not fit
        check_binary("Perceptron", x, target)
        check_finite("Perceptron", "x", x)
        check_positive("Perceptron", lr=lr)
        check_count("Perceptron", 1, max_epochs=max_epochs)
        misses: list[int] = []
        while len(misses) < max_epochs and (not misses or misses[-1]):
            misses.append(sum(self.learn(row, t, float(lr)) for row, t in zip(x, target, strict=True)))
        return misses

    def learn(self, row, t, lr):
        """The perceptron rule on one row; True where it was a miss."""
        error = t - self(row[None])[0]
        if error:
            self.weight += lr * error * row
            if self.bias is not None:
                self.bias += lr * error
        return bool(error)
