"""What objects leave behind instead of returning it: outputs and input gradients in attributes, gradients from methods.

nnfs.io's layers keep `output` and `dinputs`; others hand out weights by params() and their gradients by grads().
"""

from parity.subjects.attributes import (
    GRADIENT_HOLDERS,
    PARAMETER_HOLDERS,
    attributes,
    called,
    children,
    is_holder,
    is_weight,
    items_beside,
    parts,
)
from parity.subjects.names import bare, same_gradient

OUTPUTS = {"y", "out", "output", "outputs"}
INPUT_GRADIENTS = {form.format(x) for form in ("d{}", "d_{}", "grad_{}", "{}_grad") for x in ("x", "input", "inputs")}


def output_left(net):
    """The name of the attribute in which forward left its output; None where there is none, or several."""
    names = [name for name, value in attributes(net).items() if bare(name) in OUTPUTS and value is not None]
    return names[0] if len(names) == 1 else None


def gradients_left(net, names):
    """{name of an input: name of the attribute in which backward left its gradient}, by the name of the input.

    Of an only input also under a usual name, dx or dinputs.
    """
    found = {}
    for name in names:
        held = [other for other, value in attributes(net).items() if value is not None and other != name]
        named = [other for other in held if same_gradient(name, other)]
        usual = [other for other in held if bare(other) in INPUT_GRADIENTS] if len(names) == 1 else []
        if named or usual:
            found[name] = (named or usual)[0]
    return found


def handed_out(root):
    """{path of a weight: path of its gradient} of every part whose methods params() and grads() give lists or dicts."""
    found: dict = {}
    for path, part in parts(root):
        for holder, other in methods_beside(part):
            try:
                weights, gradients = called(part, holder), called(part, other)
            except Exception:  # they want arguments, or have nothing to give
                continue
            for (_, (_, key)), (_, step) in items_beside((holder, weights), (other, gradients)):
                if place := place_of(part, weights[key]):
                    found.setdefault((*path, *place), (*path, ("call", other), step))
    return found


def methods_beside(part):
    """Pairs of names of methods (params, grads) that a part has."""
    methods = [name for name in (*PARAMETER_HOLDERS, *GRADIENT_HOLDERS) if callable(getattr(type(part), name, None))]
    return [(a, b) for a in methods if a in PARAMETER_HOLDERS for b in methods if b in GRADIENT_HOLDERS]


def place_of(root, weight):
    """The path below root of that very array; None where it is held nowhere."""
    for path, part in parts(root):
        for step, value in children(part):
            if value is weight and is_weight(value):
                return (*path, step)
            for inner, item in children(value) if is_holder(value) else ():
                if item is weight and is_weight(item):
                    return (*path, step, inner)
    return None
