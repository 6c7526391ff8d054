"""Subjects of the lecture's kind: objects that keep what backward needs, and their gradients, in attributes.

`forward(x)` (or `predict`, or a call) keeps state; `backward(dout)` returns dx and leaves the gradient of `W` in
`W_grad`, `dW`, a dict `grads` … (parity.subjects.attributes). Instead of the upstream gradient, backward may take a
label and start from its own loss, as the lecture's `Net.backward(label)` does; it then returns that loss, or forward
did.
"""

import copy

import numpy as np

from parity.subjects.attributes import get, is_weight, label_of, pairs, parts, put
from parity.subjects.base import Hand, one_line, positional, positional_names
from parity.subjects.discovery import discover, flat, parted
from parity.subjects.left import gradients_left, handed_out, output_left
from parity.subjects.names import LABELS, RATES, same_gradient
from parity.subjects.raised import ContractBroken, blames_subject
from parity.subjects.returned import arrays_only, as_tuple, described

FORWARDS = ("forward", "predict", "__call__")
BACKWARDS = ("backward", "backprop", "bprop")
LOSSES = ("loss", "compute_loss", "cost", "compute_cost")


class HandStateful(Hand):
    """Every run is on a fresh deep copy. roles: what each positional argument of backward is given.

    places, gradients: {name of a weight: path}, where it is and where its gradient goes. order: names of weights whose
    gradients backward returns one by one, after those of the inputs. ties: {name: other paths of the same array}.
    left_output, left_gradients: the attributes in which output and input gradients are left by what returns None.
    """

    owns_cache = True

    def __init__(self, subject, inputs):
        self.prepare(subject)
        self.forward_name, self.backward_name = method_of(subject, FORWARDS), method_of(subject, BACKWARDS)
        takes = positional(getattr(subject, self.forward_name))
        required = sum(p.default is p.empty for p in takes)
        count = min(len(inputs), max(required, len(takes))) if takes else len(inputs)
        self.forward_names = positional_names(getattr(subject, self.forward_name), count)
        self.roles = self.read_roles()
        self.label_names = [name for role, name in self.roles if role == "label"]
        self.input_names = [*self.forward_names, *self.label_names]
        if len(inputs) > len(self.input_names):
            raise TypeError(f"parity.check: {self.name} takes {len(self.input_names)} inputs, got {len(inputs)}")
        self.takes_upstream = any(role == "upstream" for role, _ in self.roles)
        self.joint = bool(self.label_names)
        self.gives_inputs = not self.joint

    def prepare(self, subject):
        """What is known of every such object, and what one run will show."""
        self.subject, self.name = subject, one_line(subject)
        self.parameters, self.buffers = {}, {}
        self.places: dict = {}
        self.gradients: dict = {}
        self.order: list = []
        self.ties: dict = {}
        self.left_output: str | None = None
        self.left_gradients: dict = {}

    def read_roles(self):
        """(role, name) of each positional argument of backward; one with a default is left to it, but for the first.

        Several upstream gradients are those of several outputs, in order.
        """
        roles = []
        for i, p in enumerate(positional(getattr(self.subject, self.backward_name))):
            if p.name.lower() in RATES:
                raise TypeError(
                    f"parity.check: {self.name}.{self.backward_name} takes a step size {p.name}: it updates "
                    "weights where it should give gradients; keep them in attributes (W_grad) and update elsewhere"
                )
            if p.name in self.forward_names:
                roles.append(("input", p.name))
            elif p.name.lower() in LABELS:
                roles.append(("label", p.name))
            elif i == 0 or p.default is p.empty:
                roles.append(("upstream", p.name))
        if [role for role, _ in roles] == ["input"]:
            return [("upstream", roles[0][1])]
        return roles

    @property
    def read_as(self):  # type: ignore[override]
        places = [*self.left_gradients.values(), *(label_of(path) for path in self.gradients.values())]
        output = f", output at {self.left_output}" if self.left_output else ""
        return f"the lecture's kind{output}" + (f", gradients at {', '.join(places)}" if places else "")

    def added_inputs(self):
        """{name: array} of what the user need not give: a label, 1; other labels are tried by probes."""
        return {name: np.array(1) for name in self.label_names}

    @blames_subject
    def forward_on(self, net, arrays):
        returned = getattr(net, self.forward_name)(*[self.argument(name, arrays) for name in self.forward_names])
        if returned is None and not self.joint and (left := output_left(net)):
            self.left_output, returned = left, getattr(net, left)
        if not self.joint:
            return as_tuple(returned), (net, isinstance(returned, tuple | list), None, arrays)
        J = self.loss(net, arrays, returned)
        result = self.call_backward(net, arrays, None)
        if J is None:
            J, result = result, None
        if not isinstance(J, (np.ndarray, np.generic, float)):  # a tuple: a trace follows no union of NumPy's types
            raise ContractBroken(
                f"{type(net).__name__}.{self.backward_name} starts from a loss of its own but does not return it, "
                f"got {described(J)}; return J, or give it a method loss({', '.join(self.label_names)})"
            )
        return (J,), (net, False, result, arrays)

    @blames_subject
    def backward(self, state, upstream):
        net, several, returned, arrays = state
        if not self.joint:
            returned = self.call_backward(net, arrays, tuple(upstream) if several else upstream[0])
        return self.collect(net, returned)

    @blames_subject
    def copy(self, arrays):
        """A deep copy with the given weights and buffers; what will hold a gradient takes the weight's precision."""
        net = copy.deepcopy(self.subject)
        for name, path in self.places.items():
            array = arrays[name] if name in self.parameters else np.array(arrays[name], subok=True)
            for place in (path, *self.ties.get(name, ())):
                put(net, place, array)
        for name, path in self.gradients.items():
            slot, real = self.left_at(net, path), np.finfo(arrays[name].dtype).dtype
            if is_weight(slot) and slot.dtype != real and not any(kind == "call" for kind, _ in path):
                put(net, path, slot.astype(real))
        return net

    def call_backward(self, net, arrays, upstream):
        """What backward returns; upstream: the gradient of the output, a tuple of them where there are several."""
        wanted = [name for role, name in self.roles if role == "upstream"]
        each = iter(upstream if len(wanted) > 1 and isinstance(upstream, tuple) else [upstream])
        if len(wanted) > 1 and not (isinstance(upstream, tuple) and len(upstream) == len(wanted)):
            count = len(upstream) if isinstance(upstream, tuple) else 1
            raise ContractBroken(
                f"{self.name}.{self.backward_name} takes {', '.join(wanted)}, forward gives {count} outputs"
            )
        values = [next(each) if role == "upstream" else given(self.argument(name, arrays)) for role, name in self.roles]
        return getattr(net, self.backward_name)(*values)

    def loss(self, net, arrays, output):
        """J from a method of the subject's own that takes labels and, by name, inputs and the output; else None."""
        for name in LOSSES:
            method = getattr(net, name, None)
            if callable(method):
                known = arrays | {p.name: output for p in positional(method) if p.name not in arrays}
                return method(*[given(known[p.name]) for p in positional(method)])
        return None

    def collect(self, net, returned):
        """{key: gradient} of what backward returned and of what it left in attributes."""
        found = {("parameter", name): self.left_at(net, path) for name, path in self.gradients.items()}
        if returned is None and self.gives_inputs:
            self.left_gradients = gradients_left(net, self.forward_names)
            found |= {("input", name): getattr(net, left) for name, left in self.left_gradients.items()}
        rest, named = parted(returned)
        found |= self.named(named)
        if self.order:
            rest = flat(rest)
            cut = len(rest) - len(self.order)
            found |= {("parameter", name): d for name, d in zip(self.order, rest[cut:], strict=False)}
            rest = rest[:cut]
        if len(rest) > len(self.forward_names):
            raise ContractBroken(
                f"{type(net).__name__}.{self.backward_name} returns {described(tuple(rest))} for "
                f"{len(self.forward_names)} inputs; leave gradients of weights in attributes (W_grad), or return "
                "them as a dict"
            )
        return arrays_only(found | self.by_input(dict(zip(self.forward_names, rest, strict=False))))

    def all_parts(self, net):
        return [part for _, part in parts(net)]

    def weights(self, net):
        return {name: get(net, self.places[name]) for name in self.parameters}

    @blames_subject
    def gradient_places(self, net):
        """{path of a weight: path of its gradient} in attributes, or given by methods, which are the user's."""
        return handed_out(net) | pairs(net)

    def left_at(self, net, path):
        try:
            return get(net, path)
        except (AttributeError, KeyError, IndexError):
            return None

    def named(self, returned):
        """The gradients of a returned dict under the names of inputs and weights."""
        found = {}
        for key, gradient in returned.items():
            weights = [name for name in self.places if same_gradient(name.rpartition(".")[2], str(key)) or name == key]
            inputs = [name for name in self.forward_names if same_gradient(name, str(key))]
            if not weights + inputs:
                raise ContractBroken(f"{self.name}: backward returns a gradient by {key!r}, which it does not hold")
            found["parameter" if weights else "input", (weights + inputs)[0]] = gradient
        return found

    def discover(self, arrays):
        discover(self, arrays)
        return self

    @blames_subject
    def pulled(self, net, outputs, several, arrays):
        """What backward returns for upstream gradients of ones."""
        ones = tuple(np.ones_like(np.asarray(output, dtype=float)) for output in outputs)
        return self.call_backward(net, arrays, ones if several else ones[0])


def given(array):
    """A number for an array without axes: `if label == 1` wants one."""
    return array.item() if isinstance(array, np.ndarray) and array.ndim == 0 and array.dtype.kind in "iub" else array


def method_of(subject, names):
    """The first of the names that the subject has as a method of its own class; None where it has none."""
    own = {name for kind in type(subject).__mro__ for name in vars(kind)}  # every class has a __call__ of its metaclass
    return next((name for name in names if name in own and callable(getattr(type(subject), name))), None)
