"""Values that the user's code passes on as they are: `dz = dy`, `return da, {}`, `slope(z)`.

No operation marks such a place, yet one may be missing there. While a subject is examined, its functions run compiled
from the same source with each such expression inside a call that tells the tape (Tape.read) and hands the value on.
"""

import ast
import builtins
from contextlib import contextmanager

from parity.diagnosis.editing.source import (
    codes_seen,
    counterpart,
    editable,
    functions_of,
    parsed,
    replaced,
    text_of,
)
from parity.tape.taped import TapedArray

READ = "__handgrad_read__"


@contextmanager
def reads_noted(run):
    """Inside, the editable functions that run() goes through note what they pass on by name alone.

    Yields all functions that run() goes through.
    """
    codes: set = set()
    with codes_seen(codes):
        run()
    noting = noting_codes(codes)
    functions = functions_of(codes)
    with replaced(noting, functions):
        setattr(builtins, READ, read)
        try:
            yield functions
        finally:
            delattr(builtins, READ)


def read(value):
    return value.tape.read(value) if isinstance(value, TapedArray) else value


def noting_codes(codes):
    """{code: the same function with its reads noted} for what can be compiled again from its source."""
    modules, found = {}, {}
    for code in codes:
        file = code.co_filename
        if file not in modules:
            modules[file] = noting_module(file) if editable(file) else None
        other = None if modules[file] is None else counterpart(code, modules[file])
        if other is not None:
            found[code] = other
    return found


COMPILED: dict = {}


def noting_module(file):
    """A file compiled with its reads noted, once for each text; None where it is no Python."""
    text = text_of(file)
    if (file, text) not in COMPILED:
        tree = None if parsed(text) is None else ast.fix_missing_locations(Reads().visit(ast.parse(text)))
        COMPILED[file, text] = None if tree is None else compile(tree, file, "exec", dont_inherit=True)
    return COMPILED[file, text]


class Reads(ast.NodeTransformer):
    """Puts every name, entry or function's value that is assigned, returned or handed on as it is into a call."""

    def visit_Assign(self, node):
        node.value = self.carried(node.value)
        return node

    def visit_Return(self, node):
        node.value = None if node.value is None else self.carried(node.value)
        return node

    def visit_Call(self, node):
        node.func = self.visit(node.func)
        marked = named_in_numpy(node.func) and getattr(node.func, "attr", "") != "at"  # by an operation with a result
        carry = self.visit if marked else self.carried
        node.args = [carry(argument) for argument in node.args]
        for keyword in node.keywords:
            keyword.value = carry(keyword.value)
        return node

    def carried(self, node):
        called = isinstance(node, ast.Call) and not named_in_numpy(node.func)
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) or called:
            return self.noted(self.visit(node))
        if isinstance(node, ast.Tuple | ast.List):
            node.elts = [self.carried(item) for item in node.elts]
            return node
        if isinstance(node, ast.Dict):
            node.values = [self.carried(item) for item in node.values]
            return node
        return self.visit(node)

    def noted(self, node):
        called = ast.Name(READ, ast.Load())
        return ast.copy_location(ast.Call(ast.copy_location(called, node), [node], []), node)


def named_in_numpy(function):
    """Whether a call goes to NumPy, by its usual names."""
    while isinstance(function, ast.Attribute):
        function = function.value
    return isinstance(function, ast.Name) and function.id in ("np", "numpy")
