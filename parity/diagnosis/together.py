"""One mistake, one finding: findings that say the same of several gradients are told once."""

from dataclasses import replace

from parity.diagnosis.makers import in_backward_order

RESTS = (":", " is ")  # what may follow "gradient by W" for several gradients as well


def together(findings, trial):
    """The findings, those of one code that differ in their rows alone as one that names them all.

    It stands where the first of them did, and has the place that backward reaches first. What comes with a repair is
    about that edit, and stays.
    """
    groups: dict = {}
    for finding in dict.fromkeys(findings):
        key = finding if finding.repair or not finding.row else (finding.code, finding.confidence, *said_of(finding))
        groups.setdefault(key, []).append(finding)
    return [group[0] if len(group) == 1 else joined(in_backward_order(group, trial)) for group in groups.values()]


def said_of(finding):
    """(whether the sentence begins with the gradient that it is about, the rest of it)."""
    for rest in RESTS:
        if finding.sentence.startswith(f"gradient by {finding.row}{rest}"):
            return True, finding.sentence.removeprefix(f"gradient by {finding.row}")
    return False, finding.sentence


def joined(findings):
    """Findings that say the same as one: the first, with the rows of the others."""
    rows = list(dict.fromkeys(row for finding in findings for row in (finding.row, *finding.also)))
    of_rows, rest = said_of(findings[0])
    if of_rows and len(rows) > 1:
        verb = " are ".join(rest.split(" is ", 1)) if rest.startswith(" is ") else rest
        rest = f"gradients by {', '.join(rows[:-1])} and {rows[-1]}{verb}"
    return replace(findings[0], sentence=rest, also=tuple(rows[1:]))
