"""A confirmed change and everything that can be asked about it."""

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from parity.diagnosis.naming.witness import scale, witnesses
from parity.diagnosis.repairs.pairs import close

FARTHER = ("2 * ({0}) - E", "1 / (2 / ({0}) - 1 / E)")  # a change done twice, to a value and to its inverse
RESHAPING = ("reshape", "getitem", "broadcast_to", "expand_dims", "transpose")


@dataclass(frozen=True)
class Case:
    """survey: the run that it was found in; claimed: the keys that it sets right; seen: its Witnesses on the trials."""

    survey: Any
    change: Any
    claimed: frozenset
    seen: list

    @functools.cached_property
    def event(self):
        """The operation at the outermost site of the change, in its first turn."""
        return self.survey.sites[self.change.site][0]

    @property
    def place(self):
        return self.survey.place_of(self.change.site)

    @property
    def events(self):
        return self.survey.sites[self.change.site]

    @property
    def note(self):
        return self.change.note

    @functools.cached_property
    def scale(self):
        """(the factor on every trial, the Sizes that it can be), where all that the change does is multiply."""
        return scale(self.seen)

    @property
    def ratio(self):
        """What the value was multiplied by, entry by entry, in the first turn; None where it was not."""
        return self.seen[0].ratio if self.seen else None

    def result(self, key):
        return self.survey.results[key]

    def right(self, key):
        return self.survey.trial.truth[key]

    def arguments(self, pair):
        """Pairs (z, a) of the arrays, in each turn, of a function that the forward pass computed."""
        z, a = self.survey.pairs.turns(pair.source), self.survey.pairs.turns(pair.site)
        return [(np.asarray(one), np.asarray(other)) for one, other in zip(z, a, strict=False)]

    def pair_of(self, slope):
        """The Pair whose derivative, in any turn, is this array; None where none is."""
        for pair in self.survey.pairs.found:
            for z, _ in self.arguments(pair):
                found = pair.slope(z)
                if found.shape == np.shape(slope) and close(found, slope):
                    return pair
        return None

    def biases_only(self):
        """Whether all that the change sets right are gradients by rows of numbers that the forward pass only adds."""
        rows = all(self.is_weight(key) and is_row(self.right(key)) for key in self.claimed)
        return rows and all(self.added(key[1]) or self.sums_upstream(key) for key in self.claimed)

    def sums_upstream(self, key):
        """Whether a gradient is the sum of the rows of an upstream gradient: what is added to the rows of an output."""
        right, upstream = self.right(key).ravel(), self.survey.trial.upstream
        rows = [np.asarray(g, float).reshape(-1, right.size) for g in upstream if np.shape(g)[-1:] == (right.size,)]
        return any(close(g.sum(axis=0), right) for g in rows)

    def is_weight(self, key):
        """Whether a key is of a parameter; of functions alone, which have none, of any input but the first."""
        hand, (kind, name) = self.survey.trial.hand, key
        return kind == "parameter" or (not hand.parameters and name in hand.input_names[1:])

    def added(self, origin):
        """Whether the forward pass does nothing with an array, or with an event's result, but add it."""
        forward = [e for e in self.survey.tape.events if e.phase == "forward" and e.name != "read"]
        uses = [e for e in forward if origin in leaves(e.origins)]
        return bool(uses) and all(e.name == "add" or (e.name in RESHAPING and self.added(e.index)) for e in uses)

    @functools.cached_property
    def is_of_gradient(self):
        """Whether what the change sets right follows it in proportion, as a gradient does its own factors and terms.

        Else what is changed is no part of the gradient, but something that is computed on the way to one. The place may
        stand in a denominator. In a loop the change is done once a turn: there it cannot be told so.
        """
        return len(self.events) > 1 or any(map(self.follows, FARTHER))

    def follows(self, template):
        """Whether twice the change, as the template has it, moves results as far again as to where they are right."""
        edits = tuple(replace(edit, template=template.format(edit.template)) for edit in self.change.edits)
        farther = replace(self.change, edits=edits)
        tape = self.survey.again([farther])
        return tape is not None and all(self.is_midway(key, tape.results.get(key)) for key in self.claimed)

    def is_midway(self, key, farther):
        """Whether what is right lies halfway between what was found and a result that went farther."""
        found = self.result(key)
        if np.shape(farther) != np.shape(found):
            return False
        return self.survey.trial.agrees(key, (np.asarray(farther) + found) / 2, self.right(key))

    def restores_weights(self):
        """Whether, in the statement of the change, a weight is what it was given as instead of an updated one."""
        trial = self.survey.trial
        places = self.survey.statement(self.place)
        for place in (place for place in places if place.name in ("add", "subtract")):
            for witness in witnesses(self.survey, self.change, [trial], place.site):
                for name in trial.hand.parameters:
                    given = [np.array_equal(array, trial.arrays[name]) for array in (witness.before, witness.after)]
                    if given == [False, True] and place.event.phase == "backward" and self.made_from(place.event, name):
                        return True
        return False

    def ignores_upstream(self):
        """Whether what the change sets right was the same for any upstream gradient."""
        return self.grows_with_upstream(1)

    def grows_with_upstream(self, factor):
        """Whether what the change sets right was that many times as large for an upstream gradient 3 times as large."""
        trial = self.survey.trial
        other = replace(trial, upstream=[3 * g for g in trial.upstream])
        tape = self.survey.runner.run(other, self.survey.active, noting=False)
        if tape is None:
            return False
        return all(close(np.asarray(tape.results.get(key)), factor * self.result(key)) for key in self.claimed)

    def forward_has(self, *names):
        """Whether the forward pass has an operation of one of these names."""
        return any(event.name in names for event in self.survey.tape.events if event.phase == "forward")

    def made_from(self, event, name):
        """Whether an event's result depends on the array of that name."""
        return name in self.ancestry(event)

    def ancestry(self, event):
        """All that an event's result depends on: names of arrays of the run, indices of earlier events."""
        open_, seen = list(leaves(event.origins)), set()
        while open_:
            one = open_.pop()
            if one not in seen:
                seen.add(one)
                open_ += leaves(self.survey.tape.events[one].origins) if isinstance(one, int) else ()
        return seen

    def in_derivative(self):
        """Whether the place computes with the argument and the value of one activation alone."""
        return any(self.in_derivative_of(pair) for pair in self.survey.pairs.found if not pair.function.plain)

    def part_of_derivative(self):
        """Whether the change is one within an activation's derivative, and does more to that than multiply it."""
        pairs = [pair for pair in self.survey.pairs.found if not pair.function.plain and self.in_derivative_of(pair)]
        sites = {self.outermost(self.event, pair.z | pair.a).site for pair in pairs}
        seen = [witnesses(self.survey, self.change, [self.survey.trial], site) for site in sites]
        return any(not found or found[0].factor is None for found in seen)

    def outermost(self, event, known):
        """The last operation of those that go on from an event with arrays of those bytes alone."""
        for later in self.survey.tape.events[event.index + 1 :]:
            if event.index in leaves(later.origins) and later.name != "read" and self.local(later, known):
                return self.outermost(later, known)
        return event

    def in_derivative_of(self, pair):
        return self.local(self.event, pair.z | pair.a)

    def local(self, event, known):
        """Whether an operation is on arrays of those bytes alone, by way of others that are."""
        pairs = zip(event.operands, event.origins, strict=False)
        arrays = [(o, origin) for o, origin in pairs if isinstance(o, np.ndarray) and o.ndim]
        joined = any(isinstance(o, list | tuple) for o in event.operands)
        return (
            bool(arrays)
            and not joined
            and all(
                np.asarray(operand).tobytes() in known
                or (isinstance(origin, int) and self.local(self.survey.tape.events[origin], known))
                for operand, origin in arrays
            )
        )


def is_row(array):
    """Whether an array has one axis, or none that is longer than 1 but one."""
    return np.size(array) == max(np.shape(array), default=1)


def leaves(origins):
    """The origins in a nest of them, one by one; ("upstream", 0) is one."""
    found: list = []
    for one in origins:
        found += leaves(one) if type(one) is tuple and one[:1] != ("upstream",) else [one]
    return found
