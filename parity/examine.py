"""One judgement: a subject and its reference run on the same data, and the budget of every entry measured."""

import numpy as np

from parity.fresh import batched, redrawn
from parity.inputs import draw, frozen
from parity.rounding.budget import FEWER, SHAKES, measure
from parity.subjects.raised import SubjectRaised
from parity.trial import Trial

UPSTREAM = "upstream"  # arrays are named by strings, the upstream gradient of the i-th output by (UPSTREAM, i)


class Examination:
    """Everything that stays the same while a subject is judged again and again on other data.

    wanted: the keys of the gradients that are judged; of inputs alone, since every parameter is.
    drawn: the names of inputs that were drawn at random, not given. dtype: of the upstream gradients.
    """

    def __init__(self, hand, reference=None, wanted=None, drawn=(), seed=0, dtype=np.float64):
        self.hand, self.reference, self.wanted = hand, reference, wanted
        self.drawn, self.seed, self.dtype = frozenset(drawn), seed, dtype

    def trial(self, arrays, upstream, ours=None, truth=None, shakes=SHAKES):
        """The Trial on these arrays and upstream gradients; ours and truth where known; at most so many shaken runs.

        Raises SubjectRaised.
        """
        ours = self.hand.run(arrays, upstream) if ours is None else ours
        truth = self.truth(arrays, upstream) if truth is None else truth
        together = arrays | {(UPSTREAM, i): g for i, g in enumerate(upstream)}
        theirs = apart(self.reference.shaken_run)
        budget = measure(apart(self.hand.run), theirs, together, ours, truth, self.seed, self.reference.shakes, shakes)
        budget = self.reference.widened(budget, arrays, upstream, ours, truth, self.seed)
        return Trial(self.hand, arrays, upstream, ours, truth, budget, self.fresh_trials(arrays), self)

    def truth(self, arrays, upstream):
        """What the reference says of the outputs and of the gradients that are judged."""
        found = self.reference.run(arrays, upstream)
        return {key: array for key, array in found.items() if self.judged(key)}

    def judged(self, key):
        return key[0] != "input" or self.wanted is None or key in self.wanted

    def fresh_trials(self, arrays):
        """k -> the k-th Trial on other data, with another batch size where the subject takes one."""
        found: dict = {}

        def fresh(k):
            if k not in found:
                rng = np.random.default_rng([self.seed, 1, k])
                found[k] = self.resized(arrays, 5 + 2 * k, rng) or self.resized(arrays, None, rng)
            return found[k]

        return fresh

    def resized(self, arrays, batch, rng):
        """A Trial on other random data of that batch size; None where the subject or its reference takes none such."""
        for led in batched(self.hand, arrays) if batch is not None else [()]:
            try:
                other = redrawn(self.hand, arrays, self.drawn, rng, batch, led)
                return self.trial(other, self.upstream(other, rng), shakes=FEWER)
            except (SubjectRaised, ValueError):
                continue
        return None

    def upstream(self, arrays, rng):
        """A random upstream gradient for each output on these arrays; ones where the subject takes none."""
        return self.upstream_of(self.hand.outputs(arrays), rng)

    def upstream_of(self, outputs, rng):
        """A random upstream gradient for each of these outputs; ones where the subject takes none.

        Then, of several outputs, those that are numbers are its loss, and what else it returns has zeros.
        """
        shapes = [np.shape(output) for output in outputs]
        if not self.hand.takes_upstream:
            losses = [shape == () for shape in shapes] if () in shapes else [True] * len(shapes)
            return [frozen(np.full(shape, loss, self.dtype)) for shape, loss in zip(shapes, losses, strict=True)]
        return [frozen(draw(rng, shape, self.dtype)) for shape in shapes]


def apart(run):
    """run(arrays, upstream, …) as a function of one dict that holds the upstream gradients as well."""

    def run_on(together, *rest):
        upstream = [array for name, array in together.items() if name[0] is UPSTREAM]
        return run({name: array for name, array in together.items() if name[0] is not UPSTREAM}, upstream, *rest)

    return run_on
