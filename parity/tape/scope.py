"""What a line of the user's code can reach by name: {expression: number or array}, from its local variables."""

from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

import numpy as np

DEPTH = 3  # self.cache["steps"][0]
LONGEST = 8  # a longer list is a sequence, whose entries are reached by an index that the code counts
NUMBERS = (np.ndarray, np.floating, float, int)
NO_PART = (ModuleType, FunctionType, MethodType, BuiltinFunctionType, type, str, bytes, np.random.Generator)


def reachable(frame):
    """{expression: value} of the numbers and arrays that a frame can name now, the simplest names first."""
    found: dict = {}
    local = {name: value for name, value in frame.f_locals.items() if name.isidentifier()}
    for name, value in local.items():
        collect(found, name, value, DEPTH)
    counters = [name for name, value in local.items() if type(value) is int]
    for text, value in list(sequences(local)):
        for counter in counters:
            for index in (counter, f"{counter} - 1", f"{counter} + 1"):
                collect_entry(found, text, value, index, local[counter] + {"-": -1, "+": 1}.get(index[-3:-2], 0))
    return dict(sorted(found.items(), key=lambda item: complexity(item[0])))


def complexity(text):
    """How much there is to read in a name: its dots and brackets, then its length."""
    return text.count(".") + text.count("[") + text.count(" "), len(text)


def collect(found, text, value, depth):
    """Add the numbers that a value is or holds, under the expressions that lead to them."""
    if isinstance(value, NUMBERS) or (isinstance(value, tuple) and all(type(item) is int for item in value)):
        found.setdefault(text, value)
    if depth and not isinstance(value, NUMBERS):
        for step, part in parts(value):
            collect(found, text + step, part, depth - 1)


def parts(value):
    """Pairs (".name" or "[index]", what is there) of what an object, a dict or a short list holds."""
    if isinstance(value, dict):
        return [(f'["{key}"]' if type(key) is str else f"[{key}]", value[key]) for key in value if simple(key)]
    if isinstance(value, tuple | list):
        return [(f"[{i}]", item) for i, item in enumerate(value)] if len(value) <= LONGEST else []
    if isinstance(value, NO_PART):
        return []
    constants = {name: part for kind in reversed(type(value).__mro__) for name, part in vars(kind).items()}
    constants = {name: part for name, part in constants.items() if isinstance(part, int | float | np.ndarray)}
    return [(f".{name}", part) for name, part in (constants | getattr(value, "__dict__", {})).items()]


def simple(key):
    return type(key) is int or (type(key) is str and '"' not in key and "\\" not in key)


def sequences(local):
    """Pairs (expression, list or array) of what can be indexed by a step in time or a layer's number."""
    for name, value in local.items():
        for step, part in [("", value), *(parts(value) if not isinstance(value, tuple | list | np.ndarray) else [])]:
            if isinstance(part, list | tuple | dict) or (isinstance(part, np.ndarray) and part.ndim > 1):
                yield name + step, part


def collect_entry(found, text, value, index, number):
    """Add value[number], and for an array value[:, number], under the expressions with that index."""
    if isinstance(value, dict):
        if number in value:
            collect(found, f"{text}[{index}]", value[number], 1)
        return
    length = len(value)
    if -length <= number < length:
        collect(found, f"{text}[{index}]", value[number], 1)
    if isinstance(value, np.ndarray) and -value.shape[1] <= number < value.shape[1]:
        collect(found, f"{text}[:, {index}]", value[:, number], 0)
