"""Do probes of calls find what one call hides, and nothing in subjects that are right?"""

import numpy as np
import pytest

import parity
from parity_tests.keepers import Affine, B, W


def failed(subject, *inputs, **options):
    """{row: its code} of what fails."""
    report = parity.check(subject, *(inputs or ((5, 4),)), **options)
    return {row.name: row.cause for row in report.rows if row.verdict == "fail"}


def right(subject, *inputs, **options):
    report = parity.check(subject, *(inputs or ((5, 4),)), **options)
    assert report.ok, report
    return report


class Adds(Affine):
    """Gradients are added to what is there."""

    def __init__(self):
        super().__init__()
        self.clear()

    def clear(self):
        self.dW, self.db = np.zeros_like(self.W), np.zeros_like(self.b)

    def backward(self, dz):
        dW, db = self.both(dz)
        self.dW, self.db = self.dW + dW, self.db + db
        return dz @ self.W.T


def test_gradients_that_are_added_up_are_found():
    assert failed(Adds()) == {"W": "accumulated", "b": "accumulated"}


@pytest.mark.parametrize("name", ["zero_grad", "zero_grads", "zero_gradients", "reset_grad", "clear_grads"])
def test_adding_is_right_where_the_object_can_clear(name):
    right(type("Clears", (Adds,), {name: Adds.clear})())


def test_adding_is_right_where_the_parts_can_clear():
    class Net:
        def __init__(self):
            self.layer = type("Clears", (Adds,), {"zero_grad": Adds.clear})()

        def forward(self, x):
            return self.layer.forward(x)

        def backward(self, dz):
            return self.layer.backward(dz)

    right(Net())


def test_adding_is_right_where_forward_clears():
    class ClearsInForward(Adds):
        def forward(self, x):
            self.clear()
            return super().forward(x)

    right(ClearsInForward())


class Stack(Affine):
    """The cache is a stack: one entry for each pending call."""

    def __init__(self):
        super().__init__()
        self.caches = []

    def forward(self, x):
        self.caches.append(x)
        return x @ self.W + self.b

    def backward(self, dz):
        self.x = self.caches.pop()
        return super().backward(dz)


class UsedUp(Affine):
    def backward(self, dz):
        dx = super().backward(dz)
        del self.x
        return dx


@pytest.mark.parametrize("subject", [Stack, UsedUp])
def test_a_cache_of_its_own_may_be_used_up(subject):
    right(subject())


class ChangesCache(Affine):
    def backward(self, dz):
        dx = super().backward(dz)
        self.x = self.x * 0.5
        return dx


def test_a_cache_that_backward_changes_is_found():
    assert failed(ChangesCache()) == {"W": "cache-mutated"}


class Contract:
    """Our contract: the cache is the caller's."""

    params = ("W",)

    def __init__(self):
        self.W = W.copy()

    def forward(self, x):
        return x @ self.W, [x]

    def backward(self, dz, cache):
        return dz @ self.W.T, {"W": cache[0].T @ dz}


class Pops(Contract):
    def backward(self, dz, cache):
        return dz @ self.W.T, {"W": cache.pop().T @ dz}


def test_a_cache_of_the_callers_may_not_be_used_up():
    right(Contract())
    assert failed(Pops()) == {"x": "cache-mutated", "W": "cache-mutated"}


class Steps(Affine):
    """Updates W before the gradient passes through it."""

    early = True

    def backward(self, dz):
        self.dW, self.db = self.both(dz)
        dx = dz @ self.W.T
        self.W = self.W - 0.1 * self.dW
        return dz @ self.W.T if self.early else dx


def test_weights_that_change_too_early_are_found():
    assert failed(Steps()) == {"x": "updated-weights"}


def test_weights_that_change_afterwards_are_said_and_wrong_in_nothing():
    late = Steps()
    late.early = False
    report = right(late)
    assert [finding.code for finding in report.causes] == ["updated-weights"]


class Counts(Affine):
    """Harmless state: a counter, a growing list."""

    def __init__(self):
        super().__init__()
        self.calls, self.seen = 0, []

    def forward(self, x):
        self.calls += 1
        self.seen.append(x.shape)
        return super().forward(x)


class Velocity(Affine):
    def __init__(self):
        super().__init__()
        self.velocity = np.zeros_like(B)

    def backward(self, dz):
        dx = super().backward(dz)
        self.velocity = 0.9 * self.velocity + self.db
        return dx


@pytest.mark.parametrize("subject", [Affine, Counts, Velocity])
def test_harmless_state_is_no_finding(subject):
    assert right(subject()).causes == ()
