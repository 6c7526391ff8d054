"""What the nodes of the user's tree stand for: operands in the tape's order, functions and methods, NumPy's name."""

import ast

from parity.diagnosis.editing.source import node_at, parents, segment, text_of, tree_of


def operands_of(node, tree):
    """The nodes of an operation's operands, in the order of the tape."""
    match node:
        case ast.BinOp():
            return [node.left, node.right]
        case ast.UnaryOp():
            return [node.operand]
        case ast.Compare():
            return [node.left, *node.comparators]
        case ast.Attribute() | ast.Subscript():
            return [node.value]
        case ast.AugAssign():
            return [node.target, node.value]
        case ast.Call(func=ast.Attribute() as function) if not is_function(function, tree):
            return [function.value, *node.args]
        case ast.Call():
            return list(node.args)
    return []


def operand_text(site, k):
    """An operand of the operation at a site as it stands in the source; None where it does not stand there."""
    node = node_at(site)
    operands = [] if node is None else operands_of(node, tree_of(site))
    return text_of(site.file)[slice(*segment(text_of(site.file), operands[k]))] if k < len(operands) else None


def is_function(node, tree):
    """Whether what is called is a function, of a module or by its own name, and no method of an array."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and (
        node.id in imported(tree) or not isinstance(parents(tree)[node], ast.Attribute)
    )


def imported(tree):
    """The names that import statements bind anywhere in a file."""
    return {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def numpy_name(tree):
    """What a file calls NumPy; None where it does not import it as a whole."""
    imports = [alias for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return next((alias.asname or alias.name for alias in imports if alias.name == "numpy"), None)
