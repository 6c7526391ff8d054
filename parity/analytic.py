"""Real functions that are not analytic, continued from the real line so that a complex step passes through them.

|z| for complex z drops the step; the continuation ±z keeps it. What is not continued here and is known to drop or mix
imaginary parts raises StepLost: such a forward is differentiated by central differences.
"""

from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

STEPPING: ContextVar[bool] = ContextVar("STEPPING", default=False)


@contextmanager
def stepping():
    """Inside, complex numbers are real ones with a step; outside, they are the user's own."""
    token = STEPPING.set(True)
    try:
        yield
    finally:
        STEPPING.reset(token)


class StepLost(Exception):
    """The forward does not let complex numbers through."""


def absolute(z):
    return np.where(z.real < 0, -z, z)


def exp(z):
    """eᶻ; infinite as a real number where it overflows, so that 1 / (1 + e⁻ᶻ) is 0 there and no NaN."""
    value = np.exp(z.real)
    return joined(value, np.where(np.isinf(value), 0, value * z.imag))


def logaddexp(a, b):
    return np.maximum(a, b) + np.log1p(np.exp(np.minimum(a - b, b - a)))


def power(z, p):
    """zᵖ by the derivative of a real power: complex powers lose a digit."""
    (a, da), (p, dp) = parts(z), parts(p)
    value = np.power(a, p)
    steps = total(da is not None and p * np.power(a, p - 1) * da, dp is not None and value * np.log(a) * dp)
    return joined(value, steps)


def product(z, w):
    (a, da), (b, db) = parts(z), parts(w)
    return joined(a * b, total(db is not None and a * db, da is not None and b * da))


def quotient(z, w):
    (a, da), (b, db) = parts(z), parts(w)
    value = a / b
    return joined(value, total(da is not None and da, db is not None and -value * db) / b)


def parts(z):
    """(real numbers, their step); None where they have none."""
    return (z.real, z.imag) if is_step(z) else (z, None)


def joined(value, step):
    """value + i step, of value's class; put together without arithmetic, which costs time and is shaken."""
    found = np.empty(np.broadcast_shapes(np.shape(value), np.shape(step)), complex)
    found.real, found.imag = value, step
    if isinstance(value, Analytic):
        found = found.view(type(value))
        vars(found).update(vars(value))
    return found


def total(*steps):
    """The sum of those that are not False."""
    first, *rest = [step for step in steps if step is not False]
    return sum(rest, start=first)


def of_real_part(ufunc):
    return lambda z: ufunc(z.real)


CONTINUED = {
    np.absolute: absolute,
    np.fabs: absolute,
    np.conjugate: lambda z: z,
    np.exp: exp,
    np.power: power,
    np.logaddexp: logaddexp,
    np.hypot: lambda a, b: np.sqrt(a * a + b * b),
}
CONTINUED |= {ufunc: of_real_part(ufunc) for ufunc in (np.sign, np.floor, np.ceil, np.trunc, np.rint)}


def norm(x, ord=None, axis=None, keepdims=False):
    if ord not in (None, 2, "fro") or (ord == 2 and axis is None and x.ndim > 1):
        raise StepLost
    return np.sqrt((x * x).sum(axis=axis, keepdims=keepdims))


def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
    if out is not None or dtype is not None:
        raise StepLost
    d = a - a.mean(axis=axis, keepdims=True)
    squares = (d * d).sum(axis=axis, keepdims=keepdims)
    return squares / (d.size / max(squares.size, 1) - ddof)


def std(*args, **options):
    return np.sqrt(var(*args, **options))


APART = {np.multiply: product, np.divide: quotient}  # step by step, to shake what one call rounds inside
FUNCTIONS = {np.linalg.norm: norm, np.var: var, np.std: std}
LOST = {np.real, np.imag, np.angle, np.real_if_close, np.vdot, np.cov, np.corrcoef, np.nanvar, np.nanstd}
LOST |= {getattr(np.linalg, name) for name in ("svd", "eigh", "eigvalsh", "cholesky", "qr", "pinv", "lstsq", "slogdet")}
LOST |= {function for function in vars(np.fft).values() if callable(function) and not isinstance(function, type)}


class Analytic(np.ndarray):
    """An array whose complex kind may be real numbers with a step: for subclasses that see every operation."""

    def var(self, *args, **options):
        return var(self, *args, **options) if is_step(self) else super().var(*args, **options)

    def std(self, *args, **options):
        return std(self, *args, **options) if is_step(self) else super().std(*args, **options)


def is_step(value):
    """Whether a value is real numbers with a step."""
    return isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "c" and STEPPING.get()


def continued(ufunc, method, inputs):
    """What stands in for a ufunc that is called on complex numbers; None where it may be called as it is."""
    if method == "__call__" and ufunc in CONTINUED and any(map(is_step, inputs)):
        return CONTINUED[ufunc]
    return None


def apart(ufunc, method, inputs):
    """The same in steps of its own, for shaken arithmetic, which moves the result of each call alone."""
    if method == "__call__" and ufunc in APART and any(map(is_step, inputs)):
        return APART[ufunc]
    return continued(ufunc, method, inputs)


def continued_function(function, args):
    """The same for a function of NumPy's. Raises StepLost."""
    if not (args and is_step(args[0])):
        return None
    if function in LOST:
        raise StepLost
    return FUNCTIONS.get(function)


class Stepped(Analytic):
    """A complex array of the complex step: continues what is not analytic, and hands that on to all results."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        if out is None and not options and (function := continued(ufunc, method, inputs)):
            return function(*inputs)
        if out is not None:
            options["out"] = tuple(map(unstepped, out))
        options = {name: unstepped(option) for name, option in options.items()}
        result = getattr(ufunc, method)(*map(unstepped, inputs), **options)
        if out is not None:
            return out[0] if len(out) == 1 else out
        return stepped(result)

    def __array_function__(self, function, types, args, kwargs):
        if stand_in := continued_function(function, args):
            return stand_in(*args, **kwargs)
        result = super().__array_function__(function, types, args, kwargs)
        return type(result)(map(stepped, result)) if type(result) in (tuple, list) else stepped(result)


def stepped(value):
    """A plain complex array as a Stepped one, sharing memory; anything else as it is."""
    return value.view(Stepped) if type(value) is np.ndarray and value.dtype.kind == "c" else value


def unstepped(value):
    return value.view(np.ndarray) if isinstance(value, Stepped) else value
