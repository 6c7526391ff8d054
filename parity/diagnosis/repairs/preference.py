"""Which of several changes that do the same is told: the simplest, and the nearest to where the mistake may be."""

import ast

import numpy as np

from parity.diagnosis.changes.change import Given, Recorded
from parity.diagnosis.changes.sizes import equal
from parity.diagnosis.editing.edits import span_of
from parity.diagnosis.editing.nodes import operands_of
from parity.diagnosis.editing.source import node_at, parents, statement_node, tree_of
from parity.diagnosis.editing.spelling import shapes, spellings
from parity.diagnosis.editing.writing import NoEdit
from parity.tape.operations import as_number
from parity.tape.reads import named_in_numpy

FORWARD = 0.8  # what forward keeps for backward is touched only where nothing near is as simple
CALLED = 0.06  # what is wrong with a call, or with what is returned, is put right within, where that does as well
UNWRITTEN = 0.5  # what is one edit of the source is told better
UNREACHABLE = 0.6  # a value that no name reaches costs more than one edit


def preference(survey, hold):
    """What to sort Holds by: how far-fetched they are, then the order of the run; of one statement its whole first.

    A derivative belongs into the class that computes the function; of two equal factors the later one is the surplus;
    what scales early in the forward pass scales late in backward, and the terms of a statistic come at its end. A line
    that gives a value another name and does nothing else lacks something more likely than one that does something.
    """
    if hold.change is None:
        return ()
    change, place = hold.change, survey.place_of(hold.change.site)
    pair = change.note.get("pair")
    strange = pair is not None and owner(pair.site) != owner(change.site)
    statement = survey.statement(place)[-1].event.index
    late = change.kind in ("drop", "projection") or scaled_early(survey, change)
    idle = place.name == "read" and is_alias(change.site)
    return rank(survey, change), strange, not idle, -statement if late else statement, -place.event.index


def scaled_early(survey, change):
    """Whether the forward pass multiplies or divides by the factor of a change before it comes to an output."""
    if "size" not in change.note:
        return False
    factor = change.note["size"].value(shapes(survey.trial))
    for event in survey.tape.events:
        if event.phase == "forward" and event.name in ("multiply", "divide"):
            numbers = filter(None, map(as_number, event.operands))
            if any(equal(n, factor) or equal(n * factor, 1.0) for n in numbers):
                outputs = [out for (kind, _), out in survey.results.items() if kind == "output"]
                return not any(np.array_equal(event.result, out) for out in outputs)
    return False


def rank(survey, change):
    """How far-fetched a change is at its place."""
    found = change.rank + UNREACHABLE * unreachable(change)
    if survey.place_of(change.site).event.phase == "forward" and not survey.trial.hand.joint:
        found += FORWARD
    if is_users_call(replaced_node(change)) or is_argument(change.site) or is_returned(change.site):
        found += CALLED
    return round(found if writable(survey, change) else found + UNWRITTEN, 6)


def unreachable(change):
    values = [value for edit in change.edits for value in edit.values.values()]
    return any(isinstance(value, Recorded | Given) for value in values)


def writable(survey, change):
    """Whether a change can be written as an edit of the source."""
    for spelt, texts in spellings(change, survey.place_of(change.site), survey.trial):
        try:
            span_of(spelt, texts)
        except NoEdit:
            continue
        return True
    return False


def replaced_node(change):
    """What another value is put for; None for changes that keep the value, or where the source is not at hand."""
    edit = change.edits[-1]
    node = node_at(edit.site) if change.kind in ("exchange", "zeros") else None
    if node is None or edit.operand is None:
        return node
    operands = operands_of(node, tree_of(edit.site))
    return operands[edit.operand] if edit.operand < len(operands) else None


def is_argument(site):
    """Whether a site is what a function of the user's is handed as it is."""
    node = node_at(site)
    up = None if node is None else parents(tree_of(site)).get(node)
    return isinstance(up, ast.Call) and is_users_call(up) and node in up.args and not isinstance(node, ast.Call)


def is_alias(site):
    """Whether a site is all that an assignment assigns."""
    statement = statement_node(site)
    return isinstance(statement, ast.Assign) and statement.value is node_at(site)


def is_returned(site):
    """Whether a site is a name that is returned."""
    return isinstance(node_at(site), ast.Name) and isinstance(statement_node(site), ast.Return)


def is_users_call(node):
    return isinstance(node, ast.Call) and not named_in_numpy(node.func)


def owner(site):
    """The class that a function belongs to."""
    return site.code.co_qualname.rpartition(".")[0]
