"""Does a check survive any subject, and leave everything as it found it?"""

import os

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import parity
import scratch


class Noisy(scratch.Linear):
    def backward(self, dz, x):
        dx, grads = super().backward(dz, x)
        return dx + np.random.normal(size=dx.shape), grads  # noqa: NPY002


class Remembers(scratch.Linear):
    store = [1.0]  # noqa: RUF012 (shared by all copies: that is the mistake)

    def backward(self, dz, x):
        self.store.append(1.0)
        dx, grads = super().backward(dz, x)
        return dx * sum(self.store), grads


@pytest.mark.parametrize("subject", [Noisy, Remembers])
def test_two_equal_calls_that_differ_are_no_rounding(subject):
    report = parity.check(subject(4, 3, rng=0), (5, 4), against=nn.Linear(4, 3))
    assert {row.name: row.cause for row in report.rows if row.verdict == "fail"} == {"x": "nondeterministic"}


def test_a_random_twin_is_refused():
    class Dropped(nn.Linear):
        def forward(self, x):
            return F.dropout(super().forward(x), 0.5, True)

    with pytest.raises(ValueError, match="the twin Dropped is random"):
        parity.check(scratch.Linear(4, 3, rng=0), (50, 4), against=Dropped(4, 3))


class Meddles(scratch.Linear):
    def backward(self, dz, x):
        np.random.seed(1)  # noqa: NPY002
        np.seterr(all="raise")
        os.chdir("/")
        torch.manual_seed(3)
        return super().backward(dz, x)


def test_what_a_subject_meddles_with_is_put_back():
    twin = nn.Linear(4, 3)
    before = np.random.get_state()[1].tolist(), np.geterr(), os.getcwd(), torch.get_rng_state().tolist()  # noqa: NPY002
    assert parity.check(Meddles(4, 3, rng=0), (5, 4), against=twin).ok
    after = np.random.get_state()[1].tolist(), np.geterr(), os.getcwd(), torch.get_rng_state().tolist()  # noqa: NPY002
    assert before == after


def test_a_subject_that_exits_is_an_error():
    class Leaves(scratch.Linear):
        def backward(self, dz, x):
            raise SystemExit(0)

    assert parity.check(Leaves(4, 3), (5, 4), against=nn.Linear(4, 3)).verdict == "error"


def test_an_exception_of_the_subject_is_an_error_that_names_its_line():
    class Raises(scratch.Linear):
        def backward(self, dz, x):
            raise KeyError("no such weight")

    report = parity.check(Raises(4, 3), (5, 4), against=nn.Linear(4, 3))
    assert report.verdict == "error"
    (cause,) = report.causes
    assert cause.code == "raised"
    assert cause.where.startswith("test_no_harm.py:")
    assert "no such weight" in str(report)


def test_writing_to_the_upstream_gradient_is_a_finding_on_that_line():
    class Writes(scratch.Linear):
        def backward(self, dz, x):
            dz *= 2
            return super().backward(dz, x)

    report = parity.check(Writes(4, 3), (5, 4), against=nn.Linear(4, 3))
    assert report.verdict == "fail"
    line = Writes.backward.__code__.co_firstlineno + 1
    assert report.causes[0].code == "input-mutated"
    assert report.causes[0].where == f"test_no_harm.py:{line}"
    assert "writes to its upstream gradient" in str(report)


def global_random_states():
    return np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002 (it must stay as it is)


def test_nothing_is_changed_by_a_check():
    net, twin = scratch.models.mlp((3, 4, 2), rng=0), nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    x = np.random.default_rng(0).normal(size=(5, 3))
    before = [x.tobytes(), *(array.tobytes() for array in scratch.named_parameters(net).values())]
    weights = [parameter.detach().clone() for parameter in twin.parameters()]
    states = global_random_states()
    parity.assert_parity(net, x, against=twin)
    assert before == [x.tobytes(), *(array.tobytes() for array in scratch.named_parameters(net).values())]
    assert all(torch.equal(a, b) for a, b in zip(weights, twin.parameters(), strict=True))
    assert all(parameter.dtype == torch.float32 for parameter in twin.parameters())
    assert states == global_random_states()
    x[0] = 0  # and it is still writeable
    for array in scratch.named_parameters(net).values():
        array[...] = 0
