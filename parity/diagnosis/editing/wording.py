"""What a finding says: the edit in a few words, then why, for a student."""

import ast

from parity.diagnosis.changes.change import Given, Named, Recorded
from parity.diagnosis.editing.source import node_at, segment, statement_node, text_of

REASONS = {
    "sign-flipped": "the sign is the wrong way round",
    "missing-mean": "the loss is a mean, and this is the gradient of the sum",
    "missing-mean, within": "the forward pass takes a mean, and a factor 1 over its number of entries is missing here",
    "extra-mean": "the mean is taken once too often",
    "wrong-count": "the average is over another number of entries",
    "constant-factor": "a constant factor was lost or invented",
    "transposed": "it is transposed",
    "permuted": "entries or arrays are in each other's places",
    "kernel-flipped": "the kernel is reversed, convolution for correlation or back",
    "activation-derivative-missing": "the derivative of {function} is missing",
    "activation-derivative-twice": "the derivative of {function} is in the gradient already",
    "activation-derivative-wrong-input": "the derivative of {function} is fed with the wrong variable",
    "activation-derivative-wrong": "this is not the derivative of {function}",
    "mask-wrong": "the mask is another, or missing",
    "one-hot-missing": "softmax and cross-entropy together give p minus the one-hot target",
    "wrong-axis": "the axis is another",
    "bias-not-summed": "every row of the batch adds to the gradient of a bias",
    "bias-averaged": "the gradient of a bias is the sum over the batch, not its mean",
    "broadcast-not-reduced": "what was broadcast in the forward pass must be summed over, along those axes alone",
    "path-missing": "another path adds to this gradient as well",
    "duplicate-index": "an index that comes twice counts twice",
    "window-edge": "the windows lie elsewhere",
    "statistics-constant": "the statistics depend on the inputs as well",
    "centring-term-missing": "mean and variance each take a term out of the gradient, and one of them is missing",
    "softmax-diagonal": "every output of a softmax depends on all of its inputs",
    "clip-mismatch": "the forward pass clips, the gradient does not",
    "variance-convention": "the variance divides by another number, or has its ε elsewhere",
    "scale-missing": "the scale of the forward pass is a factor of this gradient",
    "time-truncated": "the gradient of the next step is not carried back",
    "time-shifted": "the value is that of the neighbouring step",
    "updated-weights": "the weights were changed before the gradient passed through them",
    "upstream-ignored": "the upstream gradient is not used",
    "variant-mismatch": "forward and backward are two variants of {function}",
    "shape-mismatch": "the shape is another",
    "low-precision": "digits are lost in a narrower type",
    "unknown": "the mistake has no name",
}
LONGEST = 72  # characters of an expression in a sentence
OWN_WORDS = {
    "derivative": "multiply by {V}",
    "times": "multiply by {V}",
    "over": "divide by {V}",
    "derivative out": "divide by {V}",
}


def read_out(span):
    """An edit word by word."""
    return f"write {one_line(span.new)} for {one_line(span.old)}"


def edit_in_words(change, span):
    """The change for a person: `multiply by 1 - h**2`; empty where there is no more to say than why."""
    value = value_in_words(change)
    if change.kind in OWN_WORDS:
        return OWN_WORDS[change.kind].format(V=value)
    if change.kind == "add":
        return f"{'add' if '+' in change.edits[0].template else 'subtract'} {value}"
    if span is not None:
        return read_out(span)
    if change.kind == "scale" and not change.note["size"].powers:
        return f"multiply by {change.note['size'].constant:.6g}"
    if change.kind in ("exchange", "derivative for", "original"):
        return f"use {value} instead"
    return GENERAL.get(change.kind, "")


GENERAL = {
    "sign": "flip the sign",
    "transpose": "transpose",
    "flip": "reverse the order of entries",
    "order": "change the order",
    "drop": "leave out the factor",
    "drop term": "leave out the term",
    "scale": "multiply by the factor",
    "axis": "reduce over the other axis",
    "count": "take the sum for the mean, or the mean for the sum",
    "sum": "sum over the axis that is left",
    "rows": "sum over all rows",
    "accumulate": "add instead of assigning",
    "add.at": "add for every index",
    "mask": "change the comparison",
    "invert": "multiply where it divides, or divide where it multiplies",
    "drop function": "leave out the function",
    "softmax": "use the whole Jacobian of softmax",
    "convolve": "reverse the kernel",
    "path": "add the term that is missing",
    "clip": "clip the result",
    "one-hot": "subtract the one-hot target",
}


def value_in_words(change):
    """What the change brings in, as an expression with the user's names where there are any."""
    factor = change.note.get("factor")
    value = factor.value if factor is not None else change.edits[-1].values.get("V")
    if isinstance(value, Named):
        name = value.text
    elif isinstance(value, Recorded):
        name = name_of(value.site)
    else:
        name = f"{value.name} as it was given" if isinstance(value, Given) else ""
    if factor is None:
        return name
    text = "".join(name if letter == "V" else letter for letter in factor.expression)
    text = text[1:-1] if text.startswith("(") and expression_closes(text) else text
    return f"{text}, where {name} is what {value.site!r} computes" if isinstance(value, Recorded) else text


def expression_closes(text):
    """Whether the parenthesis that a text begins with closes at its very end."""
    depth = 0
    for i, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth == 0:
            return i == len(text) - 1
    return False


def name_of(site):
    """The variable that the statement of a site assigns; `a` where it is none."""
    statement, text = statement_node(site), text_of(site.file)
    named = isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name | ast.Attribute)
    if named and node_at(site) is statement.value:
        return text[slice(*segment(text, statement.targets[0]))]
    return "a"


def reason(code, function):
    return REASONS[code].format(function=function or "the activation")


def one_line(text):
    """A text on one line, the middle of a long one left out."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"
