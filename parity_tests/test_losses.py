"""Are losses torch's under every option, right to the last digits, careful with kinks, labels and what is ignored?"""

import inspect

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

import scratch
import torch_ref
from scratch import losses
from scratch.losses import classes

drawn = settings(derandomize=True, max_examples=25, deadline=None)
DTYPES = (np.float64, np.float32)
REDUCTIONS = st.sampled_from(["mean", "sum", "none"])
seeds = st.integers(0, 2**32 - 1)


def by_torch(loss, output, target, **options):
    """(J, dJ/doutput) by autograd."""
    z = torch.tensor(output, requires_grad=True)
    if "pos_weight" in options:
        options["pos_weight"] = torch.tensor(options["pos_weight"])
    J = loss(z, torch.tensor(target), **options)
    (dz,) = torch.autograd.grad(J.sum(), z)
    return J.detach().numpy(), dz.numpy()


def assert_as_torch(ours, theirs, output, target, **options):
    for found, right in zip(ours(output, target, **options), by_torch(theirs, output, target, **options), strict=True):
        assert found.dtype == output.dtype
        assert np.shape(found) == right.shape
        # torch's log-softmax cancels to 1e-16 of 1, p − 1 likewise; sums here have up to 40 terms of at most 100
        np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-13)


def numbers(rng, shape):
    return np.asarray(rng.normal(size=shape) * rng.choice([1e-8, 1.0, 30.0]))


def shares(rng, shape):
    return np.asarray(rng.uniform(0, 1, shape))


def signs(rng, shape):
    return np.asarray(rng.choice([-1.0, 1.0], shape))


PAIRS = {
    "mse": (losses.mse, F.mse_loss, numbers, numbers),
    "l1": (losses.l1, F.l1_loss, numbers, numbers),
    "huber": (losses.huber, F.huber_loss, numbers, numbers),
    "bce": (losses.bce, F.binary_cross_entropy, shares, shares),
    "bce_with_logits": (losses.bce_with_logits, F.binary_cross_entropy_with_logits, numbers, shares),
    "hinge": (losses.hinge, torch_ref.losses.hinge, numbers, signs),
    "perceptron": (losses.perceptron, torch_ref.losses.perceptron, numbers, signs),
}


@pytest.mark.parametrize("name", PAIRS)
@drawn
@given(data=st.data())
def test_pairs_of_any_shape_are_as_torch(name, data):
    ours, theirs, outputs, targets = PAIRS[name]
    shape = data.draw(st.lists(st.integers(1, 5), max_size=3).map(tuple))
    rng, options = np.random.default_rng(data.draw(seeds)), {"reduction": data.draw(REDUCTIONS)}
    if name == "huber":
        options["delta"] = data.draw(st.floats(1e-3, 50))
    if name == "bce_with_logits" and shape and data.draw(st.booleans()):
        options["pos_weight"] = np.asarray(rng.uniform(0, 4, data.draw(st.sampled_from([(), (1,), shape[-1:]]))))
    assert_as_torch(ours, theirs, outputs(rng, shape), targets(rng, shape), **options)


@pytest.mark.parametrize("name", ["cross_entropy", "nll"])
@drawn
@given(data=st.data())
def test_labels_of_any_number_of_classes_are_as_torch(name, data):
    N, K = data.draw(st.integers(1, 8)), data.draw(st.sampled_from([1, 2, 5, classes.FEW - 1, classes.FEW]))
    rng, ignored = np.random.default_rng(data.draw(seeds)), data.draw(st.sampled_from([-100, -1, 0, 1, 7]))
    target = np.where(rng.random(N) < data.draw(st.sampled_from([0, 0.4])), ignored, rng.integers(0, K, N))
    target[0] = 0 if ignored else K - 1  # one is kept, unless there is but one class
    ignored -= not (ignored or K > 1)
    options = {"reduction": data.draw(REDUCTIONS), "ignore_index": ignored}
    if name == "cross_entropy":
        options["label_smoothing"] = data.draw(st.sampled_from([0.0, 0.1, 1.0]))
    ours, theirs = getattr(losses, name), {"nll": F.nll_loss}.get(name, F.cross_entropy)
    assert_as_torch(ours, theirs, numbers(rng, (N, K)), target, **options)


