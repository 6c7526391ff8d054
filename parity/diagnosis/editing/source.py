"""The user's source: its text, its tree, the expression at a site, and the code that an edited text compiles to."""

import ast
import functools
import gc
import linecache
import sys
import sysconfig
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FunctionType

import scratch
from parity.places import lines_of

LIBRARIES = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
OURS = str(Path(scratch.__file__).parent)


def editable(file):
    """Whether a file is the user's to change: no library's, and its text is at hand."""
    return (not file.startswith(LIBRARIES) or file.startswith(OURS)) and bool(linecache.getlines(file))


def text_of(file):
    linecache.checkcache(file)
    return "".join(linecache.getlines(file))


@functools.lru_cache(maxsize=1024)
def parsed(text):
    """The tree of a text; None where it is no Python."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def tree_of(site):
    """The tree of the file that a site stands in; None where its source is not at hand."""
    return parsed(text_of(site.file)) if editable(site.file) else None


def node_at(site):
    """The expression, or the statement with its own operator, that a site stands for; None where it is not found."""
    tree = tree_of(site)
    return None if tree is None or None in site.positions else nodes_by_span(tree).get(span_of(site))


def span_of(site):
    line, end, column, end_column = site.positions
    return line, column, end, end_column


@functools.lru_cache(maxsize=64)
def nodes_by_span(tree):
    """{(line, column, end line, end column): node}; of nodes with the same span the innermost."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.expr | ast.AugAssign):
            found[node.lineno, node.col_offset, node.end_lineno, node.end_col_offset] = node
    return found


@functools.lru_cache(maxsize=64)
def parents(tree):
    """{node: the node that holds it}."""
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}


def statement_of(tree, node):
    """The statement that an expression stands in."""
    while not isinstance(node, ast.stmt):
        node = parents(tree)[node]
    return node


def statement_node(site):
    """The statement that a site stands in; None where the source is not at hand."""
    node = node_at(site)
    return None if node is None else statement_of(tree_of(site), node)


def statement_line(site):
    """The first line of the statement that a site stands in; its own line where the source is not at hand."""
    node = statement_node(site)
    return site.line if node is None else node.lineno


def offset_of(text, line, column):
    """Where in the text a line (from 1) and a column (from 0, in UTF-8 bytes) are."""
    lines = lines_of(text)
    return sum(map(len, lines[: line - 1])) + len(lines[line - 1].encode()[:column].decode())


def segment(text, node):
    """(start, end) of a node in the text."""
    return offset_of(text, node.lineno, node.col_offset), offset_of(text, node.end_lineno, node.end_col_offset)


def codes_in(code):
    """A code object and all those of the functions defined in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes_in(constant)


def counterpart(code, module):
    """The code object of the same function in another compilation of its file; None where that is not clear."""
    found = [
        other
        for other in codes_in(module)
        if (other.co_qualname, other.co_firstlineno, other.co_freevars)
        == (code.co_qualname, code.co_firstlineno, code.co_freevars)
        and other.co_varnames[: other.co_argcount] == code.co_varnames[: code.co_argcount]
    ]
    return found[0] if len(found) == 1 else None


@contextmanager
def codes_seen(found):
    """Inside, the code objects of every Python function that is entered are added to the set `found`."""
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, _: found.add(frame.f_code) if event == "call" else None)
    try:
        yield
    finally:
        if before is None or callable(before):
            sys.setprofile(before)
        else:  # cProfile's, up to Python 3.11, is no function
            before.enable()


def functions_of(codes):
    """The functions that run one of these code objects: a search through all that lives, so not one for every edit."""
    return [found for found in gc.get_referrers(*codes) if isinstance(found, FunctionType) and found.__code__ in codes]


@contextmanager
def replaced(codes, functions):
    """Inside, each of these functions that runs a code object of {code: other} runs the other one."""
    functions = [function for function in functions if function.__code__ in codes]
    before = [function.__code__ for function in functions]
    try:
        for function, code in zip(functions, before, strict=True):
            function.__code__ = codes[code]
        yield
    finally:
        for function, code in zip(functions, before, strict=True):
            function.__code__ = code
