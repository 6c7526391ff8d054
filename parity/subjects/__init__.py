"""Reads what the user wrote, by shape and never by base class, into one normal form (parity.subjects.base)."""

from parity.subjects.base import one_line
from parity.subjects.contract import HandLayer, HandLoss


def read(subject, inputs):
    """The normal form of a subject. Raises TypeError for what is none of the kinds that can be read."""
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
