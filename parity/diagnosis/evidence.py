"""What a predicate looks at: a trial, the tape of it, runs of the same subject on other numbers, and what it may claim.

H is the gradient that the subject gave, G the right one; both are asked for by key.
"""

import dis
import functools
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from parity.diagnosis.tape import SITES, Site, record
from parity.diagnosis.trial import Trial
from parity.fresh import mixed, of_shares, redrawn
from parity.inputs import draw, frozen
from parity.subjects.base import SubjectRaised

FRESH = 4  # sets of other data of each kind that are looked at before a claim is given up


class Exhausted(Exception):
    """The time is up."""


class Evidence:
    """A trial with everything that can be asked of it; tape: what the subject did.

    deadline: of time.monotonic(); whatever would run the subject again after it raises Exhausted.
    """

    def __init__(self, trial: Trial, deadline=math.inf):
        self.trial, self.hand, self.deadline = trial, trial.hand, deadline
        self.arrays, self.upstream = trial.arrays, trial.upstream

    @functools.cached_property
    def wrong(self):
        """The keys of the gradients that rounding does not explain."""
        return frozenset(key for key in self.trial.wrong() if key[0] != "output")

    @functools.cached_property
    def wrong_outputs(self):
        return frozenset(key for key in self.trial.wrong() if key[0] == "output")

    @functools.cached_property
    def tape(self):
        tape = record(self.hand, self.arrays, self.upstream)
        if settle({event.site.code for event in tape.events}):
            tape = record(self.hand, self.arrays, self.upstream)
        return tape

    @property
    def forward(self):
        return [event for event in self.tape.events if event.phase == "forward"]

    @property
    def backward(self):
        """The events that may have made a gradient; where one call does both, all of them."""
        return [event for event in self.tape.events if event.phase == "backward" or self.hand.joint]

    @functools.cached_property
    def batch_axis(self):
        """The axis of the batch: 0, or 1 where inputs are (time, batch, features), as their outputs tell."""
        x = next((a for n in self.hand.input_names if (a := self.arrays[n]).ndim > 2 and a.dtype.kind == "f"), None)
        return 0 if x is None or not self.time_first(x) else 1

    def time_first(self, x):
        """Whether the last entry along the leading axis of x reaches the last one of the output alone, as time does."""
        name, y = next(n for n in self.arrays if self.arrays[n] is x), self.run()["output", self.outputs[0]]
        if y.ndim < 2 or y.shape[0] != x.shape[0]:
            return y.ndim > 0 and y.shape[0] == x.shape[1] != x.shape[0]
        moved = [x.copy(), x.copy()]
        moved[0][0] *= 1.5
        moved[1][-1] *= 1.5
        first, last = (self.run(self.arrays | {name: m})["output", self.outputs[0]] != y for m in moved)
        return bool(first[1:].any() and last[-1].any() and not last[:-1].any())

    @property
    def outputs(self):
        return [name for kind, name in self.trial.ours if kind == "output"]

    @functools.cached_property
    def N(self):
        """The size of the batch axis of the first input that has one; 0 where none has."""
        shapes = (np.shape(self.arrays[name]) for name in self.hand.input_names)
        return next((shape[self.batch_axis] for shape in shapes if len(shape) > self.batch_axis), 0)

    def H(self, key):
        """What the subject gave, in float64; None where it gave nothing, or NaN and infinities."""
        found = self.trial.ours.get(key)
        if found is None or np.asarray(found).dtype.kind not in "fiub":
            return None
        found = np.asarray(found, float)
        return found if np.isfinite(found).all() else None

    def G(self, key):
        return self.trial.truth[key]

    def agrees(self, key, found):
        """Whether found is the right gradient G, entry by entry."""
        return self.trial.agrees(key, found, self.G(key))

    def explains(self, key, predicted):
        """Whether predicted is the subject's gradient H, entry by entry; never where H has another shape than G."""
        H = self.H(key)
        return H is not None and H.shape == self.G(key).shape and self.trial.agrees(key, predicted, H)

    def run(self, arrays=None, upstream=None):
        """{key: array}: the subject's results on these arrays and upstream gradients, or its own where None."""
        self.in_time()
        arrays = self.arrays if arrays is None else arrays
        with np.errstate(all="ignore"):
            return self.hand.run(arrays, self.upstream if upstream is None else upstream)

    def truth(self, arrays=None, upstream=None):
        """{key: array}: what is right on these arrays and upstream gradients, or its own where None."""
        self.in_time()
        arrays = self.arrays if arrays is None else arrays
        return self.trial.examination.truth(arrays, self.upstream if upstream is None else upstream)

    def repaired(self, results):
        """The wrong keys that these results of a changed run set right; none where they make a right one wrong."""
        left = self.trial.wrong(results)
        return self.wrong - left if left <= self.wrong else frozenset()

    def patched(self, changes):
        """The wrong keys that are right once these changes stand in for operations of the subject."""
        self.in_time()
        try:
            with np.errstate(all="ignore"):
                return self.repaired(record(self.hand, self.arrays, self.upstream, changes).results)
        except SubjectRaised:  # it cannot go on with what stands in
            return frozenset()

    def in_time(self):
        if time.monotonic() > self.deadline:
            raise Exhausted

    @functools.cached_property
    def others(self):
        return Others(self.trial, self.deadline)


