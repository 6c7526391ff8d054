"""Composition f_L ∘ … ∘ f_1: where the chain rule runs backwards through layers."""

from scratch.checks import check_layer
from scratch.layers.base import Layer, gradients_of
from scratch.naming import collected, first_names, parameters_of


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
            check_layer(type(self).__name__, i, layer)
        self.layers = layers
        self.names = [str(layers.index(layer)) for layer in layers]
        self.first_names, self.full_names = first_names(self), {}
        self.places = parameters_of(self)

    def children(self):
        """{position: layer}."""
        return {str(i): layer for i, layer in enumerate(self.layers)}

    def forward(self, x):
        caches = []
        for layer in self.layers:
            x, cache = layer.forward(x)
            caches.append(cache)
        return x, caches

    def backward(self, dy, caches):
        dy, grads = self.down_to(0, dy, caches)
        return dy, self.summed(grads)

    def gradients(self, dy, caches):
        dy, grads = self.down_to(1, dy, caches)
        if self.layers:
            grads.append((self.names[0], gradients_of(self.layers[0], dy, caches[0])))
        return self.summed(grads)

    def down_to(self, first, dy, caches):
        """(∂J/∂y below layer `first`, [(name, gradients)] of it and of all layers above)."""
        grads = []
        for i in range(len(self.layers) - 1, first - 1, -1):
            dy, own = self.layers[i].backward(dy, caches[i])
            grads.append((self.names[i], own))
        return dy, grads

    def summed(self, grads):
        """{name: gradient} of [(layer's name, {name: gradient})]; what belongs to one array is added."""
        found: dict = {}
        for name, own in grads:
            for key, gradient in own.items():
                full = self.full_names.get((name, key)) or self.full_name(name, key)
                found[full] = found[full] + gradient if full in found else gradient
        arrays = [id(array) for part, own in self.places if (array := getattr(part, own)) is not None]
        return found if len(set(arrays)) == len(arrays) else collected(self, found.items())

    def full_name(self, name, key):
        """The first name of a layer's array, looked up once."""
        part, _, array = f"{name}.{key}".rpartition(".")
        self.full_names[name, key] = self.first_names.get(f"{part}.", f"{part}.") + array
        return self.full_names[name, key]

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(map(repr, self.layers))})"
