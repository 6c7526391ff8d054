"""The normal form into which every hand-derived subject is read: a vector-Jacobian product on named arrays.

    outputs, state = hand.forward({name: array})             the arrays are inputs, parameters and buffers
    {key: gradient} = hand.backward(state, upstream)         one upstream gradient per output, in order
    {key: array}   = hand.run({name: array}, upstream)       both, the outputs among them

Keys are (kind, name); kinds are "output", "input" (gradient by an input) and "parameter" (gradient by a parameter).
Every forward starts from a deep copy of the user's object, so any number of runs may be pending and none is disturbed.
"""

import functools
import inspect
from typing import Any

import numpy as np

from parity.subjects.arguments import Arguments
from parity.subjects.raised import ContractBroken, blames_subject
from parity.subjects.returned import (
    keyed_outputs,
    name_outputs,
)
from parity.undisturbed import seed_global_generators


class Hand:
    """What all kinds of subject share: a name, how they were read, the names of inputs, {name: array} of weights.

    takes_upstream is False where the subject starts from its own loss; joint is True where one call computes forward
    and backward together; gives_inputs is False where no gradient by an input can be expected; owns_cache is True where
    the cache is the object's and not the caller's. label_names: inputs that are labels. seeded is set to True where the
    subject draws from a global generator: every run then starts it at the same place. writes_at is set to the
    line at which the subject writes to an array that it is lent: every run then has copies of its own.
    findings: what a run itself shows, beside its results. unfound: names of weights whose gradient was found nowhere.
    input_names are those of arrays; argument_names and arguments tell how the user's arguments are made of them.
    """

    read_as: str
    name: str
    input_names: list[str]
    parameters: dict[str, np.ndarray]
    buffers: dict[str, np.ndarray]
    takes_upstream = True
    joint = False
    gives_inputs = True
    owns_cache = False
    label_names: tuple | list = ()
    seeded = False
    writes_at: str | None = None
    findings: tuple = ()
    unfound: tuple = ()
    input_shapes: dict
    argument_names: list[str] | None = None
    arguments = Arguments({})

    def take(self, inputs):
        """{name: what the user gave for an array}; from here on the names of inputs are those of these arrays."""
        self.argument_names = self.argument_names or self.input_names
        self.arguments = Arguments(dict(zip(self.argument_names, inputs, strict=False)))
        self.input_names = [leaf for name in self.argument_names for leaf in self.arguments.leaves(name)]
        return self.arguments.given

    @property
    def eps(self):
        """That of what the subject computes in, where it has fewer digits than the arrays; else 0."""
        return 0.0

    def copy(self, arrays) -> Any:
        """What one run works on: a deep copy of the object that holds the given weights; None for functions."""
        return None

    def forward_on(self, net, arrays) -> tuple[tuple, Any]:
        """(a copy, {name: array}) -> (outputs, state for backward). Raises SubjectRaised."""
        raise TypeError(f"{type(self).__name__} has no forward")

    def forward(self, arrays):
        """({name: array}) -> (outputs, state for backward), on a copy of its own. Raises SubjectRaised."""
        if self.seeded:
            seed_global_generators()
        outputs, state = self.forward_on(self.copy(arrays), arrays)
        self.check(outputs)
        return outputs, state

    @blames_subject
    def check(self, outputs):
        """Refuse outputs that are no arrays of numbers."""
        for name, output in name_outputs(outputs).items():
            if output is None:
                raise ContractBroken(f"{self.name}: forward returns None for the {name}; return an array")
        keyed_outputs(outputs)

    def entered(self, state, enter):
        """A state that forward left, with enter(value) in place of what backward finds there: the cache, the weights.

        TypeError where it may find more.
        """
        raise TypeError(f"{type(self).__name__} may keep more than a cache")

    def backward(self, state, upstream) -> dict:
        """(state, [gradient of each output]) -> {key: gradient}. Raises SubjectRaised."""
        raise TypeError(f"{type(self).__name__} has no backward")

    def discover(self, arrays) -> "Hand":
        """Learn from one run on {name: array of an input} what the signature does not tell; the Hand to go on with.

        Raises SubjectRaised.
        """
        return self

    def added_inputs(self):
        """{name: array} of inputs that the user need not give."""
        return {}

    def outputs(self, arrays):
        return self.forward(arrays)[0]

    def double(self) -> "Hand":
        """The same subject computing in float64: what works on arrays computes in the precision it is given."""
        return self

    @property
    def proves(self):
        """Whether a derivation by hand was met; autograd alone would be compared with itself."""
        return True

    def seen(self, array):
        """The values that the subject computes with where it is given this array, floats in float64."""
        return array.astype(float) if array.dtype.kind == "f" else array

    def run(self, arrays, upstream):
        outputs, state = self.forward(arrays)
        return keyed_outputs(outputs) | self.backward(state, upstream)

    def weights(self, net):
        """{name: array} of the parameters that a copy holds now."""
        return {}

    def all_parts(self, net):
        """The object itself and every part that it holds."""
        return []

    def inputs(self, arrays):
        """The arguments that the user's function takes, in order."""
        return [self.argument(name, arrays) for name in self.argument_names or self.input_names]

    def argument(self, name, arrays):
        return arrays[name] if name in arrays else self.arguments.put_together(name, arrays)

    def by_input(self, gradients):
        """{("input", name of an array): gradient} of {name of an argument: gradient}."""
        found: dict = {}
        for name, gradient in gradients.items():
            try:
                found |= self.arguments.spread(name, gradient)
            except TypeError as error:
                raise ContractBroken(f"{self.name}: {error}") from None
        return {("input", name): gradient for name, gradient in found.items()}


def function_name(function):
    """The name of a function; of a partial one with the arguments that it fixes."""
    if isinstance(function, functools.partial):
        fixed = ", ".join([*map(repr, function.args), *(f"{k}={v!r}" for k, v in function.keywords.items())])
        return f"{function_name(function.func)}({fixed})"
    return getattr(function, "__name__", one_line(function))


def positional(function):
    """The inspect.Parameters that a function takes by position, without *args; empty where it has no signature."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):  # some builtins have none
        return []
    return [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def positional_names(function, count):
    """The names of a function's positional arguments; `x0`, `x1` where it takes any number (*x)."""
    names = [p.name for p in positional(function)]
    return [names[i] if i < len(names) else f"x{i}" for i in range(count)]


def one_line(value):
    """repr where it is one short line, the type's name otherwise."""
    try:
        text = repr(value)
    except Exception:  # the user's own __repr__
        text = " object at 0x"
    return text if len(text) <= 70 and "\n" not in text and " object at 0x" not in text else type(value).__name__
