"""Do probes on other data, batches and modes find what these data hide, and nothing in subjects that are right?"""

import numpy as np
import pytest
from torch import nn

import parity
from parity_tests.keepers import Affine
from parity_tests.test_probes import failed, right


class Averages(Affine):
    """The gradient of a mean for a sum: the same for a batch of one."""

    def both(self, dz):
        return self.x.T @ dz / len(dz), dz.mean(axis=0)


def test_what_is_right_for_a_batch_of_one_alone_is_found():
    assert failed(Averages(), (1, 4)) == {"W": "batch-of-one-only", "b": "batch-of-one-only"}
    right(Affine(), (1, 4))


class Fixed(Affine):
    """A backward with the batch size written into it."""

    def both(self, dz):
        return self.x.T @ dz, (np.ones((1, 5)) @ dz)[0]


def test_a_backward_of_one_batch_size_is_found():
    report = parity.check(Fixed(), (5, 4))
    assert report.verdict == "fail"
    assert "for a batch of 1, keepers.py" not in str(report)
    assert "for a batch of 1, test_probes_of_data.py" in str(report)


class OwnBatch(Affine):
    def forward(self, x):
        if x.shape != (5, 4):
            raise ValueError("made for five rows")
        return super().forward(x)


@pytest.mark.parametrize("against", [None, nn.Linear(4, 3)], ids=["numeric", "twin"])
def test_a_forward_of_one_batch_size_is_right(against):
    assert right(OwnBatch(), against=against).causes == ()


class Remembers(Affine):
    """A recurrent cell that starts from a state of five rows."""

    def __init__(self):
        super().__init__()
        self.h = np.full((5, 3), 0.2)

    def forward(self, x):
        return super().forward(x) + self.h

    def both(self, dz):
        return self.x.T @ dz + 0 * self.h[:4], dz.sum(axis=0)


def test_a_state_of_one_batch_size_is_no_mistake():
    right(Remembers())


class Dropout:
    """A mask from a generator of its own; mode: train or eval."""

    kept_in_eval = 1.0

    def __init__(self, training=True):
        self.rng, self.training = np.random.default_rng(3), training

    def forward(self, x):
        self.mask = (self.rng.random(x.shape) > 0.4) / 0.6 if self.training else np.full(x.shape, 1.0)
        return x * self.mask

    def backward(self, dy):
        return dy * self.mask * (1 if self.training else self.kept_in_eval)


def test_dropout_of_its_own_generator_is_right_in_either_mode():
    right(Dropout())
    right(Dropout(training=False))


def test_a_mode_that_is_wrong_is_found_from_the_other():
    scaled = type("Scaled", (Dropout,), {"kept_in_eval": 0.6})
    report = parity.check(scaled(), (5, 4))
    assert "gradient by x is right for train mode and wrong for eval mode" in str(report)
    assert report.verdict == "fail"


class Redraws(Dropout):
    def backward(self, dy):
        return dy * (self.rng.random(dy.shape) > 0.4) / 0.6


def test_a_mask_that_is_drawn_again_is_found():
    assert failed(Redraws()) == {"x": "nondeterministic"}


class BatchNorm:
    """Statistics of the batch, running ones beside them; in eval mode the running ones."""

    in_place = False

    def __init__(self):
        self.gamma, self.beta = np.array([0.5, 1.5, -1.0, 2.0]), np.array([0.1, -0.2, 0.3, 0.4])
        self.running_mean, self.running_var, self.training = np.full(4, 0.1), np.full(4, 1.2), True

    def forward(self, x):
        mean, var = x.mean(axis=0), x.var(axis=0)
        if not self.training:
            mean, var = self.running_mean, self.running_var
        elif self.in_place:
            self.running_mean *= 0.9
            self.running_mean += 0.1 * mean
        else:
            self.running_mean, self.running_var = (
                0.9 * self.running_mean + 0.1 * mean,
                0.9 * self.running_var + 0.1 * var,
            )
        self.scale = np.sqrt(var + 1e-5)
        self.xhat = (x - mean) / self.scale
        return self.gamma * self.xhat + self.beta

    def backward(self, dy):
        self.dgamma, self.dbeta = (dy * self.xhat).sum(axis=0), dy.sum(axis=0)
        d = dy * self.gamma
        if self.training:
            d = d - d.mean(axis=0) - self.xhat * (d * self.xhat).mean(axis=0)
        return d / self.scale


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("batch", [2, 6])
def test_running_statistics_are_no_weights_and_no_memory(batch, in_place):
    norm = BatchNorm()
    norm.in_place = in_place
    report = right(norm, (batch, 4))
    assert {row.name for row in report.rows if row.kind == "parameter"} == {"gamma", "beta"}


def test_a_batch_of_one_proves_nothing_of_batch_norm():
    assert parity.check(BatchNorm(), (1, 4)).verdict == "void"
