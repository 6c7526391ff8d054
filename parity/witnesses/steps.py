"""The complex step: f(x + i h v) = f(x) + i h f′(x) v + O(h²), so Im f / h is the derivative, to rounding.

h = 10⁻²⁰ leaves nothing of the h² term and nothing to choose; what is smaller than 10⁻²⁸⁸ underflows. The forward must
let complex numbers through, ordered by the real part (NumPy's are); |z|, variances and norms are continued from the
real line (parity.analytic). A forward that drops the imaginary part is found out by comparison with central differences
(parity.witnesses.numeric).
"""

import warnings

import numpy as np

from parity.analytic import StepLost, joined, stepped, stepping
from parity.followed import CREATORS, followed
from parity.rounding.shaken import plain
from parity.witnesses.differences import fitting

STEP = 1e-20
UNDERFLOW = float(np.finfo(float).smallest_normal) / STEP  # smaller derivatives are lost


def complex_step(hand, directions, arrays, upstream):
    """The derivative of Σ upstream · outputs along {name: direction}. StepLost where all is real; SubjectRaised."""
    ahead = arrays | {name: stepped(joined(arrays[name], STEP * v)) for name, v in directions.items()}
    with warnings.catch_warnings(), stepping(), followed(created_complex), np.errstate(all="ignore"):
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        outputs = [np.asarray(plain(output)) for output in hand.outputs(ahead)]
    if not any(np.iscomplexobj(output) for output in outputs):
        raise StepLost
    fitting(outputs, upstream)
    return sum(float(np.sum(g * output.imag)) for g, output in zip(upstream, outputs, strict=True)) / STEP


def created_complex(function, args, kwargs):
    """np.zeros and its like make complex arrays; np.asarray(x, dtype=float) leaves a complex x complex."""
    if function.__name__ in CREATORS:
        array = function(*args, **kwargs)
        return stepped(array.astype(complex)) if array.dtype.kind == "f" else array
    if args and np.iscomplexobj(args[0]):
        dtype = args[1] if len(args) > 1 else kwargs.get("dtype")
        if dtype is not None and np.dtype(dtype).kind == "f":
            kept = {name: option for name, option in kwargs.items() if name != "dtype"}
            return stepped(function(args[0], **kept))
    return stepped(function(*args, **kwargs))
