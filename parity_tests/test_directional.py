"""Are gradients with too many entries to try one by one judged sharply: right ones passed, one wrong entry named?"""

import numpy as np
import pytest

import parity
import scratch

BIG = (100, 120, 60, 10)  # 19,990 parameters and an input of 3,200 entries
SIZES = (40, 50, 30, 5)  # 3,735 parameters and an input of 640
DTYPES = ["float64", "float32"]


class Softsign(scratch.Layer):
    """|z| by way of Python floats: central differences alone can judge a net of it."""

    params = ()

    def forward(self, z):
        size = np.array([abs(float(v)) for v in z.ravel()], z.dtype).reshape(z.shape)
        return z / (1 + size), 1 / (1 + size) ** 2

    def backward(self, da, slope):
        return da * slope, {}


class Changed(scratch.Sequential):
    """A right network whose gradients a change spoils."""

    def __init__(self, net, change=lambda grads: None):
        super().__init__(*net.layers)
        self.change = change

    def backward(self, dy, caches):
        dx, grads = super().backward(dy, caches)
        self.change(grads)
        return dx, grads


def net(change=lambda grads: None, activation=scratch.Tanh, sizes=SIZES, dtype="float64"):
    return Changed(scratch.models.mlp(sizes, activation, rng=0, dtype=dtype), change)


def wrong_rows(report):
    return {row.name: row for row in report.rows if row.verdict == "fail"}


@pytest.mark.parametrize("activation", [scratch.Tanh, scratch.ReLU, scratch.Sigmoid])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_right_net_of_20000_parameters_passes(activation, dtype):
    report = parity.check(net(activation=activation, sizes=BIG), (32, 100), dtype=dtype)
    assert report.ok, report
    assert all("random directions" in row.note for row in report.rows if row.kind != "output")
    assert all(row.hides < 0.1 for row in report.rows)  # a tenth of an entry shows, even in float32


def halved(grads):
    grads["2.weight"][9, 7] /= 2


def zeroed(grads):
    grads["2.weight"][9, 7] = 0


def sign_flipped(grads):
    grads["2.weight"][9, 7] *= -1


def not_zero(grads):
    grads["2.weight"][9, 7] += np.abs(grads["2.weight"]).mean()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("change", [halved, zeroed, sign_flipped, not_zero], ids=lambda change: change.__name__)
def test_a_single_wrong_entry_is_named(change, dtype):
    report = parity.check(net(change), (16, 40), dtype=dtype)
    (row,) = wrong_rows(report).values()
    assert (row.name, row.worst.index, row.note) == ("2.weight", (9, 7), "this entry alone is wrong")


def test_both_values_of_the_wrong_entry_are_given():
    worst = wrong_rows(parity.check(net(halved), (16, 40)))["2.weight"].worst
    assert worst.ours == pytest.approx(worst.theirs / 2, rel=1e-12)  # float64 rounds a sum of 32 terms to 1e-14


def test_an_entry_of_zero_that_should_not_be_is_named_in_a_dead_net():
    """Where ReLU left entries exactly 0, another value there is seen as well."""
    dead = []

    def revived(grads):
        if not dead:
            dead.append(tuple(int(i) for i in np.argwhere(grads["2.weight"] == 0)[0]))
        grads["2.weight"][dead[0]] = np.abs(grads["2.weight"]).max()

    subject = net(revived, scratch.ReLU)
    subject.layers[0].bias[0] = -100.0  # hidden unit 0 is never on
    row = wrong_rows(parity.check(subject, (16, 40)))["2.weight"]
    assert row.worst.index == dead[0]
    assert row.worst.theirs == 0


def test_a_tiny_entry_among_large_ones_is_named():
    tiny = []

    def change(grads):
        weight = grads["2.weight"]
        if not tiny:
            tiny.append(np.unravel_index(np.argmin(np.abs(weight)), weight.shape))
        weight[tiny[0]] *= -1

    row = wrong_rows(parity.check(net(change), (16, 40)))["2.weight"]
    assert row.worst.index == tuple(int(i) for i in tiny[0])
    assert abs(row.worst.theirs) < 1e-3  # of entries around 1


def test_several_wrong_entries_and_rows_are_told():
    def change(grads):
        grads["2.weight"][3] *= 1.01
        grads["0.bias"][2] = 0

    rows = wrong_rows(parity.check(net(change), (16, 40)))
    assert set(rows) == {"2.weight", "0.bias"}
    assert rows["2.weight"].worst.index[0] == 3
    assert rows["2.weight"].arrays is not None  # judged entry by entry, now that it is known to be wrong
    assert rows["0.bias"].worst.index == (2,)


@pytest.mark.parametrize("dtype", DTYPES)
def test_two_equal_errors_do_not_cancel(dtype):
    def backward(dy, x):
        dx = 2 * x * dy
        dx[:2, 5] *= -1
        return dx

    found = [parity.check((lambda x: x**2, backward), (50, 60), dtype=dtype, seed=k).verdict for k in range(5)]
    assert found == ["fail"] * 5


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_factor_on_all_entries_is_seen(dtype):
    def change(grads):
        grads["0.weight"] *= 1.01

    assert set(wrong_rows(parity.check(net(change), (16, 40), dtype=dtype))) == {"0.weight"}


@pytest.mark.parametrize("dtype", DTYPES)
def test_central_differences_blame_no_right_gradient(dtype):
    sizes = (40, 50, 20)
    right = parity.check(net(activation=Softsign, sizes=sizes), (6, 40), dtype=dtype)
    assert right.ok, right
    assert "central differences" in right.title

    def change(grads):
        grads["0.weight"][5, 6] = 0

    (row,) = wrong_rows(parity.check(net(change, Softsign, sizes), (6, 40), dtype=dtype)).values()
    assert (row.name, row.worst.index) == ("0.weight", (5, 6))


def test_a_gradient_of_another_shape_is_no_direction():
    def change(grads):
        grads["0.weight"] = grads["0.weight"].T

    (row,) = wrong_rows(parity.check(net(change), (16, 40))).values()
    assert (row.name, row.cause, row.note) == ("0.weight", "transposed", "expected (50, 40)")


def test_a_gradient_of_zeros_proves_nothing():
    class Constant(scratch.Linear):
        def forward(self, x):
            return np.zeros((len(x), 3)) + 0 * x[:, :3], x

        def backward(self, dz, x):
            return np.zeros_like(x), {"weight": np.zeros_like(self.weight), "bias": np.zeros(3)}

    report = parity.check(Constant(700, 3, rng=0), (2, 700))
    assert report.verdict == "void"
    assert not report.ok


class OnAtZero(scratch.ReLU):
    """max(0, z) with the slope 1 at 0, as right as 0 is."""

    def forward(self, z):
        a, _ = super().forward(z)
        return a, (z.real >= 0).astype(z.real.dtype)


@pytest.mark.parametrize("relu", [scratch.ReLU, OnAtZero])
def test_kinks_are_judged_beside_them(relu):
    """Rows of zeros and no bias: whole rows of hidden units stand on the kink of ReLU."""
    x = np.random.default_rng(0).normal(size=(16, 40))
    x[:3] = 0

    def build(change=lambda grads: None):
        subject = net(change, relu)
        for layer in subject.layers[::2]:
            layer.bias[:] = 0
        return subject

    right = parity.check(build(), x)
    assert right.ok, right
    assert {finding.code for finding in right.causes} == {"kink"}
    assert set(wrong_rows(parity.check(build(halved), x))) == {"2.weight"}
