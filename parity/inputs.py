"""What goes into a check: the user's arrays, tensors or shapes as read-only NumPy arrays of one dtype."""

from numbers import Integral

import numpy as np
import torch

from parity.bridge import to_numpy

WORKING = ("float32", "float64")
LOW = {"bfloat16": "float32", "float16": "float16"}  # and how their values travel


def check_dtype(dtype, torch_subject=False):
    """The NumPy dtype in which the hand side's values travel; TypeError for others, by name.

    float32 and float64; for a torch subject bfloat16 as well, which NumPy lacks and float32 holds, and float16.
    """
    name = dtype_name(dtype)
    if name in WORKING or (torch_subject and name in LOW):
        return np.dtype(LOW.get(name, name))
    expected = " or ".join(f'"{known}"' for known in (*WORKING, *(LOW if torch_subject else ())))
    hint = f"; {name} is for torch subjects" if name in LOW and not torch_subject else ""
    raise TypeError(f"parity.check: expected dtype {expected}, got {dtype!r}{hint}")


def torch_dtype(dtype):
    """torch's dtype for what check_dtype accepts of a torch subject."""
    check_dtype(dtype, torch_subject=True)
    return getattr(torch, dtype_name(dtype))


def dtype_name(dtype):
    """`float32` for a dtype of NumPy's or torch's and for its name; None for what is none."""
    if isinstance(dtype, torch.dtype) or dtype in tuple(LOW):
        return str(dtype).removeprefix("torch.")
    try:
        return np.dtype(dtype).name
    except TypeError:
        return None


def prepare(name, value, dtype, rng):
    """An input as a read-only array: a shape is drawn, floats are cast to dtype, integers stay, others are refused."""
    if is_shape(value):
        if any(n < 0 for n in value):
            raise ValueError(f"parity.check: expected input {name} as a shape of numbers from 0 up, got {value}")
        return frozen(draw(rng, value, dtype))
    try:
        array = to_numpy(value) if isinstance(value, torch.Tensor) else np.array(value)
    except ValueError as error:  # ragged lists
        raise TypeError(f"parity.check: expected input {name} as an array or a shape: {error}") from None
    if array.dtype.kind in "iub":
        return frozen(array)
    if array.dtype.kind != "f":
        raise TypeError(f"parity.check: expected input {name} as numbers, got an array of {array.dtype}")
    with np.errstate(over="ignore"):
        array = array.astype(dtype)
    if not np.isfinite(array).all():
        raise ValueError(f"parity.check: input {name} holds NaN, infinities or numbers too large for {dtype}")
    return frozen(array)


def is_shape(value):
    """Whether an input is a shape, to be drawn at random, and no array."""
    return isinstance(value, tuple) and all(isinstance(n, Integral) and not isinstance(n, bool) for n in value)


def draw(rng, shape, dtype):
    """Random numbers of either sign between 0.25 and 2 in size: never 0, 1 or equal, so they hide no mistake."""
    return np.asarray(rng.choice([-1.0, 1.0], shape) * rng.uniform(0.25, 2.0, shape)).astype(dtype)


def cast(name, array, dtype):
    """A weight as a read-only copy in dtype; integer buffers stay. TypeError or ValueError for what is none."""
    if not isinstance(array, np.ndarray | np.generic) or array.dtype.kind not in "fiub":
        found = getattr(array, "dtype", type(array).__name__)
        raise TypeError(f"parity.check: expected weight {name} as an array of real numbers, got {found}")
    if not np.isfinite(array).all():
        raise ValueError(f"parity.check: weight {name} holds NaN or infinities")
    return frozen(np.array(array, dtype if array.dtype.kind == "f" else array.dtype))


def frozen(array):
    """The array made read-only: a subject that writes to it raises on that very line."""
    array.flags.writeable = False
    return array
