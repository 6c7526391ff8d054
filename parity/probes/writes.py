"""Where backward writes to what forward left: a run on which those arrays are read-only raises on the very line."""

import numpy as np
from torch.utils._pytree import tree_leaves

from parity.harm import users_line
from parity.subjects.raised import SubjectRaised


def line_that_writes(trial):
    """`mine.py:23`, the first line of backward that changes an array which forward left; "backward" where none tells.

    Gradients that backward keeps in arrays of the object are its own to write.
    """
    hand, changed = trial.hand, []
    try:
        state, left = forwarded(trial)
        before = [array.copy() for array in left]
        returned = hand.backward(state, trial.upstream).values()
        for number, (array, old) in enumerate(zip(left, before, strict=True)):
            if not np.array_equal(array, old) and not any(np.array_equal(array, gradient) for gradient in returned):
                changed.append(number)
        state, left = forwarded(trial)
        for number in changed:
            left[number].flags.writeable = False
        hand.backward(state, trial.upstream)
    except SubjectRaised as raised:
        if "read-only" in str(raised.__cause__):
            return users_line(raised.__cause__) or "backward"
    return "backward"


def forwarded(trial):
    """(the state after forward, the arrays that it and the object hold, always in the same order)."""
    net = trial.hand.copy(trial.arrays)
    state = trial.hand.forward_on(net, trial.arrays)[1]
    held = [vars(part) for part in trial.hand.all_parts(net) if hasattr(part, "__dict__")]
    leaves = [leaf for leaf in tree_leaves([state, held]) if isinstance(leaf, np.ndarray) and leaf.flags.writeable]
    return state, list({id(leaf): leaf for leaf in leaves}.values())
