"""Subjects of handgrad's own contract: layers with an explicit cache, and losses that hand back their derivative."""

import copy
import inspect

import numpy as np

import scratch
from parity.subjects.base import Hand, function_name, one_line, positional, positional_names
from parity.subjects.names import LABELS
from parity.subjects.objective import HandObjective
from parity.subjects.raised import ContractBroken, blames_subject
from parity.subjects.returned import arrays_only, as_tuple, described, precision
from parity.subjects.stateful import HandStateful
from scratch.naming import replace, walk


class HandLayer(Hand):
    """`forward(*x) -> (outputs, cache)`, `backward(doutputs, cache) -> (dinputs, {name: gradient})`."""

    read_as = "our contract"

    def __init__(self, subject, inputs):
        self.subject = subject
        self.name = one_line(subject)
        self.input_names = positional_names(subject.forward, len(inputs))
        self.parameters = scratch.named_parameters(subject)
        self.buffers = scratch.named_buffers(subject)

    @blames_subject
    def discover(self, arrays):
        """Read otherwise where forward returns no cache, or backward takes another upstream gradient in its place.

        Tried where backward's second argument has the name of an input, a label or a gradient.
        """
        second = [p.name for p in positional(self.subject.backward)][1]
        given_again = second in self.input_names or second.lower() in LABELS
        if given_again or second.lower().startswith(("d", "grad")):
            net, dtype = copy.deepcopy(self.subject), precision(arrays)
            replace(net, {name: array.astype(dtype) for name, array in self.parameters.items()})
            returned = net.forward(*self.inputs(arrays))
            pair = isinstance(returned, tuple) and len(returned) == 2
            if not pair or not (given_again or keeps_contract(net.backward(ones_like(returned[0]), returned[1]))):
                other = HandStateful(self.subject, self.inputs(arrays))
                other.writes_at = self.writes_at
                other.take(self.inputs(arrays))
                return other.discover(arrays)
        return self

    @blames_subject
    def copy(self, arrays):
        net = copy.deepcopy(self.subject)
        replace(net, {name: arrays[name] for name in self.parameters})
        replace(net, {name: np.array(arrays[name], subok=True) for name in self.buffers})  # statistics are written to
        return net

    def all_parts(self, net):
        return [part for _, part in walk(net)]

    def weights(self, net):
        return scratch.named_parameters(net)

    @blames_subject
    def forward_on(self, net, arrays):
        returned = net.forward(*self.inputs(arrays))
        if not (isinstance(returned, tuple) and len(returned) == 2):
            name = type(self.subject).__name__
            raise ContractBroken(f"{name}.forward must return (outputs, cache), got {described(returned)}")
        outputs, cache = returned
        return as_tuple(outputs), (net, isinstance(outputs, tuple | list), cache)

    def entered(self, state, enter):
        net, several, cache = state
        replace(net, enter(self.weights(net)))
        return net, several, enter(cache)

    @blames_subject
    def backward(self, state, upstream):
        net, several, cache = state
        returned, name = net.backward(tuple(upstream) if several else upstream[0], cache), type(self.subject).__name__
        if not keeps_contract(returned):
            raise ContractBroken(
                f"{name}.backward must return (input gradients, {{name: gradient}}), got {described(returned)}"
            )
        dinputs, grads, names = as_tuple(returned[0]), returned[1], self.argument_names or self.input_names
        if len(dinputs) > len(names):
            raise ContractBroken(f"{name}.backward gives {len(dinputs)} input gradients for {len(names)} inputs")
        found = self.by_input(dict(zip(names, dinputs, strict=False)))
        return arrays_only(found | {("parameter", name): gradient for name, gradient in grads.items()})


def ones_like(outputs):
    return tuple(map(np.ones_like, outputs)) if isinstance(outputs, tuple | list) else np.ones_like(outputs)


def keeps_contract(returned):
    """Whether backward returned (input gradients, {name: gradient})."""
    return isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], dict)


class HandLoss(Hand):
    """`loss(output, target) -> (J, dJ/doutput)`; its derivative is scaled by the upstream gradient of J."""

    read_as = "a loss of our contract"
    joint = True
    gives_inputs = False  # a target has none

    def __init__(self, subject, inputs):
        self.subject = subject
        self.name = function_name(subject)
        self.input_names = positional_names(subject, len(inputs))
        self.parameters, self.buffers = {}, {}

    @blames_subject
    def discover(self, arrays):
        """Read otherwise where it is a method that returns (J, {name: gradient}) for the weights of its object."""
        owner = getattr(self.subject, "__self__", None)
        if inspect.ismethod(self.subject) and not isinstance(owner, type):
            returned = copy.deepcopy(self.subject)(*self.inputs(arrays))
            if isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], dict):
                values = self.inputs(arrays)
                other = HandObjective(owner, values, self.subject.__name__)
                other.writes_at = self.writes_at
                other.take(values)
                return other.discover(arrays)
        return self

    @blames_subject
    def forward_on(self, net, arrays):
        returned = self.subject(*self.inputs(arrays))
        if not (isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], np.ndarray)):
            several = isinstance(returned, tuple) and len(returned) > 2
            remedy = "; weights: keep them in an object whose loss returns (J, {name: gradient})" if several else ""
            raise ContractBroken(f"{self.name} must return (J, dJ/doutput), got {described(returned)}{remedy}")
        return returned[:1], returned[1]

    @blames_subject
    def backward(self, dJ, upstream):
        (g,) = upstream
        scale = g.reshape(g.shape + (1,) * (np.ndim(dJ) - g.ndim))
        return arrays_only({("input", self.input_names[0]): scale * dJ})
