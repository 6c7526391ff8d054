"""What a predicate looks at: a trial, the tape of it, and runs of the same subject on other numbers.

H is the gradient that the subject gave, G the right one; both are asked for by key.
"""

import dis
import functools
import math
import time
from itertools import pairwise

import numpy as np

from parity.diagnosis.structure.others import Exhausted, Others
from parity.subjects.raised import SubjectRaised
from parity.tape.recording import SITES, Site, Tape, record
from parity.trial import Trial

SETTLED: set = set()  # the code objects whose instructions have one Site each


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
        """The Tape of this trial; an empty one of a subject that takes no taped arrays."""
        try:
            tape = record(self.hand, self.arrays, self.upstream)
            if settle({event.site.code for event in tape.events}):
                tape = record(self.hand, self.arrays, self.upstream)
        except SubjectRaised:
            return Tape()
        return tape

    @functools.cached_property
    def forward(self):
        return [event for event in self.tape.events if event.phase == "forward"]

    @functools.cached_property
    def backward(self):
        """The events that may have made a gradient; where one call does both, all of them."""
        return [event for event in self.tape.events if event.phase == "backward" or self.hand.joint]

    @functools.cached_property
    def batch_axis(self):
        """The axis of the batch: 0, or 1 where inputs are (time, batch, features), as their outputs tell."""
        x = next((a for n in self.hand.input_names if (a := self.arrays[n]).ndim > 2 and a.dtype.kind == "f"), None)
        return 0 if x is None or not self.time_first(x) else 1

    def time_first(self, x):
        """Whether the last entry along the leading axis of x reaches the last one of the output alone, as time does.

        Asked after the deadline as well, for the batch sizes of what was found by then.
        """
        name, y = next(n for n in self.arrays if self.arrays[n] is x), self.trial.ours["output", self.outputs[0]]
        if y.ndim < 2 or y.shape[0] != x.shape[0]:
            return y.ndim > 0 and y.shape[0] == x.shape[1] != x.shape[0]
        moved = [x.copy(), x.copy()]
        moved[0][0] *= 1.5
        moved[1][-1] *= 1.5
        with np.errstate(all="ignore"):
            results = [self.hand.run(self.arrays | {name: m}, self.upstream) for m in moved]
        first, last = (result["output", self.outputs[0]] != y for result in results)
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
        return Others(self.trial, self.deadline, lambda trial: Evidence(trial, self.deadline))


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
