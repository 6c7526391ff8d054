"""One judgement: a subject and its reference run on the same data, and the budget of every entry measured."""

import numpy as np

from parity.diagnosis.trial import Trial
from parity.fresh import redrawn
from parity.inputs import draw, frozen
from parity.rounding.budget import measure

UPSTREAM = "upstream"  # arrays are named by strings, the upstream gradient of the i-th output by (UPSTREAM, i)


class Examination:
    """Everything that stays the same while a subject is judged again and again on other data.

    wanted: the (kind, name) keys of the gradients that are judged; None: those that the reference gives.
    drawn: the names of inputs that were drawn at random, not given.
    """

    def __init__(self, hand, reference, wanted=None, drawn=(), seed=0):
        self.hand, self.reference, self.wanted = hand, reference, wanted
        self.drawn, self.seed = frozenset(drawn), seed

    def trial(self, arrays, upstream):
        """The Trial on these arrays and upstream gradients. Raises SubjectRaised."""
        ours, truth = self.hand.run(arrays, upstream), self.truth(arrays, upstream)
        together = arrays | {(UPSTREAM, i): g for i, g in enumerate(upstream)}
        budget = measure(apart(self.hand.run), apart(self.reference.shaken_run), together, ours, truth, self.seed)
        return Trial(self.hand, arrays, upstream, ours, truth, budget, self.fresh_trials(arrays), self)

    def truth(self, arrays, upstream):
        """What the reference says of the outputs and of the gradients that are judged."""
        found = self.reference.run(arrays, upstream)
        return {key: array for key, array in found.items() if self.judged(key)}

    def judged(self, key):
        return key[0] == "output" or self.wanted is None or key in self.wanted

    def fresh_trials(self, arrays):
        """k -> the k-th Trial on other data, with another batch size where the subject takes one."""
        found: dict = {}

        def fresh(k):
            if k not in found:
                found[k] = self.fresh_trial(arrays, k)
            return found[k]

        return fresh

    def fresh_trial(self, arrays, k):
        rng = np.random.default_rng([self.seed, 1, k])
        for batch in (5 + 2 * k, None):
            try:
                other = redrawn(self.hand, arrays, self.drawn, rng, batch)
                return self.trial(other, self.draw_upstream(other, rng))
            except Exception:  # this subject, or its twin, takes no such batch
                continue
        return None

    def draw_upstream(self, arrays, rng):
        """A random upstream gradient for each output of the subject on these arrays."""
        dtype = next(array.dtype for array in arrays.values() if array.dtype.kind == "f")
        return [frozen(draw(rng, np.shape(output), dtype)) for output in self.hand.outputs(arrays)]


def apart(run):
    """run(arrays, upstream, …) as a function of one dict that holds the upstream gradients as well."""

    def run_on(together, *rest):
        upstream = [array for name, array in together.items() if name[0] is UPSTREAM]
        return run({name: array for name, array in together.items() if name[0] is not UPSTREAM}, upstream, *rest)

    return run_on
