"""A whole number that is one off: a stride, the start or end of a slice or of a loop. Found by editing the source."""

import ast

from parity.diagnosis.changes.settings import by_code
from parity.diagnosis.changes.swaps import function_of
from parity.diagnosis.editing.edits import Span
from parity.diagnosis.editing.source import editable, parents, parsed, segment, text_of
from parity.diagnosis.editing.writing import spliced
from parity.diagnosis.structure.evidence import Evidence
from parity.diagnosis.structure.relations import windowed

MOST = 40  # numbers that are tried
COUNTING = ("range", "arange", "roll", "pad")  # functions that take numbers of places


def numbers_off(survey):
    """Pairs (Span, code) that write n − 1 or n + 1 for a number in the functions at places."""
    found = [
        (code, tree, node)
        for code in by_code(survey)
        if editable(code.co_filename) and (tree := parsed(text_of(code.co_filename))) is not None
        for node in numbers(function_of(tree, code))
    ]
    name = "window-edge" if found and windowed(Evidence(survey.trial)) else "unknown"
    for code, tree, node in found[:MOST]:
        yield from ((off(code.co_filename, tree, node, step), name) for step in (-1, 1))


def off(file, tree, node, step):
    """The Span of what a number stands in, a call or an index, with that number one off."""
    text, whole = text_of(file), parents(tree)[node]
    while not isinstance(whole, ast.Call | ast.Subscript | ast.BinOp):
        whole = parents(tree)[whole]
    (start, end), number = segment(text, whole), segment(text, node)
    old = text[start:end]
    return Span(file, start, old, spliced(old, start, [(*number, str(node.value + step))]))


def numbers(function):
    """The whole numbers that count places: in slices, in a range, as factors or terms of what is no constant."""
    for node in ast.walk(function):
        match node:
            case ast.Slice():
                parts = [node.lower, node.upper, node.step]
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=parts) if name in COUNTING:
                pass
            case ast.BinOp(op=ast.Mult() | ast.Add() | ast.Sub(), left=left, right=right):
                parts = [left, right]
            case _:
                continue
        parts = [part.operand if isinstance(part, ast.UnaryOp) else part for part in parts]
        yield from (part for part in parts if isinstance(part, ast.Constant) and type(part.value) is int)
