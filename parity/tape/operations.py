"""The names of operations on the tape: NumPy's own, one for each whatever way it was asked for."""

import numpy as np

# array.method -> the name of the operation
METHODS = {
    name: name
    for name in ("sum", "mean", "var", "std", "max", "min", "prod", "argmax", "argmin", "cumsum", "cumprod", "dot")
} | {
    name: name
    for name in ("reshape", "transpose", "swapaxes", "ravel", "squeeze", "repeat", "take", "clip", "astype", "copy")
}
METHODS |= {"flatten": "ravel", "round": "round", "trace": "trace", "diagonal": "diagonal", "conj": "conjugate"}

WRITES = ("setitem", "add.at")  # operations that give no result of their own: (target, key, value)
REDUCTIONS = {np.add: "sum", np.maximum: "max", np.minimum: "min", np.multiply: "prod"}
ACCUMULATIONS = {np.add: "cumsum", np.multiply: "cumprod"}


def canonical(ufunc, method):
    """The name of a ufunc's method: multiply, sum (add.reduce), cumsum (add.accumulate), add.at, multiply.outer."""
    if method == "__call__":
        return ufunc.__name__
    if method == "reduce":
        return REDUCTIONS.get(ufunc, f"{ufunc.__name__}.reduce")
    if method == "accumulate":
        return ACCUMULATIONS.get(ufunc, f"{ufunc.__name__}.accumulate")
    return f"{ufunc.__name__}.{method}"


def as_number(operand):
    """An operand as a float, where it is one real number; None where it is not."""
    scalar = isinstance(operand, np.ndarray) and operand.ndim == 0 and operand.dtype.kind in "fiu"
    if scalar or (isinstance(operand, int | float | np.floating | np.integer) and not isinstance(operand, bool)):
        return float(operand)
    return None
