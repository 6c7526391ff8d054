"""Reads hand-derived objects into one normal form: a vector-Jacobian product on named arrays.

    run({name: array}, upstream) -> {key: array}     keys (kind, name): outputs, input gradients, parameter gradients

Read so far: an object of our contract (`forward(*x) -> (out, cache)`, `backward(dout, cache)`), and a loss of our
contract (a function `(output, target) -> (J, dJ/doutput)`).
"""

import copy
import functools
import inspect

import numpy as np

import scratch
from scratch.naming import replace


class SubjectRaised(Exception):
    """The subject raised what `__cause__` holds."""


class ContractBroken(TypeError):
    """The subject returned what the contract does not allow; the message says what and what was expected."""


def blames_subject(run):
    """A method that runs the subject: whatever is raised there is the subject's own and becomes SubjectRaised."""

    @functools.wraps(run)
    def blaming(*arguments):
        try:
            return run(*arguments)
        except (Exception, SystemExit) as error:
            raise SubjectRaised(str(error)) from error

    return blaming


class Hand:
    """What both kinds share: a name, how they were read, the names of inputs, {name: array} of weights."""

    read_as: str
    name: str
    input_names: list[str]
    parameters: dict[str, np.ndarray]
    buffers: dict[str, np.ndarray]

    def inputs(self, arrays):
        return [arrays[name] for name in self.input_names]


class HandLayer(Hand):
    """An object of our contract; every run is on a deep copy, so the user's object stays as it was."""

    read_as = "our contract"

    def __init__(self, subject, inputs):
        self.subject = subject
        self.name = one_line(subject)
        self.input_names = positional_names(subject.forward, len(inputs))
        self.parameters = scratch.named_parameters(subject)
        self.buffers = scratch.named_buffers(subject)

    @blames_subject
    def outputs(self, arrays):
        return as_tuple(self.forward(self.copy(arrays), arrays)[0])

    @blames_subject
    def run(self, arrays, upstream):
        net = self.copy(arrays)
        outputs, cache = self.forward(net, arrays)
        returned = net.backward(upstream if isinstance(outputs, tuple) else upstream[0], cache)
        if not (isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], dict)):
            name = type(self.subject).__name__
            raise ContractBroken(
                f"{name}.backward must return (input gradients, {{name: gradient}}), got {described(returned)}"
            )
        dinputs, grads = as_tuple(returned[0]), returned[1]
        if len(dinputs) > len(self.input_names):
            name = type(self.subject).__name__
            raise ContractBroken(
                f"{name}.backward gives {len(dinputs)} input gradients for {len(self.input_names)} inputs"
            )
        found = {("output", name): array for name, array in name_outputs(as_tuple(outputs)).items()}
        found |= {("input", name): d for name, d in zip(self.input_names, dinputs, strict=False)}
        return arrays_only(found | {("parameter", name): gradient for name, gradient in grads.items()})

    def forward(self, net, arrays):
        """(outputs, cache) of net; ContractBroken where it returns anything else."""
        returned = net.forward(*self.inputs(arrays))
        if not (isinstance(returned, tuple) and len(returned) == 2):
            name = type(self.subject).__name__
            raise ContractBroken(f"{name}.forward must return (outputs, cache), got {described(returned)}")
        return returned

    def copy(self, arrays):
        """A deep copy that holds the given arrays as its parameters and buffers."""
        net = copy.deepcopy(self.subject)
        replace(net, {name: arrays[name] for name in (*self.parameters, *self.buffers)})
        return net


class HandLoss(Hand):
    """A loss of our contract, whose derivative is scaled by the upstream gradient of J as the chain rule says."""

    read_as = "a loss of our contract"

    def __init__(self, subject, inputs):
        self.subject = subject
        self.name = function_name(subject)
        self.input_names = positional_names(subject, len(inputs))
        self.parameters, self.buffers = {}, {}

    @blames_subject
    def outputs(self, arrays):
        return (self.loss(arrays)[0],)

    @blames_subject
    def run(self, arrays, upstream):
        J, dJ = self.loss(arrays)
        (g,) = upstream
        scale = g.reshape(g.shape + (1,) * (np.ndim(dJ) - g.ndim))
        return arrays_only({("output", "output"): J, ("input", self.input_names[0]): scale * dJ})

    def loss(self, arrays):
        """(J, dJ/doutput); ContractBroken where the subject returns anything else."""
        returned = self.subject(*self.inputs(arrays))
        if not (isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], np.ndarray)):
            raise ContractBroken(f"{self.name} must return (J, dJ/doutput), got {described(returned)}")
        return returned


def read(subject, inputs):
    """The normal form of a subject. Raises TypeError for what is none of the kinds above."""
    if isinstance(subject, type):
        raise TypeError(f"parity.check: the subject is the class {subject.__name__}; pass an instance of it")
    if callable(getattr(subject, "forward", None)) and callable(getattr(subject, "backward", None)):
        return HandLayer(subject, inputs)
    if callable(subject):
        return HandLoss(subject, inputs)
    raise TypeError(
        f"parity.check: cannot read {one_line(subject)} as a hand-derived backward; expected an object with "
        "forward(*x) -> (outputs, cache) and backward(doutputs, cache), or a loss (output, target) -> (J, dJ/doutput)"
    )


def function_name(function):
    """The name of a function; of a partial one with the arguments that it fixes."""
    if isinstance(function, functools.partial):
        fixed = ", ".join([*map(repr, function.args), *(f"{k}={v!r}" for k, v in function.keywords.items())])
        return f"{function_name(function.func)}({fixed})"
    return getattr(function, "__name__", one_line(function))


def arrays_only(results):
    """The results without the gradients that are None; TypeError for one that is no array of numbers."""
    for (kind, name), value in results.items():
        if hasattr(value, "detach") or (value is not None and np.asarray(value).dtype.kind not in "fciub"):
            found = f"the {'output' if kind == 'output' else f'gradient by {name}'}, a {type(value).__name__}"
            raise ContractBroken(f"expected arrays of numbers, got for {found}")
    return {key: value for key, value in results.items() if value is not None}


def described(value):
    """What was returned, in a few words: `an array of shape (5, 3)`, `a tuple of 3`, `None`."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, tuple):
        return f"a tuple of {', '.join(type(item).__name__ for item in value)}"
    return "None" if value is None else f"a {type(value).__name__}"


def as_tuple(value):
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def name_outputs(outputs):
    """{name: array}: `output`, or `output 0`, `output 1` where there are several."""
    names = ["output"] if len(outputs) == 1 else [f"output {i}" for i in range(len(outputs))]
    return dict(zip(names, outputs, strict=True))


def positional_names(function, count):
    """The names of a function's positional arguments; `x0`, `x1` where it takes any number (*x)."""
    try:
        parameters = dict(inspect.signature(function).parameters)
    except ValueError:  # some builtins have none
        parameters = {}
    names = [p.name for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [names[i] if i < len(names) else f"x{i}" for i in range(count)]


def one_line(value):
    """repr where it is one short line, the type's name otherwise."""
    try:
        text = repr(value)
    except Exception:  # the user's own __repr__
        text = " object at 0x"
    return text if len(text) <= 70 and "\n" not in text and " object at 0x" not in text else type(value).__name__
