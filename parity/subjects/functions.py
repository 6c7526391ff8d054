"""Subjects that are two functions: `y = forward(*args)` with `backward(dy, *args)`, or with `backward(dy, cache)`."""

import inspect

import numpy as np

from parity.subjects.base import Hand, function_name, positional, positional_names
from parity.subjects.names import same_gradient
from parity.subjects.raised import ContractBroken, blames_subject
from parity.subjects.returned import arrays_only, as_tuple, described, is_numeric

OUTPUTS = {"y", "out", "output", "outputs"}
CACHES = {"cache", "caches", "ctx", "context", "saved", "memory", "memo", "state", "tape"}


class HandPair(Hand):
    """(forward, backward). backward returns one gradient per argument in order, or {argument: gradient}.

    With a cache: forward returns (y, cache) and backward takes (dy, cache). Where the returned pair could also be two
    outputs, it is a cache if backward's second argument has a name of its own, or if it is one of the inputs itself.
    Several outputs stand before the cache, in a tuple or each alone. A first argument called cache is the cache.
    Functions that share variables keep it to themselves: backward takes dy alone. Without a cache, an argument called y
    or out is the output; several upstream gradients are a tuple, or arguments apart. A backward that takes what forward
    takes, and no upstream gradient, differentiates forward's own loss.
    """

    def __init__(self, subject, inputs):
        self.call, self.pull = subject
        self.name = f"({function_name(self.call)}, {function_name(self.pull)})"
        self.input_names = positional_names(self.call, len(inputs))
        self.parameters, self.buffers = {}, {}
        names = [p.name for p in positional(self.pull) if p.default is p.empty]
        self.cache_first = len(names) > 1 and names[0] in CACHES and names[0] not in self.input_names
        if self.cache_first:
            names = [*names[1:], names[0]]
        self.takes_upstream = len(names) < 2 or names != self.input_names
        self.owns_cache = len(list(inspect.signature(self.pull).parameters)) == 1 if names else False
        self.pulled = names
        self.may_cache = len(names) == 2 and (names[1] in CACHES or names[1:] != self.input_names)
        self.read_as = "a pair of functions" if self.takes_upstream else "a loss and its gradient"

    @blames_subject
    def forward_on(self, net, arrays):
        inputs = self.inputs(arrays)
        returned = self.call(*inputs)
        cached = self.parted(returned, inputs) if self.takes_upstream else None
        if cached:
            self.read_as = "a pair of functions with a cache" + (", backward(cache, dy)" if self.cache_first else "")
            outputs, rest = cached
        else:
            outputs, rest = returned, self.taken(inputs, returned)
        if not self.takes_upstream and (isinstance(outputs, tuple | list) or getattr(outputs, "ndim", False)):
            raise ContractBroken(
                f"{self.name}: backward takes no upstream gradient, so forward must return a loss, a number; "
                f"got {described(outputs)}"
            )
        return as_tuple(outputs), (isinstance(outputs, tuple | list), rest)

    def parted(self, returned, inputs):
        """(outputs, (cache,)) where forward returned its cache last, behind one output, a tuple of them, or several."""
        count = len(self.pulled)
        if not isinstance(returned, tuple) or len(returned) < 2 or count < 2:
            return None
        *outputs, cache = returned
        if len(outputs) == 1 and count == 2:
            lent = self.may_cache or any(cache is array for array in inputs)
            return (outputs[0], (cache,)) if lent else None
        if self.pulled[-1] in self.input_names or (self.pulled[-1] not in CACHES and is_numeric(cache)):
            return None
        if len(outputs) == 1:
            together = isinstance(outputs[0], tuple | list) and len(outputs[0]) == count - 1
            return (outputs[0], (cache,)) if together else None
        return (tuple(outputs), (cache,)) if count in (2, len(returned)) else None

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
        given = [*(upstream if apart else [tuple(upstream) if several else upstream[0]]), *rest]
        if not self.takes_upstream:
            given = list(rest)
        if self.cache_first:
            given = [given[-1], *given[:-1]]
        returned = self.pull(*given)
        named = self.named(returned) if isinstance(returned, dict) else self.in_order(returned)
        return arrays_only(self.by_input(named))

    def named(self, returned):
        """A dict's gradients under the names of the arguments, and of the weights in them.

        ContractBroken for a key that is none; where all weights have theirs, other keys (dZ1) are steps on the way.
        """
        found, strange = {}, []
        for key, gradient in returned.items():
            names = self.meant_by(str(key))
            if len(names) == 1:
                found[names[0]] = gradient
            else:
                strange.append((key, names))
        weights = [leaf for holder in self.holders() for leaf in self.arguments.leaves(holder)]
        if strange and not (weights and {*weights} <= {*found}):
            key, names = strange[0]
            known = f"either of {', '.join(names)}" if names else f"arguments: {', '.join(self.input_names)}"
            raise ContractBroken(f"{self.name}: backward returns a gradient by {key!r}; {known}")
        return found

    def meant_by(self, key):
        """The argument of which a key names the gradient, else the weights in a dict of them."""
        names = [name for name in self.argument_names or self.input_names if same_gradient(name, key)]
        return names[:1] or [name for name in self.input_names if same_gradient(name.rpartition(".")[2], key)]

    def holders(self):
        """The names of the arguments that are dicts or lists of weights."""
        return list(self.arguments.holders)

    def in_order(self, returned):
        """Gradients in the order of the arguments; where integers are left out, in the order of the others.

        What is built like the only dict or list of weights is its gradient as a whole.
        """
        gradients, names, holders = as_tuple(returned), self.argument_names or self.input_names, self.holders()
        if len(holders) == 1 and self.arguments.fits(holders[0], returned):
            return {holders[0]: returned}
        if len(gradients) < len(names) and self.float_names and len(gradients) <= len(self.float_names):
            names = self.float_names
        if len(gradients) > len(names):
            raise ContractBroken(
                f"{self.name}: backward returns {described(tuple(gradients))}, forward takes {len(names)} inputs"
            )
        return dict(zip(names, gradients, strict=False))

    def discover(self, arrays):
        leaves = self.arguments.leaves
        floats = {name for name in self.input_names if np.asarray(arrays[name]).dtype.kind in "fc"}
        self.float_names = [name for name in self.argument_names or self.input_names if floats & set(leaves(name))]
        return self
