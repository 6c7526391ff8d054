"""Is what a subject writes, prints or draws found with its line, and the process left as it was?"""

import cProfile
import os
import random
import sys
import threading
import warnings

import numpy as np
import pytest
import torch

import parity
from parity_tests.keepers import Affine
from parity_tests.test_harm import check, line


def test_an_interrupt_of_the_users_ends_the_check():
    def interrupted(self, dz):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(interrupted)


def states():
    """Everything of the process that a check may touch."""
    return (
        os.getcwd(),
        np.geterr(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
        random.getstate(),
        torch.get_rng_state().tolist(),
        torch.get_num_threads(),
        np.zeros,
        np.random.default_rng,
        os._exit,
        warnings.filters[:],
    )


def meddles(self, dz):
    os.chdir("/")
    np.seterr(all="raise")
    np.random.seed(5)  # noqa: NPY002
    random.seed(5)
    torch.manual_seed(5)
    warnings.simplefilter("error")
    return Affine.backward(self, dz)


def breaks(self, dz):
    meddles(self, dz)
    raise RuntimeError("in the middle")


@pytest.mark.parametrize("backward", [meddles, breaks])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_process_is_left_as_it_was(backward, dtype):
    before = states()
    check(backward, dtype=dtype)
    assert states() == before


def test_nothing_of_the_subject_or_its_inputs_changes():
    subject, x = Affine(), np.random.default_rng(0).normal(size=(5, 4))
    before = {name: array.tobytes() for name, array in vars(subject).items()}
    copy = x.copy()
    parity.assert_parity(subject, x)
    assert {name: array.tobytes() for name, array in vars(subject).items()} == before
    assert (x == copy).all()
    assert x.flags.writeable


def writes_to_its_upstream(self, dz):
    dz *= 0.5
    return Affine.backward(self, dz)


def writes_to_its_input(self, dz):
    dx = Affine.backward(self, dz)
    self.x[0] = 0
    return dx


WRITES = {writes_to_its_upstream: (1, "its upstream gradient"), writes_to_its_input: (2, "its input x")}


@pytest.mark.parametrize("backward", WRITES, ids=lambda backward: backward.__name__)
def test_writing_to_what_is_lent_is_found_on_its_line(backward):
    report = check(backward)
    offset, what = WRITES[backward]
    assert report.verdict == "fail"
    assert report.causes[0].code == "input-mutated"
    assert f"{line(backward, offset)} writes to {what}" in str(report)


def test_writing_to_the_input_in_forward_is_found():
    def centres(self, x):
        x -= x.mean(axis=1, keepdims=True)
        return Affine.forward(self, x)

    report = check(forward=centres)
    assert f"{line(centres)} writes to its input x" in str(report)


def prints(self, dz):
    print("on the way:", dz.shape)  # noqa: T201
    return Affine.backward(self, dz)


def test_what_it_prints_is_kept_and_said(capsys):
    report = check(prints)
    assert report.ok
    assert [finding.code for finding in report.causes] == ["printed"]
    assert f"{line(prints)} prints 'on the way: (5, 3)'" in str(report)
    assert capsys.readouterr().out == ""


def drawing(draw):
    def backward(self, dz):
        return Affine.backward(self, dz) * (1 + 1e-9 * draw())

    return backward


DRAWS = {
    "numpy": lambda: np.random.normal(),  # noqa: NPY002
    "python": lambda: random.random(),
    "torch": lambda: float(torch.rand(())),
    "unseeded": lambda: np.random.default_rng().normal(),
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_backward_that_draws_is_found_however_little_it_adds(name):
    report = check(drawing(DRAWS[name]))
    assert {row.name: row.cause for row in report.rows if row.verdict == "fail"} == {"x": "nondeterministic"}


def test_a_forward_that_draws_is_judged_with_the_same_draws():
    """The global generator is no generator of its own: said; but the derivation itself is told right from wrong."""

    class Noisy(Affine):
        scale = 1.0

        def forward(self, x):
            self.noise = np.random.normal(size=3)  # noqa: NPY002
            return super().forward(x) * self.noise

        def backward(self, dz):
            return super().backward(dz * self.noise * self.scale)

    report = parity.check(Noisy(), (5, 4))
    assert {finding.code for finding in report.causes} == {"nondeterministic"}
    assert all(row.share < 1 for row in report.rows)
    wrong = type("Wrong", (Noisy,), {"scale": 2.0})
    assert any(row.share > 1 for row in parity.check(wrong(), (5, 4)).rows)


def test_a_backward_in_a_thread_of_its_own_is_judged():
    def threaded(self, dz):
        found = []
        thread = threading.Thread(target=lambda: found.append(Affine.backward(self, dz)))
        thread.start()
        thread.join()
        return found[0]

    assert check(threaded).ok


def test_warnings_of_a_subject_are_no_errors():
    def warns(self, dz):
        warnings.warn("careful", stacklevel=1)
        return Affine.backward(self, dz)

    assert check(warns).ok


def test_a_profiler_goes_on():
    class Wrong(Affine):
        def backward(self, dz):
            dx = super().backward(dz)
            self.dW = -self.dW
            return dx

    profile = cProfile.Profile()
    with profile:
        causes = parity.check(Wrong(), (5, 4)).causes
        sorted([])
    assert [cause.code for cause in causes] == ["sign-flipped"]
    assert any("sorted" in str(entry.code) for entry in profile.getstats())


def test_checks_in_several_threads_leave_the_process_as_it_was():
    before = np.zeros, np.asarray, np.random.default_rng, os._exit, sys.stdout
    verdicts = []
    threads = [
        threading.Thread(target=lambda: verdicts.append(parity.check(Affine(), (5, 4)).verdict)) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(verdicts) == 3
    assert (np.zeros, np.asarray, np.random.default_rng, os._exit, sys.stdout) == before
