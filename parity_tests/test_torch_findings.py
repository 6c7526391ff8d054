"""Is what torch hides of a hand-written backward seen: casts, sums, shapes, changes in place, lost graphs?"""

import numpy as np
import pytest
import torch
from torch import nn

from parity.subjects import read
from parity.subjects.raised import SubjectRaised
from parity_tests.torch_callables import Block, drawn, function


def seen(backward, forward=lambda ctx, x, w: x * w):
    """What reading, forward and backward of such a Function found, and the results."""
    hand = read(function(backward, forward).apply, [(5, 4), (5, 4)])
    arrays, upstream = drawn(hand, (5, 4), (5, 4))
    results = hand.run(arrays, upstream)
    hand.run(arrays, upstream)
    return {(finding.code, finding.row) for finding in hand.findings}, results, hand


def test_a_gradient_of_another_dtype_is_seen_though_torch_casts_it():
    found, results, hand = seen(lambda ctx, dz: (dz * ctx.saved_tensors[1], (dz * ctx.saved_tensors[0]).float()))
    assert found == {("dtype-changed", "w")}
    assert results["input", "w"].dtype == np.float64
    assert (
        "Product: Product.backward returns torch.float32 for w, a tensor of torch.float64" in hand.findings[0].sentence
    )


def test_a_gradient_that_torch_sums_is_seen():
    hand = read(function(lambda ctx, dz: (dz, dz), lambda ctx, x, b: x + b).apply, [(5, 4), (4,)])
    arrays, (dz,) = drawn(hand, (5, 4), (4,))
    assert hand.run(arrays, [dz])["input", "b"] == pytest.approx(dz.sum(0))
    (finding,) = hand.findings
    assert (finding.code, finding.row) == ("broadcast-not-reduced", "b")


def test_a_gradient_of_a_wrong_shape_is_given_as_it_is():
    """torch raises; the row must show the shape, and the other gradients must still be judged."""
    found, results, _ = seen(lambda ctx, dz: (dz * ctx.saved_tensors[1], (dz * ctx.saved_tensors[0]).T))
    _, right, _ = seen(lambda ctx, dz: (dz * ctx.saved_tensors[1], dz * ctx.saved_tensors[0]))
    assert found == set()
    assert results["input", "w"] == pytest.approx(right["input", "w"].T)
    assert results["input", "x"] == pytest.approx(right["input", "x"])


def test_findings_of_an_intermediate_value_name_the_function():
    hand = read(lambda x: function(lambda ctx, dz: dz.float(), lambda ctx, h: h * 1).apply(x.tanh()), [(3,)])
    hand.run(*drawn(hand, (3,)))
    (finding,) = hand.findings
    assert (finding.code, finding.row, finding.where) == ("dtype-changed", "", "Product.backward")


def written(ctx, x, w):
    x.numpy()[0] = 0  # past torch's version counter
    return x * w


CHANGES = {
    "input": (None, lambda ctx, x, w: x.mul_(2) * w, ("input-mutated", "x")),
    "past-the-counter": (None, written, ("input-mutated", "x")),
    "upstream": (lambda ctx, dz: (dz.mul_(2), dz), lambda ctx, x, w: x * w, ("input-mutated", "upstream")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_changed_in_place_is_seen(name):
    backward, forward, expected = CHANGES[name]
    found, _, _ = seen(backward or (lambda ctx, dz: (dz, dz)), forward)
    assert found == {expected}


def test_weights_that_backward_changes_are_seen():
    class Updates(Block):
        def forward(self, x):
            return function(update, lambda ctx, x, w: x @ w.T).apply(x, self.dense.weight)

    def update(ctx, dz):
        x, weight = ctx.saved_tensors
        dx, dw = dz @ weight, dz.T @ x
        weight.data -= 0.1 * dw
        return dx, dw

    hand = read(Updates(), [(5, 4)])
    hand.run(*drawn(hand, (5, 4)))
    assert [(finding.code, finding.row) for finding in hand.findings] == [("updated-weights", "dense.weight")]


def test_a_declared_change_in_place_is_none():
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(3)

    hand = read(function(lambda ctx, dy: 3 * dy, forward).apply, [(3,)])
    arrays, (dy,) = drawn(hand, (3,))
    assert hand.run(arrays, [dy])["input", "x"] == pytest.approx(3 * dy)
    assert hand.findings == ()


def test_a_forward_that_leaves_the_graph_is_seen():
    hand = read(lambda x: torch.tanh(x.detach()), [(3,)])
    results = hand.run(*drawn(hand, (3,)))
    assert list(results) == [("output", "output")]
    assert [finding.code for finding in hand.findings] == ["never-written"]


def test_no_gradient_gives_no_key():
    _, results, _ = seen(lambda ctx, dz: (dz * ctx.saved_tensors[1], None))
    assert results.keys() == {("output", "output"), ("input", "x")}


def test_integers_and_masks_have_no_gradient():
    hand = read(lambda z, t: (nn.functional.cross_entropy(z, t), z > 0), [(3, 4), np.array([0, 2, 1])])
    rng = np.random.default_rng(0)
    arrays = {"z": rng.normal(size=(3, 4)), "t": np.array([0, 2, 1])}
    results = hand.run(arrays, [np.ones(()), np.ones((3, 4))])
    assert results.keys() == {("output", "output 0"), ("output", "output 1"), ("input", "z")}


BROKEN = {
    "raises": lambda ctx, dz: {}["no such gradient"],
    "too few": lambda ctx, dz: dz,
    "arrays": lambda ctx, dz: (dz.numpy(), dz.numpy()),
}


@pytest.mark.parametrize("name", BROKEN)
def test_errors_are_the_subjects_own(name):
    with pytest.raises(SubjectRaised):
        seen(BROKEN[name])


def test_what_is_no_tensor_is_named():
    hand = read(type("Odd", (nn.Identity,), {"forward": lambda self, x: {"y": x}})(), [(3,)])
    with pytest.raises(SubjectRaised, match="must return tensors, got a tuple of dict"):
        hand.outputs({"input": np.ones(3)} | {name: np.ones(3) for name in hand.input_names})
