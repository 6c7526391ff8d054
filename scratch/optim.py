"""Optimizers: what turns gradients into the next weights."""

from scratch.checks import check_float, check_positive, check_precision, check_shape


class SGD:
    """Plain gradient descent θ ← θ − α ∂J/∂θ, in place.

    params: {name: live array} as `scratch.named_parameters(net)` gives it; lr: the step size α > 0.
    Source: lecture 18, "Review: Gradient Descent".
    """

    def __init__(self, params, lr):
        check_positive("SGD", lr=lr)
        if not isinstance(params, dict):
            raise TypeError(f"SGD: expected params as scratch.named_parameters(net), got a {type(params).__name__}")
        self.params, self.lr = params, float(lr)

    def step(self, grads):
        """One update of every parameter, or of none: grads {name: gradient} must fit in names, shapes and dtypes."""
        if grads.keys() != self.params.keys():
            differing = ", ".join(sorted(grads.keys() ^ self.params.keys()))
            raise ValueError(f"SGD: parameters and gradients differ in {differing}")
        for name, array in self.params.items():
            check_float("SGD", name, grads[name])
            check_shape("SGD", name, grads[name], array.shape)
            check_precision("SGD", name, grads[name], "its parameter", array)
        for name, array in self.params.items():  # all fit: no parameter is updated without the others
            array -= self.lr * grads[name]