@drawn
@given(shape=st.tuples(st.integers(1, 8), st.integers(1, 9)), data=st.data())
def test_class_probabilities_are_as_torch(shape, data):
    rng = np.random.default_rng(data.draw(seeds))
    target = shares(rng, shape) * (rng.random(shape) < 0.8)
    options = {"reduction": data.draw(REDUCTIONS), "label_smoothing": data.draw(st.sampled_from([0.0, 0.3]))}
    assert_as_torch(losses.cross_entropy, F.cross_entropy, numbers(rng, shape), target, **options)


LABELS = np.array([1, 0, 3, 1])
CALLS = {  # of an output (4, 5) in −1..1
    "l1": lambda z: losses.l1(z, z[::-1] / 2),
    "huber": lambda z: losses.huber(z, z[::-1] / 2, delta=0.4),
    "bce": lambda z: losses.bce(z * z, (z * z)[::-1]),
    "bce_with_logits": lambda z: losses.bce_with_logits(z, (z * z)[::-1], pos_weight=z[0] * z[0]),
    "cross_entropy": lambda z: losses.cross_entropy(z, LABELS),
    "cross_entropy-ignored": lambda z: losses.cross_entropy(z, LABELS, ignore_index=1),
    "cross_entropy-shares": lambda z: losses.cross_entropy(z, (z * z)[::-1], label_smoothing=0.1),
    "nll": lambda z: losses.nll(z, LABELS),
    "nll-ignored": lambda z: losses.nll(z, LABELS, ignore_index=0),
    "hinge": lambda z: losses.hinge(z, np.sign(z)[::-1].copy()),
    "perceptron": lambda z: losses.perceptron(z, np.sign(z)[::-1].copy()),
}
each = pytest.mark.parametrize("name", CALLS)


@each
@pytest.mark.parametrize("few", [classes.FEW, 0])
@pytest.mark.parametrize("dtype", DTYPES)
def test_any_memory_layout_gives_the_same_numbers_and_fresh_arrays(name, dtype, few, monkeypatch):
    """And so do the two ways to sum over few classes and over many."""
    z = np.random.default_rng(0).uniform(-1, 1, (4, 5)).astype(dtype)
    readonly = z.copy()
    readonly.flags.writeable = False
    layouts = z, np.asfortranarray(z), np.repeat(z, 2, axis=1)[:, ::2], z[::-1, ::-1].copy()[::-1, ::-1], readonly
    J, dz = CALLS[name](z)
    monkeypatch.setattr(classes, "FEW", few)
    for other in layouts:
        for found, right in zip(CALLS[name](other), (J, dz), strict=True):
            np.testing.assert_allclose(found, right, rtol=8 * np.finfo(dtype).eps)
            assert found.dtype == dtype
            assert not np.shares_memory(found, other)


KINKS = {
    "l1": (F.l1_loss, [0.5], [0.5], [0]),
    "huber": (F.huber_loss, [1.0, -1.0], [0.0, 0.0], [1, -1]),
    "hinge": (torch_ref.losses.hinge, [1.0, -1.0, 1.0], [1.0, -1.0, -1.0], [-1, 1, 1]),
    "perceptron": (torch_ref.losses.perceptron, [0.0, 0.0, 2.0], [1.0, -1.0, 1.0], [-1, 1, 0]),
}


@pytest.mark.parametrize("name", KINKS)
def test_kinks_are_taken_as_torch_does_and_as_documented(name):
    theirs, output, target, slope = KINKS[name]
    assert_as_torch(getattr(losses, name), theirs, np.array(output), np.array(target))
    assert getattr(losses, name)(np.array(output), np.array(target), "none")[1].tolist() == slope


