"""What a predicate may claim, and how it words it."""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Claim:
    """A cause that a predicate suspects: its code, the keys that it explains, and how to put it to the test.

    holds(evidence): whether the relation that the code names reproduces the results of that trial. sentence: for a
    person; `{N}` becomes the batch sizes at which it held. where: None for the line that made the wrong gradient.
    alike: to be tried on data of the same shapes first. also: further trials that it must hold on.
    """

    code: str
    keys: frozenset
    holds: Callable[[Any], bool]
    sentence: str
    where: str | None = None
    alike: bool = False
    also: tuple = ()
    confidence: float = 1.0


def righted(key, change):
    """What holds where change(H) is the right gradient by key."""

    def holds(evidence):
        H = evidence.H(key)
        return H is not None and evidence.agrees(key, change(H))

    return holds


def by(keys):
    """The gradients that keys name, for a sentence: `gradient by W`, `gradients by W and b`."""
    names = sorted(name for _, name in ([keys] if isinstance(keys, tuple) else keys))
    return f"gradient by {names[0]}" if len(names) == 1 else f"gradients by {', '.join(names[:-1])} and {names[-1]}"


def each(predicate):
    """A predicate of one key as a predicate of several."""

    @functools.wraps(predicate)
    def of_all(evidence, keys) -> Iterable[Claim]:
        for key in sorted(keys):
            if evidence.H(key) is not None:
                yield from predicate(evidence, key)

    return of_all
