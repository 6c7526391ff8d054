"""The residual block: layers that learn what to add to their input."""

from scratch.sequential import Sequential


class Residual(Sequential):
    """y = x + f(x),  f = f_L ∘ … ∘ f_1 the composition of the layers.

    Given dy = ∂J/∂y:   dx = dy + f.backward(dy)      dθ_l as in Sequential
    The gradient reaches x on two ways, and the skip path hands it on undiminished, however deep f is.
    Parameters are named by position, as in Sequential: `0.weight`, `2.bias`.
    Shapes: x, f(x), y alike. Raises ValueError where f changes the shape, TypeError for what is no layer.
    Source: He, Zhang, Ren and Sun, 2016.
    """

    def forward(self, x):
        y, caches = super().forward(x)
        if y.shape != x.shape:
            raise ValueError(f"Residual: expected layers that keep the shape {x.shape} of x, got {y.shape} from them")
        return x + y, caches

    def backward(self, dy, caches):
        dx, grads = super().backward(dy, caches)
        return dy + dx, grads
