"""Is one mistake told once, in the user's own words, and for the reason that it has?"""

import numpy as np
import torch

import parity


class Recurrent:
    """h_t = tanh(x_t W + h_{t−1} U); backward carries nothing back."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.W, self.U = rng.normal(size=(2, 3)), rng.normal(size=(3, 3)) / 2

    def forward(self, x):
        self.x, self.h = x, [np.zeros((len(x), 3))]
        for t in range(x.shape[1]):
            h = self.h[-1]
            self.h.append(np.tanh(x[:, t] @ self.W + h @ self.U))
        return np.stack(self.h[1:], axis=1)

    def backward(self, dh):
        self.dW, self.dU, dx = np.zeros_like(self.W), np.zeros_like(self.U), np.zeros_like(self.x)
        for t in reversed(range(self.x.shape[1])):
            da = dh[:, t] * (1 - self.h[t + 1] ** 2)
            self.dW += self.x[:, t].T @ da
            self.dU += self.h[t].T @ da
            dx[:, t] = da @ self.W.T
        return dx


class Normalised:
    """Batch normalisation without γ and β; backward lacks the 1/N."""

    def forward(self, x):
        self.inverse = 1 / np.sqrt(x.var(axis=0) + 1e-5)
        self.y = (x - x.mean(axis=0)) * self.inverse
        return self.y

    def backward(self, dy):
        N = len(dy)
        return self.inverse * (N * dy - dy.sum(axis=0) - self.y * (dy * self.y).sum(axis=0))


class Averaged(torch.autograd.Function):
    """x Wᵀ + b, the bias added in place; backward averages the gradient by it."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        out = x.mm(weight.t())
        out += bias.unsqueeze(0).expand_as(out)
        return out

    @staticmethod
    def backward(ctx, dout):
        x, weight = ctx.saved_tensors
        return dout.mm(weight), dout.t().mm(x), dout.mean(0)


def columns(X, W1, b1, W2, b2):
    return W2 @ np.tanh(W1 @ X + b1) + b2


def averaged_columns(dy, X, W1, b1, W2, b2):
    m = X.shape[1]
    A = np.tanh(W1 @ X + b1)
    dZ = (W2.T @ dy) * (1 - A**2)
    dW1, db1 = dZ @ X.T / m, dZ.sum(axis=1, keepdims=True) / m
    return W1.T @ dZ, dW1, db1, dy @ A.T / m, dy.sum(axis=1, keepdims=True) / m


def cross_entropy(p, t):
    return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p)), (t - p) / (p * (1 - p)) / p.size


def test_a_state_that_is_not_carried_back_is_told_once_by_its_name():
    (finding,) = parity.check(Recurrent(), (2, 4, 2)).causes
    assert finding.code == "time-truncated"
    assert {finding.row, *finding.also} == {"W", "U", "x"}
    assert "`h` at test_one_finding.py:" in finding.sentence


def test_a_count_that_divides_too_much_everywhere_is_one_mistake():
    (finding,) = parity.check((columns, averaged_columns), (3, 5), (4, 3), (4, 1), (1, 4), (1, 1)).causes
    assert (finding.code, finding.repair.old, finding.repair.new) == ("extra-mean", "X.shape[1]", "1")
    assert {finding.row, *finding.also} == {"W1", "b1", "W2", "b2"}


def test_no_loss_is_spoken_of_where_there_is_none():
    (finding,) = parity.check(Normalised(), (5, 4)).causes
    assert finding.code == "missing-mean"
    assert "loss" not in finding.sentence


def test_an_averaged_bias_is_called_so_on_tensors_too():
    (finding,) = parity.check(Averaged.apply, (5, 4), (3, 4), (3,)).causes
    assert finding.code == "bias-averaged"


def test_a_sign_is_flipped_where_one_is_mistaken():
    (finding,) = parity.check(cross_entropy, np.linspace(0.1, 0.9, 5), np.array([0.0, 1, 1, 0, 1])).causes
    assert (finding.code, finding.repair.old, finding.repair.new) == ("sign-flipped", "t - p", "p - t")


def test_what_nothing_explains_is_told_once():
    def backward(dy, x, w):
        return np.cumsum(dy, axis=0) @ np.cos(3 * w).T, np.sin(x).T @ np.cumsum(dy, axis=1)

    (finding,) = parity.check((lambda x, w: np.tanh(x @ w), backward), (5, 4), (4, 3)).causes
    assert (finding.code, {finding.row, *finding.also}) == ("unknown", {"x", "w"})
    assert "gradients by" in finding.sentence


def test_a_row_that_fails_within_its_budget_shows_the_reason_for_the_share():
    class Summed:
        def __init__(self):
            self.W, self.dW = np.ones((4, 3)), np.zeros((4, 3))

        def forward(self, x):
            self.x = x
            return x @ self.W

        def backward(self, dy):
            self.dW += self.x.T @ dy
            return dy @ self.W.T

    (line,) = [line for line in str(parity.check(Summed(), (5, 4))).splitlines() if "FAIL" in line]
    assert line.endswith("accumulated")
    assert "of budget" not in line


def test_a_check_that_fails_on_agreeing_rows_says_so_in_the_end():
    def backward(dy, x):
        dy[x <= 0] = 0
        return dy

    report = parity.check((lambda x: np.maximum(x, 0), backward), (5, 4))
    assert report.verdict == "fail"
    assert str(report).splitlines()[-1] == "All 2 agree, but the check fails all the same: input-mutated."


def test_a_wider_type_is_told_once_with_the_line_where_it_comes_in():
    def backward(dy, x, w):
        scale = np.ones(3)
        dz = dy * scale
        return dz @ w.T, x.T @ dz

    (finding,) = parity.check((lambda x, w: x @ w, backward), (5, 4), (4, 3), dtype="float32").causes
    assert (finding.code, {finding.row, *finding.also}) == ("dtype-changed", {"x", "w"})
    assert finding.where == f"test_one_finding.py:{backward.__code__.co_firstlineno + 1}"


def test_a_sentence_does_not_read_the_edit_out_that_stands_below():
    def backward(dy, x, w):
        return dy @ w.T, (x.T @ dy) / 2

    (finding,) = parity.check((lambda x, w: x @ w, backward), (5, 4), (4, 3)).causes
    assert "write" not in finding.sentence
    assert finding.repair.sentence.startswith("write ")