class Others:
    """Evidence of the same subject on other data, each made once, when first asked for; None where it takes no such."""

    def __init__(self, trial, deadline):
        self.trial, self.exam, self.deadline, self.made = trial, trial.examination, deadline, {}

    def fresh(self, k):
        """Other numbers, and another batch size where the subject takes one."""
        return self.once(("fresh", k), lambda rng: self.trial.fresh(k))

    def alike(self, k):
        """Other numbers in the same shapes; of the inputs that were given, their own entries in other places."""
        return self.once((2, k), lambda rng: self.on(self.redrawn(rng) | self.resampled(rng), rng))

    def stretched(self, axis):
        """Every input that is as long as the first one along an axis made longer there."""
        return self.once((3, axis), lambda rng: self.on(self.longer(axis, rng), rng))

    def batch_of(self, length, k):
        """Other numbers with that many rows."""
        return self.once((4, length, k), lambda rng: self.on(self.redrawn(rng, length), rng))

    def once(self, what, make):
        if time.monotonic() > self.deadline:
            raise Exhausted
        if what not in self.made:
            rng = np.random.default_rng([self.exam.seed, *(n for n in what if type(n) is int)])
            try:
                trial = make(rng)
            except Exception:  # the subject, or its twin, does not take such data
                trial = None
            self.made[what] = None if trial is None else Evidence(trial, self.deadline)
        return self.made[what]

    def on(self, arrays, rng):
        """The Trial on these arrays with other upstream gradients; ones where the subject takes none."""
        dtype, hand = self.trial.upstream[0].dtype, self.trial.hand
        shapes = [np.shape(output) for output in hand.outputs(arrays)]
        drawn = [draw(rng, shape, dtype) if hand.takes_upstream else np.ones(shape, dtype) for shape in shapes]
        return self.exam.trial(arrays, [frozen(g) for g in drawn])

    def redrawn(self, rng, batch=None):
        return redrawn(self.trial.hand, self.trial.arrays, self.exam.drawn, rng, batch)

    def resampled(self, rng):
        given = [name for name in self.trial.hand.input_names if name not in self.exam.drawn]
        return {name: resampled(self.trial.arrays[name], rng) for name in given}

    def longer(self, axis, rng):
        arrays = dict(self.trial.arrays)
        inputs = {name: arrays[name] for name in self.trial.hand.input_names if arrays[name].ndim > axis}
        length = next(iter(inputs.values())).shape[axis]
        for name, array in inputs.items():
            if array.shape[axis] == length:
                shape = (*array.shape[:axis], length + 3, *array.shape[axis + 1 :])
                arrays[name] = frozen(mixed(array, shape, rng))
        return arrays


def resampled(array, rng):
    """An array's own entries in other places, floats a little nearer to 0, whole rows where they are shares."""
    if array.ndim == 0 or array.size == 0:
        return array.copy()
    if of_shares(array):
        return frozen(array[rng.permutation(len(array))])
    found = rng.permutation(array.ravel()).reshape(array.shape)
    if array.dtype.kind == "f":
        found = np.asarray(found * rng.uniform(0.9, 1.0, array.shape), array.dtype)
    return frozen(found)


def settle(codes):
    """Let every offset of an instruction stand for one Site; whether any of these code objects was new.

    Once Python has specialised an instruction that calls a method, an index of an array for one, its frame stands at
    another offset of the same instruction, and the site of the operation would change from run to run.
    """
    new = [code for code in codes if code not in SETTLED]
    for code in new:
        starts = [instruction.offset for instruction in dis.get_instructions(code)]
        for start, end in pairwise([*starts, len(code.co_code)]):
            site = SITES.setdefault((id(code), start), Site(code, start))
            SITES.update({(id(code), offset): site for offset in range(start, end, 2)})
    SETTLED.update(new)
    return bool(new)


SETTLED: set = set()


@dataclass(frozen=True)
class Claim:
    """A cause that a predicate suspects: its code, the keys that it explains, and how to put it to the test.

    holds(evidence): whether the relation that the code names reproduces the results of that trial. sentence: for a
    person; `{N}` becomes the batch sizes at which it held. where: None for the line that made the wrong gradient.
    alike: to be tried on data of the same shapes first. also: further trials that it must hold on.
    """

    code: str
    keys: frozenset
    holds: Callable[[Evidence], bool]
    sentence: str
    where: str | None = None
    alike: bool = False
    also: tuple[Evidence, ...] = ()
    confidence: float = 1.0


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


def maker(e, key):
    """The site of the operation whose result is the gradient that the subject gave: `mine.py:23`; else `backward`."""
    wrong = e.trial.ours.get(key)
    for event in reversed(e.backward):
        if np.shape(event.result) == np.shape(wrong) and is_made_of(e, event, wrong):
            return repr(event.site)
    return "backward"


def is_made_of(e, event, wrong):
    """Whether a gradient is the result of an event; of a loss that is scaled by the upstream gradient, before that."""
    if not e.hand.joint or event.phase == "backward":
        return not e.hand.joint and np.array_equal(event.result, wrong)
    g = e.upstream[0]
    spread = g.shape == np.shape(wrong)[: g.ndim]
    return spread and np.array_equal(g.reshape(g.shape + (1,) * (np.ndim(wrong) - g.ndim)) * event.result, wrong)
