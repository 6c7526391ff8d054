"""Is a cause named only when it is confirmed: told apart from its rivals, on other data, in time?"""

import inspect
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import nn

from parity.diagnosis.structure import search as structure
from parity.diagnosis.structure.claim import Claim
from parity.diagnosis.structure.others import Exhausted
from parity.diagnosis.structure.search import structural
from parity.examine import Examination
from parity.fresh import mixed
from parity.subjects import read
from parity.witnesses.numeric import Numeric
from parity.witnesses.twin import Twin
from parity_tests import (
    structures,
    test_structure_elementwise,
    test_structure_norms,
    test_structure_relations,
    test_structure_softmax,
    test_structure_time,
    test_structure_windows,
)
from parity_tests.diagnosed import diagnosed, findings, trial_of, with_method
from parity_tests.structures import Dense
from parity_tests.test_structure_rivals import dense
from parity_tests.test_structure_subjects import SUBJECTS

TABLES = (
    *(test_structure_elementwise, test_structure_norms, test_structure_relations),
    *(test_structure_softmax, test_structure_time, test_structure_windows),
)
CODES = {
    *("sign-flipped", "missing-mean", "extra-mean", "wrong-count", "constant-factor", "transposed", "permuted"),
    *("kernel-flipped", "activation-derivative-missing", "activation-derivative-twice"),
    *("activation-derivative-wrong-input", "activation-derivative-wrong", "mask-wrong", "one-hot-missing"),
    *("link-doubled", "softmax-diagonal", "bias-not-summed", "bias-averaged", "broadcast-not-reduced"),
    *("path-missing", "duplicate-index", "window-edge", "statistics-constant", "centring-term-missing"),
    *("variance-convention", "scale-missing", "time-truncated", "time-shifted", "upstream-ignored"),
    *("batch-of-one-only", "variant-mismatch", "clip-mismatch", "never-written"),
}


def test_every_code_is_planted_twice():
    planted = [code for table in TABLES for expected, *_ in table.PLANTED.values() for code in set(expected.values())]
    assert set(planted) == CODES
    assert all(planted.count(code) > 1 for code in CODES)


def with_noise(subject):
    """The subject with every gradient multiplied by numbers that depend on it in an odd way."""

    def spoiled(array):
        return None if array is None else array * (1.3 + np.sin(7 * array))

    def backward(self, d, cache):
        dx, gradients = type(subject).backward(self, d, cache)
        dx = tuple(map(spoiled, dx)) if isinstance(dx, tuple) else spoiled(dx)
        return dx, {name: spoiled(array) for name, array in gradients.items()}

    return with_method(subject, backward=backward)


@pytest.mark.parametrize("name", [name for name, (subject, *_) in SUBJECTS.items() if not inspect.isfunction(subject)])
def test_an_error_that_fits_nothing_is_not_named(name):
    subject, *inputs = SUBJECTS[name]
    assert diagnosed(with_noise(subject), subject, inputs) == {}


def test_single_precision():
    planted = dense(lambda g, dz, x: {"b": dz.mean(axis=0)})
    assert diagnosed(*planted, ((6, 4),), dtype="float32") == {"b": "bias-averaged"}


def test_a_wrong_forward_is_not_blamed_on_backward():
    wrong = with_method(Dense(), forward=lambda self, x: (x @ self.W.T + 2 * self.b, x))
    assert diagnosed(wrong, Dense(), ((6, 4),)) == {}


def test_the_place_and_the_sentence():
    def backward(self, dz, x):
        db = dz.mean(axis=0)
        return dz @ self.W, {"W": dz.T @ x, "b": db}

    (found,) = findings(with_method(Dense(), backward=backward), Dense(), ((6, 4),))
    assert found.where == f"{__file__.rpartition('/')[2]}:{inspect.getsourcelines(backward)[1] + 1}"
    assert found.sentence == (
        "gradient by b is the mean over the batch, should be the sum: ours = theirs / N at N = 5, 6 and 7"
    )
    assert found.repair is None


def test_the_line_that_lacks_a_path():
    (found,) = findings(*test_structure_time.PLANTED["residual without its branch"][1:])
    lines, first = inspect.getsourcelines(structures.Residual.forward)
    line = first + next(i for i, text in enumerate(lines) if "x @ self.W.T" in text)
    assert found.sentence == f"gradient by x: the path through `x` at structures.py:{line} is left out"


