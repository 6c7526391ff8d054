"""What a hand-derived backward is held against: autograd of a twin, numerical derivatives, a trace of the forward."""

from parity.witnesses.numeric import Numeric
from parity.witnesses.twin import Twin

TRACE = "trace"


def choose(against, hand, wanted, arrays, upstream, device):
    """The reference to judge by: a twin, a trace of the subject's forward, or numerical derivatives of it.

    wanted: the keys of the gradients that numerical derivatives are taken of. A forward that cannot be traced is judged
    numerically, and the reference's notes say so.
    """
    if against is None:
        return Numeric(hand, wanted)
    if against != TRACE:
        return Twin(against, hand, device)
    from parity.witnesses.trace import NotTraceable, Trace  # torch._dynamo takes most of a second to load

    try:
        trace = Trace(hand, device)
        trace.run(arrays, upstream)
        return trace
    except NotTraceable as reason:
        numeric = Numeric(hand, wanted)
        numeric.notes = f"not traceable ({reason}), so judged numerically"
        return numeric


def name_of(against):
    """What a twin is called before it is read."""
    return "its trace" if against == TRACE else getattr(against, "__name__", type(against).__name__)
