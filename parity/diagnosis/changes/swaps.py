"""Two entries of a tuple, a list, a dict or a call in each other's places: found by editing the source itself."""

import ast
from itertools import combinations

from parity.diagnosis.editing.edits import Span
from parity.diagnosis.editing.source import editable, parsed, segment, text_of

LONGEST = 6  # entries that are exchanged two by two


def swaps(codes):
    """Pairs (Span, code) that exchange two entries somewhere in the functions that these code objects belong to."""
    for code in sorted(codes, key=lambda code: (code.co_filename, code.co_firstlineno)):
        tree = parsed(text_of(code.co_filename)) if editable(code.co_filename) else None
        for node in ast.walk(function_of(tree, code)) if tree is not None else ():
            for first, second in combinations(entries(node), 2):
                span = swapped(code.co_filename, node, first, second)
                if span.old != span.new:
                    yield span, "permuted"


def function_of(tree, code):
    """The function of a code object; an empty module where it is not found."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and code.co_firstlineno in (
            node.lineno,
            *(one.lineno for one in node.decorator_list),
        ):
            return node
    return ast.Module([], [])


def entries(node):
    """The expressions that a node holds side by side."""
    match node:
        case ast.Tuple(elts=found, ctx=ast.Load()) | ast.List(elts=found, ctx=ast.Load()):
            pass
        case ast.Dict(values=found) | ast.Call(args=found):
            pass
        case _:
            return []
    return found if len(found) <= LONGEST and not any(isinstance(one, ast.Starred) for one in found) else []


def swapped(file, node, first, second):
    """The Span of a node with two of its entries exchanged."""
    text = text_of(file)
    start, end = segment(text, node)
    (a, b), (c, d) = segment(text, first), segment(text, second)
    new = text[start:a] + text[c:d] + text[b:c] + text[a:b] + text[d:end]
    return Span(file, start, text[start:end], new)