@pytest.mark.parametrize("reference", ["numerical", "twin"])
def test_whatever_judges(reference):
    wrong, _ = dense(lambda g, dz, x: {"W": g["W"] / len(x), "b": dz.mean(axis=0)})
    wrong.weight, wrong.bias, wrong.params = wrong.W, wrong.b, ("W", "b")
    hand = read(wrong, ((6, 4),))
    rng = np.random.default_rng(0)
    arrays = {"x": rng.normal(size=(6, 4)), **hand.parameters}
    if reference == "twin":
        judge = Twin(torch_dense(), hand, torch.device("cpu"))
    else:
        judge = Numeric(hand, [("input", "x"), ("parameter", "W"), ("parameter", "b")])
    exam = Examination(hand, judge)
    found = structural(exam.trial(arrays, exam.upstream(arrays, rng)))
    assert {finding.row: finding.code for finding in found} == {"W": "extra-mean", "b": "extra-mean"}


def torch_dense():
    class TorchDense(nn.Module):
        def __init__(self):
            super().__init__()
            self.W, self.b = nn.Parameter(torch.zeros(3, 4)), nn.Parameter(torch.zeros(3))

        def forward(self, x):
            return x @ self.W.T + self.b

    return TorchDense()


def test_no_time_no_name():
    trial = trial_of(*dense(lambda g, dz, x: {"b": dz.mean(axis=0)}), ((6, 4),))
    assert structural(trial, limit_s=0) == []


def test_what_is_confirmed_in_time_is_named():
    """Time runs out in the middle: a sign is a sign, but a factor could still be a special case of something."""

    def last(evidence, keys):
        raise Exhausted
        yield

    first = structure.BACKWARD[0][:3]
    with patch.object(structure, "BACKWARD", ((*first, last),)):
        flipped = trial_of(*dense(lambda g, dz, x: {"b": -g["b"]}), ((6, 4),))
        assert [finding.code for finding in structural(flipped)] == ["sign-flipped"]
        enlarged = trial_of(*dense(lambda g, dz, x: {"b": 1.5 * g["b"]}), ((6, 4),))
        assert structural(enlarged) == []
        with patch.object(structure, "ALONE", {last: "window-edge"}):  # of which a factor is never a more general form
            assert [finding.code for finding in structural(enlarged)] == ["constant-factor"]


def test_a_predicate_that_raises_does_not_end_the_others():
    def odd(evidence, keys):
        raise ZeroDivisionError
        yield

    trial = trial_of(*dense(lambda g, dz, x: {"b": dz.mean(axis=0)}), ((6, 4),))
    with patch.object(structure, "BACKWARD", ((odd, *structure.BACKWARD[0]),)):
        assert [finding.code for finding in structural(trial)] == ["bias-averaged"]
        with patch.object(structure, "ODD", ()), pytest.raises(ZeroDivisionError):
            structural(trial)


def test_claims_that_disagree_name_nothing():
    def claims(*codes):
        return lambda evidence, keys: [Claim(code, keys, lambda other: True, code, "here") for code in codes]

    trial = trial_of(*dense(lambda g, dz, x: {"b": np.sin(g["b"])}), ((6, 4),))
    for codes, named in (
        (["permuted", "sign-flipped"], []),
        (["permuted", "transposed"], ["transposed"]),
        (["permuted", "permuted"], ["permuted"]),
    ):
        with patch.object(structure, "BACKWARD", ((claims(*codes),),)):
            assert [finding.code for finding in structural(trial)] == named


def test_other_data_keep_rows_that_are_shares():
    """A softmax with cross-entropy is p − y only where the rows of y sum to 1."""
    rng = np.random.default_rng(0)
    one_hot = mixed(np.eye(3), (5, 3), rng)
    assert set(one_hot.ravel()) == {0, 1}
    np.testing.assert_array_equal(one_hot.sum(axis=1), 1)
    assert not np.isin(mixed(np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]]), (5, 3), rng), (0, 1)).all()


def test_a_claim_must_hold_on_other_data():
    def here_alone(evidence, keys):
        yield Claim("permuted", keys, lambda other: other is evidence, "here alone", "here")

    trial = trial_of(*dense(lambda g, dz, x: {"b": np.sin(g["b"])}), ((6, 4),))
    with patch.object(structure, "BACKWARD", ((here_alone,),)):
        assert structural(trial) == []
