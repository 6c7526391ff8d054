"""Composition f_L ∘ … ∘ f_1: where the chain rule runs backwards through layers."""

from scratch.checks import check_layer
from scratch.layers.base import Layer
from scratch.naming import collected, first_names, is_tied


class Sequential(Layer):
    """y = f_L(… f_2(f_1(x))): a network as a composition of layers.

    With y_l the output of layer l and dy_L = ∂J/∂y_L:   dy_{l−1}, dθ_l = f_l.backward(dy_l)   for l = L … 1
    Each ∂J/∂y_l is computed once and reused for everything below it. Parameters are named by position, as in torch:
    `0.weight`, `2.bias`. A layer that stands twice keeps its first name, and its gradients are added; so are those of
    an array that two layers hold (tied weights).
    Shapes: what the layers make of them. Raises TypeError for what is no layer.
    Source: lecture 18, "Chain Rule in Neural Nets".
    """

    def __init__(self, *layers):
        for i, layer in enumerate(layers):
            check_layer("Sequential", i, layer)
        self.layers = layers
        self.names = [str(layers.index(layer)) for layer in layers]
        self.first_names = first_names(self)

    def children(self):
        """{name: layer}, each layer once."""
        return dict(zip(self.names, self.layers, strict=True))

    def forward(self, x):
        caches = []
        for layer in self.layers:
            x, cache = layer.forward(x)
            caches.append(cache)
        return x, caches

    def backward(self, dy, caches):
        grads: dict = {}
        for name, layer, cache in zip(reversed(self.names), reversed(self.layers), reversed(caches), strict=True):
            dy, own = layer.backward(dy, cache)
            for key, gradient in own.items():
                part, _, array = f"{name}.{key}".rpartition(".")
                full = self.first_names.get(f"{part}.", f"{part}.") + array
                grads[full] = grads[full] + gradient if full in grads else gradient
        return dy, collected(self, grads.items()) if is_tied(self) else grads

    def __repr__(self):
        return f"Sequential({', '.join(map(repr, self.layers))})"
