"""Entries that are picked by another index than they should be: found by editing the source itself."""

import ast

from parity.diagnosis.changes.settings import put
from parity.diagnosis.changes.swaps import function_of
from parity.diagnosis.editing.nodes import numpy_name
from parity.diagnosis.editing.source import editable, parsed, segment, text_of
from parity.diagnosis.editing.writing import spliced


def rows_picked(codes):
    """Pairs (Span, code) that pick one entry of each row, `x[np.arange(len(y)), y]`, where `x[:, y]` stands."""
    for code in sorted(codes, key=lambda code: (code.co_filename, code.co_firstlineno)):
        tree = parsed(text_of(code.co_filename)) if editable(code.co_filename) else None
        numpy = None if tree is None else numpy_name(tree)
        for node in ast.walk(function_of(tree, code)) if numpy else ():
            match node:
                case ast.Subscript(slice=ast.Tuple(elts=[ast.Slice(None, None, None) as rows, ast.Name(id=labels)])):
                    yield put(code, node, with_rows(code, node, rows, f"{numpy}.arange(len({labels}))")), "permuted"


def with_rows(code, node, rows, new):
    """The text of a node with something else for its rows."""
    text = text_of(code.co_filename)
    start, end = segment(text, node)
    return spliced(text[start:end], start, [(*segment(text, rows), new)])
