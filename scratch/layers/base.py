"""What every hand-derived layer shares: the contract."""

from abc import ABC, abstractmethod

from scratch.naming import walk


class Layer(ABC):
    """A hand-derived layer: forward gives outputs and a cache, backward turns output gradients into the rest.

        outputs, cache = layer.forward(*inputs)
        input gradients, {name: gradient} = layer.backward(output gradients, cache)

    The cache is the caller's: it holds the local results that backward reuses (the key idea of backpropagation),
    so any number of calls may be pending. backward returns fresh arrays and adds to nothing.
    `params` and `buffers` name the arrays that a layer holds, under torch's names; `d` + name is ∂J/∂name.
    """

    params: tuple[str, ...] = ()
    buffers: tuple[str, ...] = ()
    training = True

    @abstractmethod
    def forward(self, *inputs):
        """inputs -> (outputs, cache)"""

    @abstractmethod
    def backward(self, doutputs, cache):
        """(output gradients, cache) -> (input gradients, {name: gradient})"""

    def gradients(self, doutputs, cache):
        """{name: gradient} alone: backward for training, where nobody asks for the gradients by the inputs.

        A subclass that derives backward anew and says nothing of this takes it from there.
        """
        return self.backward(doutputs, cache)[1]

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "backward" in vars(cls) and "gradients" not in vars(cls):
            cls.gradients = Layer.gradients  # type: ignore[method-assign]

    def train(self, mode=True):
        """Put this layer and every part of it into training mode, or with False into evaluation mode; returns it."""
        for _, part in walk(self):
            part.training = mode
        return self

    def eval(self):
        """Put this layer and every part of it into evaluation mode; returns it."""
        return self.train(False)

    def __call__(self, *inputs):
        """The outputs alone."""
        return self.forward(*inputs)[0]

    def __repr__(self):
        return f"{type(self).__name__}()"


def gradients_of(layer, doutputs, cache):
    """The gradients by the parameters of anything that keeps the contract."""
    return layer.gradients(doutputs, cache) if isinstance(layer, Layer) else layer.backward(doutputs, cache)[1]
