"""What a hand-derived backward is held against: autograd of a twin, numerical derivatives, a trace of the forward."""

from parity.witnesses.numeric import Numeric
from parity.witnesses.twin import Twin


def choose(against, hand, wanted, device):
    """The reference to judge by: the twin where one is given, else numerical derivatives of the subject's forward.

    wanted: the keys of the gradients that numerical derivatives are taken of.
    """
    return Numeric(hand, wanted) if against is None else Twin(against, hand, device)


def name_of(against):
    """What a twin is called before it is read."""
    return type(against).__name__ if not hasattr(against, "__name__") else against.__name__