def test_descent_by_the_perceptron_loss_is_the_perceptron_rule():
    """Row by row, a miss adds α t x; scratch.Perceptron's rule adds α (t − y) x for labels 0 and 1."""
    rng = np.random.default_rng(3)
    x, t = rng.normal(size=(20, 2)), rng.integers(0, 2, 20).astype(float)
    t[0] = 1  # the start, a score of 0, is a miss for both
    rule, weight, bias = scratch.Perceptron(2), np.zeros(2), 0.0
    rule.fit(x, t, max_epochs=1)
    for row, sign in zip(x, 2 * t - 1, strict=True):
        _, dy = losses.perceptron(np.array([row @ weight + bias]), np.array([sign]))
        weight, bias = weight - dy[0] * row, bias - dy[0]
    assert [*weight, bias] == pytest.approx([*rule.weight, float(rule.bias)])


@pytest.mark.parametrize("loss", [losses.cross_entropy, losses.nll])
@pytest.mark.parametrize(("rows", "why"), [(0, "an empty batch"), (2, "labels that are all ignored")])
def test_nothing_has_a_sum_and_no_mean(loss, rows, why):
    z, target = np.ones((rows, 3)), np.full(rows, -100)
    assert loss(z, target, reduction="sum")[0] == 0
    assert [x.tolist() for x in loss(z, target, reduction="none")] == [rows * [0], rows * [[0, 0, 0]]]
    with pytest.raises(ValueError, match=rf"the mean over {why} is undefined \(output has shape \({rows}, 3\)\)"):
        loss(z, target)


mpmath.mp.dps = 60


def units_of(found, truth):
    return abs(float((mpmath.mpf(float(found)) - truth) / truth)) / np.finfo(found.dtype).eps


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gap", [0.0, 1.0, 12.0, 30.0, 80.0])
def test_every_way_to_cross_entropy_keeps_its_digits(gap, dtype):
    """By labels, by shares, by LogSoftmax and nll, with many classes: where p is near 1, p − 1 would cancel."""
    z = np.array([[gap, 0.0, -gap]], dtype)
    e = [mpmath.exp(mpmath.mpf(float(entry))) for entry in z[0]]
    wide = np.full((1, 80), -np.finfo(dtype).max, dtype)
    wide[0, :3] = z
    layer = scratch.LogSoftmax(1)
    for t in range(3):
        target, rest = np.array([t]), sum(e[:t] + e[t + 1 :])
        a, p = layer.forward(z)
        J, da = losses.nll(a, target)
        ways = [losses.cross_entropy(z, target), losses.cross_entropy(z, np.eye(3, dtype=dtype)[target])]
        ways += [losses.cross_entropy(wide, target), (J, layer.backward(da, p)[0])]
        for J, dz in ways:
            assert units_of(J, mpmath.log1p(rest / e[t])) <= 8
            for k in range(3):
                exact = -rest / sum(e) if k == t else e[k] / sum(e)
                assert abs(exact) < np.finfo(dtype).tiny or units_of(dz[0, k], exact) <= 8


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_largest_logits_give_no_warning(dtype):
    z = np.finfo(dtype).max * np.array([[1, -1, 0], [0, 1, 1]], dtype)
    for target in (np.array([0, 1]), np.eye(3, dtype=dtype)[[0, 1]]):
        J, dz = losses.cross_entropy(z, target, reduction="sum")
        assert pytest.approx(np.log(2), rel=1e-6) == J
        assert dz == pytest.approx(np.array([[0, 0, 0], [0, -0.5, 0.5]]), rel=1e-6)


@pytest.mark.parametrize("name", ["hinge", "perceptron"])
def test_twins_have_the_same_arguments(name):
    assert str(inspect.signature(getattr(losses, name))) == str(inspect.signature(getattr(torch_ref.losses, name)))
