"""Numbers that a variable stands for: the axes of a reduction, how many entries an average is over."""

import ast
from itertools import combinations, combinations_with_replacement

from parity.diagnosis.changes.swaps import function_of
from parity.diagnosis.editing.edits import Span
from parity.diagnosis.editing.source import editable, parsed, segment, text_of
from parity.diagnosis.editing.spelling import sizes_in_reach

MOST = 8  # lengths in reach that are multiplied two by two


def settings(survey):
    """Pairs (Span, code): other values for the variables of the functions at places that hold axes or counts."""
    for code, places in by_code(survey).items():
        tree = parsed(text_of(code.co_filename)) if editable(code.co_filename) else None
        body = list(ast.walk(function_of(tree, code))) if tree is not None else []
        for node in body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Tuple() as value) if is_axis(body, name):
                    yield from ((put(code, value, text), "wrong-axis") for text in other_axes(value))
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if is_count(places, name):
                    yield from ((put(code, value, text), shown(value)) for text in other_counts(places, name))
                    yield put(code, value, "1"), "extra-mean"  # wherever it divides by that, it need not


def shown(value):
    """The code where a count is another: one less, or one more, is a convention."""
    match value:
        case ast.BinOp(op=ast.Sub() | ast.Add(), right=ast.Constant(value=1)):
            return "variance-convention"
    return "wrong-count"


def by_code(survey):
    found: dict = {}
    for place in survey.places:
        found.setdefault(place.site.code, []).append(place)
    return found


def is_axis(body, name):
    """Whether a variable says along which axes something is reduced."""
    keywords = [node for node in body if isinstance(node, ast.keyword) and node.arg in ("axis", "axes")]
    return any(isinstance(node.value, ast.Name) and node.value.id == name for node in keywords)


def is_count(places, name):
    return any(type(turn) is int and turn > 1 for place in places for turn in place.reachable.get(name, ()))


def other_axes(value):
    """Fewer or other axes than those of a tuple, written as one."""
    numbers = ast.literal_eval(value) if all(isinstance(one, ast.Constant) for one in value.elts) else ()
    choices = [axes for n in range(1, 4) for axes in combinations(range(4), n)] if numbers else []
    return [repr(axes) for axes in choices if axes != numbers]


def other_counts(places, name):
    """Lengths of what is in reach before the variable is, and products of two."""
    before = [text for text in sizes_in_reach(places[0]) if not text.startswith(name)][:MOST]
    return [*before, *(f"{a} * {b}" for a, b in combinations_with_replacement(before, 2))]


def put(code, node, new):
    """The Span that writes something else for a node."""
    text = text_of(code.co_filename)
    start, end = segment(text, node)
    return Span(code.co_filename, start, text[start:end], new)
