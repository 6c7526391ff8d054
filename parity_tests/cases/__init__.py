"""The one table: what exists twice. A new layer, loss or model is one line here, and every test of parity runs on it.

A file for each family; nothing here imports torch, so that the hand-derived side is also tried where there is none.
"""

from parity_tests.cases.case import Case, redrawn
from parity_tests.cases.dense import DENSE, NEURONS
from parity_tests.cases.losses import LOSSES
from parity_tests.cases.models import MODELS
from parity_tests.cases.norms import NORMS
from parity_tests.cases.recurrent import RECURRENT
from parity_tests.cases.windows import WINDOWS

LAYERS = [*DENSE, *NORMS, *WINDOWS, *RECURRENT]
CASES = [*LAYERS, *NEURONS, *MODELS, *LOSSES]

__all__ = ["CASES", "LAYERS", "LOSSES", "MODELS", "NEURONS", "Case", "redrawn"]
