"""Places: operations that a wrong gradient depends on and no right result does, with what can be named there."""

import functools
from dataclasses import dataclass

import numpy as np

from parity.tape.sites import Site


@dataclass(eq=False)
class Place:
    """A site as it was in the base run: its events, in turn, and the keys of the results that depend on it."""

    site: Site
    events: list
    reach: frozenset

    @property
    def event(self):
        return self.events[0]

    @property
    def name(self):
        return self.event.name

    @property
    def operands(self):
        return self.event.operands

    @property
    def result(self):
        return self.event.result

    @property
    def loops(self):
        return len(self.events) > 1

    @functools.cached_property
    def reachable(self):
        """{expression: [its value in each noted turn]} of what can be named there in all of them."""
        scopes = self.scopes
        common = [text for text in scopes[0] if all(text in scope for scope in scopes)] if scopes else []
        return {text: [scope[text] for scope in scopes] for text in common}

    @property
    def scopes(self):
        return [event.scope for event in self.events if event.scope]

    @functools.cached_property
    def named(self):
        """The arrays and float numbers among what is reachable."""
        return {text: turns for text, turns in self.reachable.items() if not isinstance(turns[0], int | tuple)}

    @functools.cached_property
    def distinct(self):
        """Pairs (expression, its values) of what is named, each of several names for the same values once."""
        found: dict = {}
        for text, turns in self.named.items():
            found.setdefault(tuple(map(bytes_of, turns)), (text, turns))
        return list(found.values())


def bytes_of(value):
    """What tells one array from another."""
    array = np.asarray(value)
    return array.shape, array.dtype.char, array.tobytes()
