"""Are causes told apart that coincide on careless data?"""

import numpy as np

from parity_tests.diagnosed import diagnosed, trial_of, with_method
from parity_tests.structures import Dense, Embedding
from parity_tests.structures_in_steps import Conv1d


def dense(change, inputs=4, outputs=3):
    """(a Dense whose gradients are change(gradients, dz, x) in part, the right one)."""

    def backward(self, dz, x):
        dx, gradients = Dense.backward(self, dz, x)
        return dx, gradients | change(gradients, dz, x)

    return with_method(Dense(inputs, outputs), backward=backward), Dense(inputs, outputs)


def test_half_and_a_mean_over_two_rows_are_told_apart():
    assert diagnosed(*dense(lambda g, dz, x: {"b": dz.mean(axis=0)}), ((2, 4),)) == {"b": "bias-averaged"}
    assert diagnosed(*dense(lambda g, dz, x: {"b": dz.sum(axis=0) / 2}), ((2, 4),)) == {"b": "constant-factor"}


def test_a_mean_over_three_rows_and_over_three_outputs_are_told_apart():
    assert diagnosed(*dense(lambda g, dz, x: {"W": g["W"] / len(x)}), ((3, 4),)) == {"W": "extra-mean"}
    assert diagnosed(*dense(lambda g, dz, x: {"W": g["W"] / dz.shape[1]}), ((3, 4),)) == {"W": "wrong-count"}


def test_a_2_that_may_be_a_size_or_a_constant_is_not_named():
    """Two outputs: their number cannot be changed, since W has it too."""
    assert diagnosed(*dense(lambda g, dz, x: {"W": g["W"] / dz.shape[1]}, outputs=2), ((3, 4),)) == {}


def test_a_transpose_is_told_from_what_only_looks_so_on_symmetric_data():
    """dW = dzᵀ x is symmetric for x = dz = 1 … alone; on other data the reversed one is another."""
    x = np.ones((4, 4))
    assert diagnosed(*dense(lambda g, dz, x: {"W": x.T @ dz}, outputs=4), (x,)) == {"W": "transposed"}
    assert diagnosed(*dense(lambda g, dz, x: {"W": g["W"][::-1]}, outputs=4), (x,)) == {"W": "permuted"}


def test_one_window_tells_no_stride():
    """With one position of the output no stride is proved wrong; on longer signals the same backward is."""

    def backward(self, dz, xp):
        return Conv1d.backward(with_method(self, stride=1), dz, xp)

    layer = Conv1d(stride=2)
    wrong = with_method(layer, backward=backward)
    assert not trial_of(wrong, layer, ((3, 2, 3),)).wrong()
    assert set(diagnosed(wrong, layer, ((3, 2, 9),)).values()) <= {"window-edge"}


def test_an_index_that_repeats_on_other_data_alone():
    """The index given repeats nothing: the trial is right, and nothing is asked."""

    def backward(self, dy, index):
        dW = np.zeros_like(self.W)
        dW[index] = dy
        return None, {"W": dW}

    wrong = with_method(Embedding(), backward=backward)
    assert diagnosed(wrong, Embedding(), (np.array([2, 0, 1, 3]),)) == {}
    assert diagnosed(wrong, Embedding(), (np.array([2, 0, 2, 3]),)) == {"W": "duplicate-index"}


def test_two_mistakes_are_named_by_themselves():
    wrong, right = dense(lambda g, dz, x: {"b": dz.mean(axis=0), "W": x.T @ dz})
    assert diagnosed(wrong, right, ((6, 4),)) == {"W": "transposed", "b": "bias-averaged"}
