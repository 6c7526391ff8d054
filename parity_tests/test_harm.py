"""Does a check survive whatever a subject does, say what it was and on which line, and put back what it changed?"""

import os
import random
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import parity
from parity_tests.keepers import Affine

HERE = "test_harm.py"


def doing(backward=None, forward=None):
    """An Affine with another backward or forward."""
    methods = {"backward": backward, "forward": forward}
    return type("Subject", (Affine,), {name: method for name, method in methods.items() if method})()


def line(function, offset=1):
    """`file.py:n` of the n-th line of a function."""
    return f"{Path(function.__code__.co_filename).name}:{function.__code__.co_firstlineno + offset}"


def check(backward=None, forward=None, **options):
    return parity.check(doing(backward, forward), (5, 4), **options)


def loops(self, dz):
    while True:
        pass


def sleeps(self, dz):
    time.sleep(60)


def swallows(self, dz):
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            continue


def calls_itself(self, dz):
    return self.backward(dz)


def exits(self, dz):
    sys.exit(3)


def ends(self, dz):
    os._exit(3)


def raises(self, dz):
    raise KeyError("no such weight")


def raises_within_a_library(self, dz):
    return random.sample([1], 2)


class Mute(Exception):
    def __str__(self):
        raise ValueError("no words")


def raises_what_has_no_text(self, dz):
    raise Mute


def raises_no_exception(self, dz):
    raise BaseException("not even an Exception")


def allocates(self, dz):
    return np.ones(10**15)


RAISED = {
    loops: "gave no answer within 0.3 s: it hangs, or needs a larger limit=",
    sleeps: "gave no answer within 0.3 s",
    calls_itself: "raised RecursionError",
    exits: "leaves the process: SystemExit 3",
    ends: "leaves the process: SystemExit os._exit(3)",
    raises: "raised KeyError: 'no such weight'",
    raises_within_a_library: "raised ValueError: Sample larger than population",
    raises_what_has_no_text: "raised Mute: (its text raises as well)",
    raises_no_exception: "raised BaseException: not even an Exception",
    allocates: "raised MemoryError",
}


@pytest.mark.parametrize("backward", RAISED, ids=lambda backward: backward.__name__)
def test_what_ends_a_call_is_named_with_its_line(backward):
    report = check(backward, limit=0.3)
    assert report.verdict == "error"
    (finding,) = report.causes
    assert finding.code == "raised"
    assert RAISED[backward] in finding.sentence
    first, last = backward.__code__.co_firstlineno, backward.__code__.co_firstlineno + 3
    file, _, number = finding.where.rpartition(":")
    assert file == HERE
    assert first < int(number) <= last


def test_no_except_clause_swallows_the_limit():
    report = check(swallows, limit=0.3)
    assert (report.verdict, report.causes[0].code) == ("error", "raised")


def test_the_limit_holds_in_other_threads():
    reports = []
    thread = threading.Thread(target=lambda: reports.append(check(loops, limit=0.3)))
    thread.start()
    thread.join(timeout=30)
    (report,) = reports
    assert report.verdict == "error"
    assert "gave no answer in time: it hangs" in str(report)


def test_a_forward_is_held_to_the_same():
    def slow(self, x):
        time.sleep(60)

    assert line(slow) in str(check(forward=slow, limit=0.3))


def returning(value):
    def backward(self, dz):
        dx = Affine.backward(self, dz)
        return value(dx)

    return backward


NOT_NUMBERS = {
    "text": (lambda dx: "dx", "the gradient by x a str"),
    "object": (lambda dx: dx.astype(object), "the gradient by x an array of object"),
    "tensor": (torch.tensor, "the gradient by x a Tensor"),
    "set": (lambda dx: {1}, "the gradient by x a set"),
    "generator": (iter, "the gradient by x a "),
    "strange-name": (lambda dx: {"z": dx}, "returns a gradient by 'z', which it does not hold"),
}


@pytest.mark.parametrize("name", NOT_NUMBERS)
def test_gradients_that_are_no_numbers_are_named(name):
    value, said = NOT_NUMBERS[name]
    report = check(returning(value))
    assert report.verdict == "error"
    assert said in str(report)


NUMBERS = {
    "shape": (lambda dx: dx[1:], "shape-mismatch"),
    "complex": (lambda dx: dx + 0j, "dtype-changed"),
    "float32": (lambda dx: dx.astype("float32"), "dtype-changed"),
    "nan": (lambda dx: np.where(dx == dx.max(), np.nan, dx), "non-finite"),
    "inf": (lambda dx: np.where(dx == dx.max(), np.inf, dx), "non-finite"),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_gradients_that_are_wrong_numbers_fail_alone(name):
    value, code = NUMBERS[name]
    report = check(returning(value))
    assert {row.name: row.cause for row in report.rows if row.verdict == "fail"} == {"x": code}


def test_no_gradient_at_all_is_no_pass():
    assert check(lambda self, dz: None).verdict == "void"


OUTPUTS = {
    "None": (lambda z: None, "forward returns None for the output"),
    "text": (lambda z: "z", "the output a str"),
    "tensor": (torch.tensor, "the output a Tensor"),
    "object": (lambda z: z.astype(object), "the output an array of object"),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_that_are_no_numbers_are_named(name):
    value, said = OUTPUTS[name]
    report = check(forward=lambda self, x: value(Affine.forward(self, x)))
    assert report.verdict == "error"
    assert said in str(report)


def test_outputs_that_are_not_finite_are_named_and_hide_nothing_else():
    def forward(self, x):
        z = Affine.forward(self, x)
        return np.where(z == z.max(), np.nan, z)

    report = check(forward=forward)
    assert report.verdict == "fail"
    assert report.rows[0].cause == "non-finite"
    assert "nan x budget" not in str(report)
