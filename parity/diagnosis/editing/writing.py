"""Writes Python expressions out of parts, with parentheses where they are needed and only there."""

import ast
import functools
import re
from itertools import product

PLACEHOLDER = r"(?<!\.)\b[A-Z]\d?\b"  # the names of a template, and not the T of x.T


class NoEdit(Exception):
    """A change cannot be written as one expression of the user's source."""


@functools.lru_cache(maxsize=1024)
def expression(text):
    """The tree of an expression. Raises NoEdit for what is none."""
    try:
        return ast.parse(f"({text}\n)", mode="eval").body
    except SyntaxError:
        raise NoEdit from None


def shape(node, swaps=None):
    """A tree as nested tuples, to compare; swaps: {node, or name of a variable: the tree in its place}."""
    swaps = swaps or {}
    if isinstance(node, list):
        return [shape(item, swaps) for item in node]
    if not isinstance(node, ast.AST):
        return node
    swapped = swaps.get(node.id if isinstance(node, ast.Name) and node.id in swaps else node)
    if swapped is not None:
        return shape(swapped)
    fields = [(name, value) for name, value in ast.iter_fields(node) if name not in ("ctx", "kind", "type_comment")]
    return type(node).__name__, [(name, shape(value, swaps)) for name, value in fields]


def assembled(write, parts, wanted, parse):
    """write(parts) with as few of them in parentheses as give the wanted shape when parsed. Raises NoEdit if none."""
    ways = sorted(product((False, True), repeat=len(parts)), key=sum)
    for way in ways:
        text = write([f"({part})" if enclosed else part for part, enclosed in zip(parts, way, strict=True)])
        try:
            if shape(parse(text)) == wanted:
                return text
        except (NoEdit, SyntaxError):
            continue
    raise NoEdit


def filled(template, parts):
    """A template with its names replaced by the texts of parts."""
    template, parts = simplified(template, parts)
    names = re.findall(PLACEHOLDER, template)
    if missing := set(names) - parts.keys():
        raise NoEdit(missing)
    wanted = shape(expression(template), {name: expression(parts[name]) for name in names})

    def write(texts):
        given = iter(texts)
        return re.sub(PLACEHOLDER, lambda _: next(given), template)

    return assembled(write, [parts[name] for name in names], wanted, expression)


def simplified(template, parts):
    """Without two transpositions in a row, and with `y - x` for `-x + y`."""
    parts = dict(parts)
    if template == "E + V" and parts["E"].startswith("-") and isinstance(expression(parts["E"]), ast.UnaryOp):
        return "V - E", parts | {"E": parts["E"][1:]}
    for name, text in list(parts.items()):
        if re.search(rf"\b{name}\.T\b", template) and is_transposed(text):
            template = re.sub(rf"\b{name}\.T\b", f"{name}9", template)
            parts[f"{name}9"] = text[: -len(".T")]
    return template, parts


def is_transposed(text):
    tree = expression(text)
    return isinstance(tree, ast.Attribute) and tree.attr == "T" and text.endswith(".T")


def spliced(text, start, pieces):
    """A text that starts at an offset, with each (first, last, new) of pieces replaced."""
    out, at = [], 0
    for first, last, new in sorted(pieces):
        out += [text[at : first - start], new]
        at = last - start
    return "".join([*out, text[at:]])
