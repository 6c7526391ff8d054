"""Arrays within tuples, lists and dicts, as functions take and return them."""


def mapped(function, value):
    """value with every leaf of its tuples, lists and dicts put through function."""
    kind = type(value)
    if kind is tuple or kind is list:
        return kind([mapped(function, item) for item in value])
    if kind is dict:
        return {key: mapped(function, item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return kind(*[mapped(function, item) for item in value])
    return function(value)


def leaves(value):
    """The leaves of a value, in order."""
    found: list = []
    mapped(found.append, value)
    return found
