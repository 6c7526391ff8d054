"""What a subject returned: as arrays of numbers under keys, or refused in a few words."""

import numpy as np

from parity.subjects.raised import ContractBroken


def keyed_outputs(outputs):
    """{("output", name): array}."""
    return arrays_only({("output", name): array for name, array in name_outputs(outputs).items()})


def arrays_only(results):
    """The results without the gradients that are None; TypeError for one that is no array of numbers."""
    for (kind, name), value in results.items():
        if value is not None and not is_numeric(value):
            what = "the output" if kind == "output" else f"the gradient by {name}"
            raise ContractBroken(f"expected arrays of numbers, got for {what} {described(value)}")
    return {key: value for key, value in results.items() if value is not None}


def is_numeric(value):
    """Whether a value is an array of numbers, or can be made one; no tensor is."""
    try:
        return not hasattr(value, "detach") and np.asarray(value).dtype.kind in "fciub"
    except ValueError:  # of arrays of several shapes
        return False


def described(value):
    """What was returned, in a few words: `an array of shape (5, 3)`, `a tuple of 3`, `None`."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    if isinstance(value, tuple):
        return f"a tuple of {', '.join(type(item).__name__ for item in value)}"
    return "None" if value is None else f"a {type(value).__name__}"


def precision(arrays):
    """The dtype of the first float array; float64 where there is none."""
    return next((array.dtype for array in arrays.values() if array.dtype.kind == "f"), np.dtype(float))


def as_tuple(value):
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def opened(value):
    """What was returned as a flat tuple: `output, (h_n, c_n)`, as torch nests states, is three outputs."""
    if isinstance(value, tuple | list):
        return tuple(leaf for item in value for leaf in (opened(item) if isinstance(item, tuple | list) else (item,)))
    return value


def name_outputs(outputs):
    """{name: array}: `output`, or `output 0`, `output 1` where there are several."""
    names = ["output"] if len(outputs) == 1 else [f"output {i}" for i in range(len(outputs))]
    return dict(zip(names, outputs, strict=True))
