"""A change as an edit of the user's own source: the expression that stood there, and the one that should."""

import ast
import re
from dataclasses import dataclass
from typing import Any

from parity.diagnosis.changes.change import Named
from parity.diagnosis.editing.nodes import is_function, numpy_name, operands_of
from parity.diagnosis.editing.source import node_at, parents, parsed, segment, text_of
from parity.diagnosis.editing.writing import NoEdit, assembled, expression, filled, shape, spliced

REPEATED = ("np.add.at(A, B, C)", "np.add.at(A, B, C - A[B])")


@dataclass(frozen=True)
class Span:
    """In a file, the text `old` from start on becomes `new`."""

    file: str
    start: int
    old: str
    new: str

    @property
    def place(self):
        """(line from 1, column from 0, in characters) of the start."""
        before = text_of(self.file)[: self.start]
        return before.count("\n") + 1, self.start - (before.rfind("\n") + 1)


def applied(text, spans):
    """A text with all these Spans of it edited."""
    return spliced(text, 0, [(span.start, span.start + len(span.old), span.new) for span in spans])


def span_of(change, texts=None):
    """The Span of a Change; texts: {name of a template: expression} besides. Raises NoEdit where there is none."""
    writer = Writer(change.edits[0].site.file)
    for edit in change.edits:
        writer.plan(edit, texts or {})
    return writer.span()


class Writer:
    """Notes what becomes of nodes of one file, then writes the smallest expression that holds them all."""

    def __init__(self, file):
        self.file, self.text = file, text_of(file)
        self.tree = parsed(self.text)
        if self.tree is None:
            raise NoEdit
        self.numpy = numpy_name(self.tree)
        self.plans: dict = {}

    def plan(self, edit, texts):
        """Note that a node is to be written by the template of an Edit."""
        node: Any = node_at(edit.site) if edit.site.file == self.file else None
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            self.plan_assignment(parents(self.tree)[node], edit, texts)
            return
        operands = [] if node is None else operands_of(node, self.tree)
        template = edit.template
        if edit.operand is not None:
            node, operands = operands[edit.operand] if edit.operand < len(operands) else None, []
        elif isinstance(node, ast.AugAssign):
            node, operands, template = node.value, [], of_augmented(node.op, template)
        self.write(node, template, operands, edit, texts)

    def plan_assignment(self, node, edit, texts):
        """Note what becomes of an assignment to an entry, or of what is assigned."""
        if edit.operand is None:
            self.plans[node] = edit.template
        else:
            self.write(node.value if isinstance(node, ast.Assign) else None, edit.template, [], edit, texts)

    def write(self, node, template, operands, edit, texts):
        if not isinstance(node, ast.expr):
            raise NoEdit
        named = {name: value.text for name, value in edit.values.items() if isinstance(value, Named)}
        self.plans[node] = template, dict(zip("ABC", operands, strict=False)), named | texts

    def span(self):
        """The Span of everything that is planned."""
        node = self.common()
        start, end = segment(self.text, node)
        new = self.assignment(node) if isinstance(node, ast.stmt) else self.written(node)
        if isinstance(node, ast.expr):
            wanted = shape(self.tree, {node: expression(new)})
            before, after = self.text[:start], self.text[end:]
            whole = assembled(lambda parts: f"{before}{parts[0]}{after}", [new], wanted, ast.parse)
            new = whole[start : len(whole) - len(after)]
        return Span(self.file, start, self.text[start:end], new)

    def common(self):
        """The innermost expression that holds all that is planned, or the statement that is."""
        up, chains = parents(self.tree), []
        for node in self.plans:
            chain = [node]
            while not isinstance(chain[-1], ast.stmt):
                chain.append(up[chain[-1]])
            chains.append([one for one in chain if isinstance(one, ast.expr) or one in self.plans])
        shared = [one for one in chains[0] if all(one in chain for chain in chains)]
        if not shared:
            raise NoEdit
        return shared[0]

    def written(self, node):
        """The new text of a node."""
        if node not in self.plans:
            return self.unchanged(node)
        template, operands, texts = self.plans[node]
        parts = {"E": self.unchanged(node)} if re.search(r"\bE\b", template) else {}
        parts |= {name: self.written(one) for name, one in operands.items() if re.search(rf"\b{name}\b", template)}
        if isinstance(node, ast.List | ast.Tuple):
            parts |= {f"E{i}": self.written(item) for i, item in enumerate(node.elts)}
        return filled(self.in_their_style(template, node), parts | texts)

    def in_their_style(self, template, node):
        """With the user's own name of NumPy, and np.sum(x) where they do not write x.sum()."""
        if isinstance(node, ast.Call) and is_function(node.func, self.tree):
            template = re.sub(r"^A\.(\w+)\((.*)\)$", lambda m: f"np.{m[1]}(A{', ' * bool(m[2])}{m[2]})", template)
        if "np." in template and self.numpy is None:
            raise NoEdit
        return re.sub(r"\bnp\.", f"{self.numpy}.", template)

    def unchanged(self, node):
        """The text of a node with what is planned inside it written anew."""
        start, end = segment(self.text, node)
        inside = [one for one in ast.walk(node) if one in self.plans and one is not node]
        tops = [one for one in inside if not any(one in ast.walk(other) for other in inside if other is not one)]
        news, spans = [self.written(one) for one in tops], [segment(self.text, one) for one in tops]
        wanted = shape(node, {one: expression(new) for one, new in zip(tops, news, strict=True)})

        def write(parts):
            pieces = [(first, last, part) for (first, last), part in zip(spans, parts, strict=True)]
            return spliced(self.text[start:end], start, pieces)

        return assembled(write, news, wanted, expression) if tops else self.text[start:end]

    def assignment(self, node):
        """An assignment to an entry as one that adds, or that adds each time an index is repeated."""
        target = (
            node.targets[0]
            if isinstance(node, ast.Assign) and len(node.targets) == 1
            else getattr(node, "target", None)
        )
        if not isinstance(target, ast.Subscript):
            raise NoEdit
        texts = [self.text[slice(*segment(self.text, one))] for one in (target, target.value, target.slice, node.value)]
        whole, array, key, value = texts
        if self.plans[node] not in REPEATED:
            return f"{whole} += {value}"
        if self.numpy is None:
            raise NoEdit
        if any(isinstance(part, ast.Slice) for part in ast.walk(target.slice)):
            key = f"{self.numpy}.s_[{key}]"
        elif isinstance(target.slice, ast.Tuple) and not key.startswith("("):
            key = f"({key})"
        return f"{self.numpy}.add.at({array}, {key}, {value})"


def of_augmented(operator, template):
    """A change of the result of `x *= y` as one of y. Raises NoEdit where it is none."""
    kind = type(operator)
    if kind in (ast.Mult, ast.Div):
        inverse = {"E * ": "E / ", "E / ": "E * "}.get(template[:4])
        if template in ("A", "-E"):
            return "1" if template == "A" else template
        if inverse:
            return template if kind is ast.Mult else inverse + template[4:]
    if kind in (ast.Add, ast.Sub):
        plus = kind is ast.Add
        found = {"A": "0", "A - B": "-E", "A + B": "-E", "E + V": "E + V" if plus else "E - V"}
        if template in found:
            return found[template]
    raise NoEdit
