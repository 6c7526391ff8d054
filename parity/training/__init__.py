"""Both sides trained step by step from the same start: where do they part, and what began it?"""

from parity.training.lockstep import lockstep
from parity.training.report import LockstepReport, Step

__all__ = ["LockstepReport", "Step", "lockstep"]
