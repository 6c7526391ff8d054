"""Subjects with a loss of their own: `net.loss(X, y) -> (J, {name: gradient})`, or loss(X, y) beside gradient(X, y).

Of CS231n's networks (both at once) and of models with a predict, a loss and a gradient.
"""

from parity.subjects.base import positional_names
from parity.subjects.raised import ContractBroken, blames_subject
from parity.subjects.returned import described
from parity.subjects.stateful import LOSSES, HandStateful, method_of

GRADIENTS = ("gradient", "gradients", "grad", "backprop", "backward")


def gradient_method(subject):
    """The name of the method that gives the gradient of a loss method of the same arguments; None where none does."""
    loss, gradient = method_of(subject, LOSSES), method_of(subject, GRADIENTS)
    if loss is None or gradient is None:
        return None
    ours, theirs = (positional_names(getattr(subject, name), 9) for name in (loss, gradient))
    return gradient if ours == theirs else None


class HandObjective(HandStateful):
    """Every run is on a fresh deep copy; there is no upstream gradient, and none by an input.

    loss: the name of the method that returns J, or (J, {name: gradient}); gradient: of the one that gives the
    gradients, in a dict, in the order of the weights, or in attributes.
    """

    takes_upstream = False
    gives_inputs = False

    def __init__(self, subject, inputs, loss, gradient=None):
        self.prepare(subject)
        self.forward_name, self.backward_name = loss, gradient or loss
        self.joint = gradient is None
        self.forward_names = positional_names(getattr(subject, loss), len(inputs))
        self.input_names, self.label_names, self.roles = list(self.forward_names), [], []

    @property
    def read_as(self):  # type: ignore[override]
        takes = ", ".join(self.forward_names)
        gives = f"(J, gradients) from {self.forward_name}({takes})"
        return gives if self.joint else f"J from {self.forward_name}({takes}), gradients from {self.backward_name}"

    @blames_subject
    def forward_on(self, net, arrays):
        returned = getattr(net, self.forward_name)(*[self.argument(name, arrays) for name in self.forward_names])
        J, gradients = returned if self.joint and isinstance(returned, tuple) and len(returned) == 2 else (returned, {})
        if (
            isinstance(J, tuple | list | dict)
            or J is None
            or getattr(J, "ndim", False)
            or (self.joint and not gradients)
        ):
            expected = "(J, {name: gradient})" if self.joint else "J, a number"
            remedy = f"; or give it gradient({', '.join(self.forward_names)}) beside it" if self.joint else ""
            raise ContractBroken(
                f"{self.name}.{self.forward_name} must return {expected}; got {described(returned)}{remedy}"
            )
        return (J,), (net, False, gradients, arrays)

    def call_backward(self, net, arrays, upstream):
        return getattr(net, self.backward_name)(*[self.argument(name, arrays) for name in self.forward_names])
