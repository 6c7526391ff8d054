"""Subjects that are two functions: `y = forward(*args)` with `backward(dy, *args)`, or with `backward(dy, cache)`."""

import inspect

import numpy as np

from parity.subjects.base import (
    ContractBroken,
    Hand,
    arrays_only,
    as_tuple,
    blames_subject,
    described,
    function_name,
    positional,
    positional_names,
)
from parity.subjects.names import same_gradient

OUTPUTS = {"y", "out", "output", "outputs"}
CACHES = {"cache", "caches", "ctx", "context", "saved", "memory", "memo", "state", "tape"}


class HandPair(Hand):
    """(forward, backward). backward returns one gradient per argument in order, or {argument: gradient}.

    With a cache: forward returns (y, cache) and backward takes (dy, cache). Where the returned pair could also be two
    outputs, it is a cache if backward's second argument has a name of its own, or if it is one of the inputs itself.
    Functions that share variables keep it to themselves: backward takes dy alone. Without a cache, an argument called y
    or out is the output; several upstream gradients are a tuple, or arguments apart.
    """

    def __init__(self, subject, inputs):
        self.call, self.pull = subject
        self.name = f"({function_name(self.call)}, {function_name(self.pull)})"
        self.input_names = positional_names(self.call, len(inputs))
        self.parameters, self.buffers = {}, {}
        names = [p.name for p in positional(self.pull) if p.default is p.empty]
        self.takes_two = len(names) == 2
        self.owns_cache = len(list(inspect.signature(self.pull).parameters)) == 1 if names else False
        self.pulled = names
        self.may_cache = self.takes_two and (names[1] in CACHES or names[1:] != self.input_names)
        self.read_as = "a pair of functions"

    @blames_subject
    def forward_on(self, net, arrays):
        inputs = self.inputs(arrays)
        returned = self.call(*inputs)
        pair = isinstance(returned, tuple) and len(returned) == 2 and self.takes_two
        if pair and (self.may_cache or any(returned[1] is array for array in inputs)):
            self.read_as = "a pair of functions with a cache"
            outputs, rest = returned[0], returned[1:]
        else:
            outputs, rest = returned, self.taken(inputs, returned)
        return as_tuple(outputs), (isinstance(outputs, tuple | list), rest)

    def taken(self, inputs, output):
        """What backward takes beside the upstream gradient: the inputs, and the output where it is called so."""
        if self.owns_cache:
            return ()
        names, count = self.pulled[1:], len(inputs)
        if not (count == len(names) == 1 or len(names) == count + 1) or not OUTPUTS & set(names) - {*self.input_names}:
            return tuple(inputs)
        left = iter(inputs)
        return tuple(output if name in OUTPUTS and name not in self.input_names else next(left) for name in names)

    @blames_subject
    def backward(self, state, upstream):
        several, rest = state
        apart = several and len(self.pulled) == len(upstream) + len(rest)
        returned = self.pull(*(upstream if apart else [tuple(upstream) if several else upstream[0]]), *rest)
        named = self.named(returned) if isinstance(returned, dict) else self.in_order(as_tuple(returned), rest)
        return arrays_only({("input", name): gradient for name, gradient in named.items()})

    def named(self, returned):
        """A dict's gradients under the names of the arguments; ContractBroken for a key that is none."""
        found = {}
        for key, gradient in returned.items():
            names = [name for name in self.input_names if same_gradient(name, str(key))]
            if not names:
                raise ContractBroken(
                    f"{self.name}: backward returns a gradient by {key!r}; arguments: {', '.join(self.input_names)}"
                )
            found[names[0]] = gradient
        return found

    def in_order(self, gradients, rest):
        """Gradients in the order of the arguments; where integers are left out, in the order of the others."""
        names = self.input_names
        if len(gradients) < len(names) and self.float_names and len(gradients) <= len(self.float_names):
            names = self.float_names
        if len(gradients) > len(names):
            raise ContractBroken(
                f"{self.name}: backward returns {described(tuple(gradients))}, forward takes {len(names)} inputs"
            )
        return dict(zip(names, gradients, strict=False))

    def discover(self, arrays):
        self.float_names = [name for name in self.input_names if np.asarray(arrays[name]).dtype.kind in "fc"]
        return self
