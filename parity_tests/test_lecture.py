"""Are the lecture's own classes, as they stand on its slides, read and judged?"""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import parity


class LinearSigmoidLayer:
    def __init__(self, in_dim, out_dim):
        self.W = np.random.normal(size=(in_dim, out_dim))  # noqa: NPY002 (as on the slide)
        self.W_grad = np.zeros_like(self.W)
        self.afunc = lambda x: 1.0 / (1.0 + np.exp(-x))

    def forward(self, x):
        Wx = np.matmul(x, self.W)
        self.y = self.afunc(Wx)
        self.x = x
        return self.y

    def backward(self, grad_out):
        self.W_grad = np.matmul(self.x.transpose(), self.y * (1 - self.y) * grad_out)
        grad_in = np.matmul(self.y * (1 - self.y) * grad_out, self.W.transpose())
        return grad_in  # noqa: RET504


class Net:
    def __init__(self, x_dim, W_dim):
        self.l1 = LinearSigmoidLayer(x_dim, W_dim)
        self.l2 = LinearSigmoidLayer(W_dim, 1)

    def predict(self, x):
        h = self.l1.forward(x)
        self.y = self.l2.forward(h)
        return self.y

    def backward(self, label):
        if label == 1:
            J = -1 * np.log(self.y)
            dJ = -1 / self.y
        else:
            J = -1 * np.log(1 - self.y)
            dJ = 1 / (1 - self.y)
        dJdh = self.l2.backward(dJ)
        dJdx = self.l1.backward(dJdh)  # noqa: F841 (as on the slide)
        return J

    def grad_step(self, lr=1e-4):
        self.l1.W -= lr * self.l1.W_grad
        self.l2.W -= lr * self.l2.W_grad


class NetWithoutBackward:
    def __init__(self, x_dim, W_dim):
        self.W = np.random.normal(size=(x_dim, W_dim))  # noqa: NPY002 (as on the slide)
        self.V = np.random.normal(size=(W_dim, 1))  # noqa: NPY002
        self.afunc = lambda x: 1 / (1 + np.exp(-x))

    def predict(self, x):
        l1 = self.afunc(np.matmul(x, self.W))
        return self.afunc(np.matmul(l1, self.V))


@pytest.fixture
def net():
    with_weights = Net(2, 3)
    with_weights.l1.W = np.array([[1.0, -1.0, 3.0], [2.0, 2.0, -1.0]])
    with_weights.l2.W = np.array([[0.1], [0.5], [-0.1]])
    return with_weights


@pytest.fixture
def layer():
    one = LinearSigmoidLayer(4, 3)
    one.W = np.random.default_rng(0).normal(size=(4, 3))
    return one


X = np.array([5.0, 3.0])[np.newaxis, ...]


def test_the_layer_is_right(layer):
    report = parity.assert_parity(layer, (5, 4))
    assert [row.name for row in report.rows] == ["output", "x", "W"]
    assert "read as the lecture's kind, gradients at W_grad" in report.conditions


def test_the_layer_is_torchs_with_its_weight_transposed(layer):
    twin = nn.Sequential(nn.Linear(4, 3, bias=False), nn.Sigmoid())
    assert "W crosses to 0.weight transposed" in parity.assert_parity(layer, (5, 4), against=twin).conditions


def test_the_net_is_right_on_its_worked_example(net):
    """A label of 1 unless another is given; the loss is what backward returns, so it is the output."""
    report = parity.assert_parity(net, X)
    assert [row.name for row in report.rows] == ["output", "l1.W", "l2.W"]
    assert "from its own loss" in report.conditions
    assert report.rows[0].worst.ours == pytest.approx(0.52699227, abs=5e-9)  # as printed on the slide


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("batch", [1, 5])
def test_the_net_is_right_for_either_label(net, label, batch):
    assert parity.check(net, (batch, 2), label).ok
    assert parity.check(net, (batch, 2), np.array(label)).ok


def lecture_loss(x, label, W, V):
    y = torch.sigmoid(torch.sigmoid(x @ W) @ V)
    return F.binary_cross_entropy(y, torch.full_like(y, float(label)), reduction="none")


def test_the_net_agrees_with_autograd(net):
    class Twin(nn.Module):
        def __init__(self):
            super().__init__()
            self.W, self.V = nn.Parameter(torch.zeros(2, 3)), nn.Parameter(torch.zeros(3, 1))

        def forward(self, x, label):
            return lecture_loss(x, label, self.W, self.V)

    report = parity.assert_parity(net, (5, 2), 0, against=Twin())
    assert "l1.W crosses to W; l2.W crosses to V" in report.conditions


def without_slope(self, grad_out):
    self.W_grad = np.matmul(self.x.transpose(), grad_out)
    return np.matmul(grad_out, self.W.transpose())


def test_a_layer_without_its_slope_is_caught(layer, net, monkeypatch):
    monkeypatch.setattr(LinearSigmoidLayer, "backward", without_slope)
    wrong = {row.name for row in parity.check(layer, (5, 4)).rows if row.verdict == "fail"}
    assert wrong == {"x", "W"}
    wrong = {row.name for row in parity.check(net, (5, 2)).rows if row.verdict == "fail"}
    assert wrong == {"l1.W", "l2.W"}


class OnlyRightForOne(Net):
    """dJ of the label 1 whatever the label."""

    def backward(self, label):
        J = -np.log(self.y) if label == 1 else -np.log(1 - self.y)
        self.l1.backward(self.l2.backward(-1 / self.y))
        return J


def test_the_other_label_is_tried_as_well(net):
    net.__class__ = OnlyRightForOne
    report = parity.check(net, (5, 2))
    assert report.verdict == "fail"
    assert parity.check(net, (5, 2), 0).verdict == "fail"


class OfMeans(Net):
    """A batch of labels, J a number."""

    def backward(self, label):
        y, n = self.y, len(self.y)
        self.l1.backward(self.l2.backward((y - label) / (y * (1 - y)) / n))
        return -np.mean(label * np.log(y) + (1 - label) * np.log(1 - y))


class OfSums(OfMeans):
    """J of the sum, dJ of the mean."""

    def backward(self, label):
        return super().backward(label) * len(self.y)


def test_a_batch_of_labels_and_a_number_for_J(net):
    labels = np.array([[0.0], [1.0], [1.0], [0.0]])
    net.__class__ = OfMeans
    assert parity.check(net, (4, 2), labels).ok
    net.__class__ = OfSums
    assert parity.check(net, (4, 2), labels).verdict == "fail"


class NoLoss(Net):
    def backward(self, label):
        super().backward(label)


def test_a_net_that_keeps_its_loss_to_itself_is_told_to_return_it(net):
    net.__class__ = NoLoss
    report = parity.check(net, X)
    assert report.verdict == "error"
    assert "starts from a loss of its own but does not return it" in str(report)


def test_a_net_without_backward_is_refused_by_name():
    with pytest.raises(TypeError, match="NetWithoutBackward has no backward, so there is no derivation to check"):
        parity.check(NetWithoutBackward(2, 3), X)
