"""What optimizers and schedules refuse, in one wording."""

from numbers import Real

import numpy as np

from scratch.checks import check_float, check_precision, check_shape

NEITHER = "neither NaN nor infinite"


def check_number(owner, low=float("-inf"), below=float("inf"), **numbers):
    """Refuse what is no finite number with low ≤ number < below: TypeError or ValueError."""
    for name, number in numbers.items():
        if not isinstance(number, Real):
            raise TypeError(f"{owner}: expected {name} as a number, got {number!r}")
        if not low <= number < below or number == float("-inf"):
            limits = [f"from {low} up"] * (low > float("-inf")) + [f"below {below}"] * (below < float("inf"))
            raise ValueError(f"{owner}: expected {name} as a number {', '.join([*limits, NEITHER])}, got {number}")


def check_whole(owner, least, **numbers):
    """Refuse what is not a whole number from `least` up (ValueError)."""
    for name, number in numbers.items():
        if not isinstance(number, int | np.integer) or number < least:
            raise ValueError(f"{owner}: expected {name} as a whole number from {least} up, got {number!r}")


def check_rate(owner, lr):
    """The step size as a float: positive or, at the end of a schedule, 0; anything else is refused."""
    check_number(owner, 0, lr=lr)
    return float(lr)


def check_names(owner, what, mapping, names):
    """Refuse a mapping whose keys are not exactly names: TypeError, or ValueError listing every difference."""
    if not isinstance(mapping, dict):
        raise TypeError(f"{owner}: expected {what} as a dict, got a {type(mapping).__name__}")
    missing = [f"missing {name}" for name in names if name not in mapping]
    wrong = missing + [f"unexpected {name}" for name in mapping if name not in names]
    if wrong:
        raise ValueError(f"{owner}: {what}: {'; '.join(wrong)}")


def check_parameters(owner, params):
    """Refuse what cannot be updated in place: no dict, no float array, or one that is read-only."""
    if not isinstance(params, dict):
        raise TypeError(f"{owner}: expected params as scratch.named_parameters(net), got a {type(params).__name__}")
    for name, array in params.items():
        check_float(owner, name, array)
        if not isinstance(array, np.ndarray) or not array.flags.writeable:
            kind = "a read-only array" if isinstance(array, np.ndarray) else f"a {type(array).__name__}"
            raise ValueError(f"{owner}: expected {name} as an array to be updated in place, got {kind}")


def check_gradient(owner, name, gradient, parameter):
    """Refuse a gradient that is not of its parameter's shape and dtype."""
    check_float(owner, name, gradient)
    check_shape(owner, name, gradient, parameter.shape)
    check_precision(owner, name, gradient, "its parameter", parameter)
    if gradient.dtype != parameter.dtype:
        raise TypeError(f"{owner}: {name} is {gradient.dtype} but its parameter is {parameter.dtype}")


def check_keys(owner, grads, params):
    """Refuse gradients whose names are not those of the parameters."""
    if not isinstance(grads, dict):
        raise TypeError(f"{owner}: expected grads as {{name: gradient}}, got a {type(grads).__name__}")
    if grads.keys() != params.keys():
        differing = ", ".join(sorted(map(str, grads.keys() ^ params.keys())))
        raise ValueError(f"{owner}: parameters and gradients differ in {differing}")


def remembered(owner, name, parameter, fresh, values):
    """{key: value} of one parameter's state, copied: the keys of fresh, shapes and dtypes of the parameter."""
    check_names(owner, f"state of {name}", values, fresh)
    return {key: one_remembered(owner, f"{key} of {name}", parameter, fresh[key], values[key]) for key in fresh}


def one_remembered(owner, what, parameter, start, value):
    """One value of a state; start: what a fresh one is, a count of steps, an array or None."""
    if isinstance(start, int):
        step = value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
        step = int(step) if isinstance(step, float) and step.is_integer() else step  # torch counts in floats
        check_whole(owner, 0, **{what: step})
        return int(step)
    if value is None and start is None:
        return None
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{owner}: expected {what} as real numbers, got {array.dtype}")
    check_shape(owner, what, array, parameter.shape)
    copy = np.empty_like(parameter)
    copy[...] = array
    return copy
