"""What scratch refuses, in one wording: who refuses, what was expected, what came, what to do about it."""

import numpy as np

# complex numbers pass because the complex step (one entry moved by 1e-30 i) differentiates through every layer
FLOATS = frozenset(np.dtype(name) for name in ("float32", "float64", "complex64", "complex128"))


def check_float(owner, name, array):
    """Refuse what is not a float32 or float64 array: TypeError with the remedy. Nothing is cast in silence."""
    if type(array) is np.ndarray and array.dtype in FLOATS:
        return
    if not isinstance(array, np.ndarray | np.generic) or isinstance(array, np.matrix | np.ma.MaskedArray):
        remedy = f"{name}.detach().cpu().numpy()" if hasattr(array, "detach") else f"np.asarray({name}, dtype=float)"
        raise TypeError(f"{owner}: expected {name} as a NumPy array, got {type(array).__name__}; pass {remedy}")
    if array.dtype not in FLOATS:
        raise TypeError(
            f"{owner}: expected {name} as float32 or float64, got {array.dtype}; convert it with {name}.astype(float)"
        )


def check_precision(owner, name, array, other_name, other):
    """Refuse float32 beside float64 (TypeError): NumPy would promote in silence where torch raises."""
    if array.dtype is other.dtype:
        return
    if np.finfo(array.dtype).dtype != np.finfo(other.dtype).dtype:
        raise TypeError(
            f"{owner}: {name} is {array.dtype} but {other_name} is {other.dtype}; convert one of them with .astype"
        )


def check_features(owner, x, features):
    """Refuse an x whose last axis is not `features` long: ValueError, with a guess at what was meant."""
    if x.ndim and x.shape[-1] == features:
        return
    if x.ndim == 2 and x.shape[0] == features:
        guess = "; did you mean x.T?"
    elif x.ndim == 1 and features == 1:
        guess = "; did you mean x[:, None]?"
    else:
        guess = ""
    raise ValueError(f"{owner}: expected x of shape (..., {features}), got {x.shape}{guess}")


def check_shape(owner, name, array, shape):
    """Refuse any shape but `shape` (ValueError): broadcasting hides mistakes in gradients."""
    if array.shape == shape:
        return
    if array.shape == (*shape, 1):
        guess = f"; did you mean {name}[..., 0]?"
    elif (*array.shape, 1) == shape:
        guess = f"; did you mean {name}[..., None]?"
    else:
        guess = ""
    raise ValueError(f"{owner}: expected {name} of shape {shape}, got {array.shape}{guess}")


def check_finite(owner, name, array):
    """Refuse NaN and infinities (ValueError), naming the first index."""
    finite = np.isfinite(array)
    if np.count_nonzero(finite) != array.size:  # half the time of finite.all()
        index = first_index(~finite)
        raise ValueError(f"{owner}: {name}[{index}] is {array[~finite][0]}; expected finite numbers")


def check_range(owner, name, array, low, high, remedy):
    """Refuse entries outside [low, high] (ValueError), naming the first one and the remedy."""
    outside = (array.real < low) | (array.real > high)
    if outside.any():
        raise ValueError(
            f"{owner}: {name}[{first_index(outside)}] is {array[outside][0]}; "
            f"expected every entry in {low}..{high}; {remedy}"
        )


def check_pair(owner, output, target):
    """Refuse an output and a target of a loss that differ in shape or precision or are not finite."""
    check_float(owner, "output", output)
    check_float(owner, "target", target)
    check_shape(owner, "target", target, output.shape)
    check_precision(owner, "output", output, "target", target)
    check_finite(owner, "output", output)
    check_finite(owner, "target", target)


def check_classes(owner, output):
    """Refuse an output that is not one row of numbers for each of N, one for each of K classes (ValueError)."""
    if output.ndim != 2 or output.shape[1] == 0:
        raise ValueError(f"{owner}: expected output of shape (N, K), K the number of classes, got {output.shape}")


