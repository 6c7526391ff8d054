"""Is a backward that follows a forward off the tape changed as one that follows a forward on it?"""

from types import SimpleNamespace

import numpy as np
import pytest

from parity.diagnosis.repairs.runner import Runner
from parity.diagnosis.repairs.survey import Survey
from parity_tests.diagnosed import trial_of


class InTuples:
    """h = tanh(x W), y = Σₜ hₜ over the leading axis: its cache is made of tuples, lists, dicts and numbers."""

    params = ("W",)

    def __init__(self):
        self.W = np.random.default_rng(0).normal(size=(3, 2))

    def forward(self, x):
        kept = []
        for t, row in enumerate(x):
            h = np.tanh(row @ self.W)
            kept.append(({"h": h, "turn": t}, row, None, float(h.sum())))
        return sum(part["h"] for part, *_ in kept), tuple(kept)

    def backward(self, dy, kept):
        dx, dW = [], np.zeros_like(self.W)
        for part, row, _, total in kept:
            slope = 1 - part["h"] ** 2
            dz = dy * slope + 0 * total
            dW += np.outer(row, dz)
            dx.append(dz @ self.W.T)
        return np.array(dx), {"W": dW}


class InAttributes(InTuples):
    """Slopes stay on the object, where nobody looks for them."""

    def forward(self, x):
        y, kept = super().forward(x)
        self.slopes = [1 - part["h"] ** 2 for part, *_ in kept]
        return y, kept

    def backward(self, dy, kept):
        dx, dW = [], np.zeros_like(self.W)
        for slope, (_, row, *_) in zip(self.slopes, kept, strict=True):
            twice = slope * 2
            dz = dy * (twice / 2)
            dW += np.outer(row, dz)
            dx.append(dz @ self.W.T)
        return np.array(dx), {"W": dW}


class InObjects(InTuples):
    """The cache holds objects of another kind."""

    def forward(self, x):
        y, kept = super().forward(x)
        return y, SimpleNamespace(kept=kept)

    def backward(self, dy, cache):
        return super().backward(dy, cache.kept)


def times_three(call):
    return call.result() * 3.0


@pytest.mark.parametrize(("kind", "off_the_tape"), [(InTuples, "all"), (InAttributes, "some"), (InObjects, "none")])
def test_changes_do_what_they_do_in_a_whole_run(kind, off_the_tape):
    with Runner(trial_of(kind(), kind(), ((4, 3),)), float("inf")).opened() as runner:
        survey = Survey(runner, [])
        trial, sites = survey.trial, [site for site, events in survey.sites.items() if events[0].phase == "backward"]
        changed = [site for site in sites if survey.sites[site][0].name in ("multiply", "power", "matmul", "subtract")]
        quick = {site: survey.again(extra={site: times_three}) for site in changed}
        whole = {site: runner.run(trial, (), {site: times_three}, noting=False) for site in changed}
    moved = 0
    for site in changed:
        for key, array in whole[site].results.items():
            assert np.array_equal(quick[site].results[key], array), (site, key)
            moved += not np.array_equal(array, survey.results[key])
    assert moved
    alone = [tape.backward_alone for tape in quick.values()]
    assert {"all": all(alone), "some": any(alone) and not all(alone), "none": not any(alone)}[off_the_tape]
    assert not any(tape.backward_alone for tape in whole.values())


def test_a_change_of_the_forward_is_done_on_the_tape():
    with Runner(trial_of(InTuples(), InTuples(), ((4, 3),)), float("inf")).opened() as runner:
        survey = Survey(runner, [])
        site = next(site for site, events in survey.sites.items() if events[0].name == "tanh")
        tape = survey.again(extra={site: times_three})
    assert not tape.backward_alone
    before, after = (one.results["output", "output"] for one in (survey.tape, tape))
    assert np.allclose(after, 3 * before, rtol=1e-15)  # sums of four terms, each rounded anew
