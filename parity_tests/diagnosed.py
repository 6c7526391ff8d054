"""How the tests of diagnosis judge a wrong subject: by the right one, so that no numerical derivative is needed."""

from unittest.mock import patch

import numpy as np

from parity.diagnosis.structure import search as structure
from parity.examine import Examination
from parity.inputs import check_dtype, prepare
from parity.rounding.budget import SHAKES
from parity.rounding.shaken import plain, shaken
from parity.subjects import read


class RightHand:
    """A reference made of a right subject; its own test holds it against numerical derivatives."""

    shakes = SHAKES

    def __init__(self, hand, input_names):
        self.hand = hand
        hand.input_names = input_names

    def run(self, arrays, upstream):
        return {key: np.asarray(plain(array), float) for key, array in self.hand.run(arrays, upstream).items()}

    def widened(self, budget, arrays, upstream, ours, truth, seed):
        return budget

    def shaken_run(self, arrays, upstream, directions):
        return self.run({name: shaken(a, directions) for name, a in arrays.items()}, upstream)


def trial_of(wrong, right, inputs, seed=0, dtype="float64"):
    """The Trial of a wrong subject on inputs, arrays or shapes, judged by a right one with the same weights."""
    rng, hand = np.random.default_rng(seed), read(wrong, inputs)
    names = dict(zip(hand.input_names, inputs, strict=True))
    arrays = {name: prepare(name, value, check_dtype(dtype), rng) for name, value in names.items()}
    arrays |= {name: array.astype(dtype) for name, array in (hand.parameters | hand.buffers).items()}
    drawn = [name for name, value in names.items() if isinstance(value, tuple)]
    exam = Examination(hand, RightHand(read(right, inputs), hand.input_names), None, drawn, seed)
    return exam.trial(arrays, exam.upstream(arrays, rng))


def findings(wrong, right, inputs, limit_s=60.0, **options):
    """What `structural` finds; a predicate that raises on data that it was not made for fails the test."""
    with patch.object(structure, "ODD", ()):
        return structure.structural(trial_of(wrong, right, inputs, **options), limit_s)


def diagnosed(wrong, right, inputs, **options):
    """{row: code}; every Finding must have a place and a sentence."""
    found = findings(wrong, right, inputs, **options)
    assert len({finding.row for finding in found}) == len(found)
    assert all(finding.sentence and finding.where and "{" not in finding.sentence for finding in found)
    return {finding.row: finding.code for finding in found}


def with_method(right, **methods):
    """A subject with the weights of right and other methods or attributes."""
    wrong = type(f"Wrong{type(right).__name__}", (type(right),), methods)()
    vars(wrong).update(vars(right))
    return wrong
