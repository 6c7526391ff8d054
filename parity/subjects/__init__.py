"""Reads what the user wrote, by shape and never by base class, into one normal form (parity.subjects.base)."""

from parity.subjects.base import one_line, positional
from parity.subjects.contract import HandLayer, HandLoss
from parity.subjects.functions import HandPair
from parity.subjects.names import LABELS, RATES
from parity.subjects.objective import HandObjective, gradient_method
from parity.subjects.stateful import BACKWARDS, FORWARDS, LOSSES, HandStateful, method_of
from parity.subjects.torch_callable import HandTorch
from parity.subjects.torch_kinds import instead_of, is_torch, takes_tensors


def read(subject, inputs):
    """The normal form of a subject. Raises TypeError for what is none of the kinds that can be read."""
    if isinstance(subject, type):
        raise TypeError(f"parity.check: the subject is the class {subject.__name__}; pass {instead_of(subject)}")
    if is_torch(subject):
        return HandTorch(subject, inputs)
    if isinstance(subject, tuple) and len(subject) == 2 and all(map(callable, subject)):
        return HandPair(subject, inputs)
    if method_of(subject, FORWARDS) and method_of(subject, BACKWARDS):
        return (HandLayer if takes_cache(subject) else HandStateful)(subject, inputs)
    loss = method_of(subject, LOSSES)
    if loss and not method_of(subject, ("__call__",)):
        return HandObjective(subject, inputs, loss, gradient_method(subject))
    if backward := method_of(subject, BACKWARDS):
        raise TypeError(
            f"parity.check: {one_line(subject)} has {backward} but none of {', '.join(FORWARDS)}, so there is nothing "
            "to differentiate; give it forward(x), or where it starts from a loss of its own, loss(x, y) -> J"
        )
    if method_of(subject, ("forward", "predict")):
        raise TypeError(
            f"parity.check: {one_line(subject)} has no backward, so there is no derivation to check; add "
            "backward(dout), which returns dx and leaves gradients in attributes (W_grad)"
        )
    if callable(subject):
        return (HandTorch if takes_tensors(subject, inputs) else HandLoss)(subject, inputs)
    raise TypeError(
        f"parity.check: cannot read {one_line(subject)} as a hand-derived backward; expected an object with forward "
        "and backward, a pair of functions (forward, backward), or a loss (output, target) -> (J, dJ/doutput)"
    )


def takes_cache(subject):
    """Whether backward takes (doutputs, cache), our contract's, by the names and number of its arguments."""
    names = [p.name for p in positional(getattr(subject, method_of(subject, BACKWARDS)))]
    if not hasattr(subject, "forward") or len(names) < 2 or method_of(subject, BACKWARDS) != "backward":
        return False
    data = LABELS | {p.name for p in positional(subject.forward)}
    return names[1].lower() not in RATES and not (names[0] in data and names[1] in data)
