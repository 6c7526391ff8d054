"""The axis of several reductions that belong together: of one statement, or of a whole function."""

from parity.diagnosis.changes.change import Change
from parity.diagnosis.changes.rewrites import REDUCTIONS, reductions
from parity.diagnosis.editing.source import statement_line

KEEPING = 1.1  # rank up to which a reduction over other axes is as simple as it gets, axes kept or not


def axes_together(survey):
    """The Changes of the axis of all reductions over the same axes in a function, or in a statement of it."""
    seen: set = set()
    for places in (*grouped(survey, by_function), *grouped(survey, by_statement)):
        sites = tuple(place.site for place in places)
        if len(places) > 1 and sites not in seen:
            seen.add(sites)
            yield from alike(places)


def alike(places):
    """The Changes that all of these reductions have, made in all of them."""
    choices = [{template_of(c): c for c in reductions(p) if c.kind == "axis" and c.rank <= KEEPING} for p in places]
    for how in choices[0]:
        if all(how in choice for choice in choices):
            edits = tuple(choice[how].edits[0] for choice in choices)
            yield Change("axis", choices[0][how].rank + 0.3, edits, choices[0][how].note)


def template_of(change):
    """What a reduction is over, as it will be written, whatever it computes."""
    return change.edits[0].template.partition("(")[2]


def grouped(survey, by):
    found: dict = {}
    for place in survey.places:
        if place.name in REDUCTIONS and axis_of(place.event) is not None:
            found.setdefault((place.site.code, by(place), repr(axis_of(place.event))), []).append(place)
    return found.values()


def axis_of(event):
    """The axes that a reduction is given, by name or not."""
    given = event.operands[1] if len(event.operands) > 1 else None
    return event.options.get("axis", given)


def by_function(place):
    return None


def by_statement(place):
    return statement_line(place.site)