def check_labels(owner, output, target, ignore_index):
    """Refuse class labels that torch would refuse or misread (shape, dtype, range); True where some are ignored."""
    if not isinstance(target, np.ndarray) or target.dtype != np.int64:
        kind = getattr(target, "dtype", type(target).__name__)
        raise TypeError(f"{owner}: expected target as an int64 array, got {kind}; convert it with .astype(np.int64)")
    check_shape(owner, "target", target, output.shape[:1])
    if not isinstance(ignore_index, (int, np.integer)):  # a tuple: to make a union costs more than to ask
        raise TypeError(f"{owner}: expected ignore_index as a whole number, got {ignore_index!r}")
    classes = output.shape[1]
    if target.size == 0:
        return False
    inside = target[target.argmin()] >= 0 and target[target.argmax()] < classes
    if inside and not 0 <= ignore_index < classes:
        return False
    ignored = target == ignore_index
    known = np.where(ignored, 0, target)
    check_range(owner, "target", known, 0, classes - 1, f"output has {classes} classes")
    return bool(ignored.any())


def check_signs(owner, target):
    """Refuse labels that are not −1 or +1 (ValueError), naming the first one; a rounding of them passes."""
    off = target.real * target.real - 1
    strange = np.abs(off) > 16 * np.finfo(target.dtype).eps
    if strange.any():
        raise ValueError(
            f"{owner}: target[{first_index(strange)}] is {target[strange][0]}; "
            "labels are -1 or +1; from labels 0 and 1 make 2 * target - 1"
        )


def check_binary(owner, x, target):
    """Refuse a target that is not one 0 or 1 for every row of x, and an x without rows."""
    check_float(owner, "target", target)
    check_shape(owner, "target", target, (len(x),))
    check_precision(owner, "target", target, "x", x)
    strange = (target != 0) & (target != 1)
    if strange.any():
        raise ValueError(f"{owner}: target[{first_index(strange)}] is {target[strange][0]}; labels are 0 or 1")
    if len(x) == 0:
        raise ValueError(f"{owner}: an empty batch has no loss")


def check_positive(owner, **numbers):
    """Refuse a step size, a threshold … that is not a positive finite number (ValueError)."""
    for name, number in numbers.items():
        if not 0 < number < float("inf"):
            raise ValueError(f"{owner}: expected {name} as a positive finite number, got {number}")


def check_axis(owner, dim):
    """The axis as an int: TypeError for None, which lets torch guess, and for what is no whole number."""
    if dim is None:
        raise TypeError(f"{owner}: dim must be given (torch guesses an axis and warns); pass dim=-1 for the last axis")
    if isinstance(dim, bool) or not isinstance(dim, int | np.integer):
        raise TypeError(f"{owner}: expected dim as a whole number, got {dim!r}")
    return int(dim)


def check_number(owner, **numbers):
    """Refuse a slope, a threshold … that is not a finite number (ValueError)."""
    for name, number in numbers.items():
        if not (isinstance(number, int | float | np.number) and -float("inf") < number < float("inf")):
            raise ValueError(f"{owner}: expected {name} as a finite number, got {number!r}")


def check_count(owner, least, **numbers):
    """Refuse what is not a whole number from `least` up (ValueError); None stands for no limit."""
    for name, number in numbers.items():
        if number is not None and not (isinstance(number, int | np.integer) and number >= least):
            raise ValueError(f"{owner}: expected {name} as a whole number from {least} up, got {number!r}")


def check_layer(owner, position, layer):
    """Refuse what has no forward and backward, and a layer's class in place of a layer (TypeError)."""
    if isinstance(layer, type):
        raise TypeError(
            f"{owner}: argument {position} is the class {layer.__name__}; pass a layer: {layer.__name__}(...)"
        )
    if not (hasattr(layer, "forward") and hasattr(layer, "backward")):
        raise TypeError(f"{owner}: expected layers as arguments, got a {type(layer).__name__} at {position}")


def check_dtype_name(owner, dtype):
    """The dtype to build parameters in: float32 or float64, anything else is refused (TypeError)."""
    dtype = np.dtype(dtype)
    if dtype not in (np.float32, np.float64) or not dtype.isnative:
        raise TypeError(f"{owner}: expected dtype float32 or float64, got {dtype}")
    return dtype


def first_index(mask):
    """The first index where mask holds, as text: `3` or `0, 2`."""
    return ", ".join(str(int(i)) for i in np.argwhere(mask)[0])
