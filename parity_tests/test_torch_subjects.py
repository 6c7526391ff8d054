"""Is a torch callable with a hand-written backward read into the normal form, and is what torch hides seen?"""

import copy
import functools

import numpy as np
import pytest
import torch
from torch import nn

import scratch
from parity.subjects import read
from parity.subjects.base import SubjectRaised
from parity.subjects.contract import HandLoss
from parity.subjects.torch_callable import HandTorch
from parity.witnesses.twin import Twin

SLOPE = (2 / torch.pi) ** 0.5


class Gelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 0.5 * x * (1 + torch.erf(x / 2**0.5))

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return dy * (0.5 * (1 + torch.erf(x / 2**0.5)) + 0.5 * SLOPE * x * torch.exp(-x * x / 2))


class Affine(torch.autograd.Function):
    """A forward without ctx, three tensors, an argument with a default."""

    @staticmethod
    def forward(x, weight, bias, scale=2.0):
        return scale * (x @ weight.T + bias)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, weight, _, ctx.scale = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx, dz):
        x, weight = ctx.saved_tensors
        dz = ctx.scale * dz
        return dz @ weight, dz.T @ x, dz.sum(0), None


def function(backward, forward=lambda ctx, x, w: x * w):
    """A Function of x (5, 4) and w (5, 4), or of what forward takes, with that backward."""

    @functools.wraps(forward)
    def remembering(ctx, *inputs):
        ctx.save_for_backward(*inputs)
        return forward(ctx, *inputs)

    members = {"forward": staticmethod(remembering), "backward": staticmethod(backward)}
    return type("Product", (torch.autograd.Function,), members)


@torch.library.custom_op("handgrad_tests::cube", mutates_args=())
def cube(x: torch.Tensor) -> torch.Tensor:
    return x * x * x


cube.register_autograd(
    lambda ctx, dy: 3 * dy * ctx.x * ctx.x, setup_context=lambda ctx, inputs, output: setattr(ctx, "x", inputs[0])
)


class Block(nn.Module):
    """A module that holds a Function; a buffer; a weight that is not learnt."""

    def __init__(self):
        super().__init__()
        self.dense, self.frozen = nn.Linear(4, 3), nn.Parameter(torch.randn(3), requires_grad=False)
        self.register_buffer("shift", torch.ones(3))

    def forward(self, x):
        return Gelu.apply(self.dense(x)) * self.frozen + self.shift


class PlainBlock(Block):
    def forward(self, x):
        return nn.functional.gelu(self.dense(x)) * self.frozen + self.shift


def drawn(hand, *shapes, dtype=np.float64, seed=0):
    """{name: array} of the inputs and weights, and an upstream gradient per output."""
    rng = np.random.default_rng(seed)
    arrays = {name: rng.normal(size=shape) for name, shape in zip(hand.input_names, shapes, strict=True)}
    arrays = {name: array.astype(dtype) for name, array in (arrays | hand.parameters | hand.buffers).items()}
    return arrays, [rng.normal(size=np.shape(output)).astype(dtype) for output in hand.outputs(arrays)]


RIGHT = {
    "Gelu": (Gelu.apply, nn.GELU(), [(5, 4)]),
    "Affine": (Affine.apply, lambda x, weight, bias: 2 * (x @ weight.T + bias), [(5, 4), (3, 4), (3,)]),
    "handgrad_tests::cube": (cube, lambda x: x**3, [(5, 4)]),
    "cube-packet": (torch.ops.handgrad_tests.cube, lambda x: x**3, [(5, 4)]),
    "cube-overload": (torch.ops.handgrad_tests.cube.default, lambda x: x**3, [(5, 4)]),
    "Block": (Block(), PlainBlock(), [(5, 4)]),
    "function": (lambda x: Gelu.apply(x.tanh()), lambda x: nn.functional.gelu(x.tanh()), [(5, 4)]),
    "against-Gelu": (Gelu.apply, Gelu.apply, [(5, 4)]),
    "against-cube": (cube, cube, [(5, 4)]),
}


@pytest.mark.parametrize("name", RIGHT)
def test_every_kind_of_torch_callable_agrees_with_its_twin(name, device):
    subject, against, shapes = RIGHT[name]
    hand = read(subject, shapes)
    assert isinstance(hand, HandTorch)
    hand.device = device
    arrays, upstream = drawn(hand, *shapes)
    ours, theirs = hand.run(arrays, upstream), Twin(against, hand, device).run(arrays, upstream)
    assert ours.keys() == theirs.keys()
    for key, gradient in theirs.items():
        assert ours[key].dtype == np.float64
        assert ours[key] == pytest.approx(gradient, rel=1e-12, abs=1e-12)  # a hundred operations round in each
    assert hand.findings == ()


def test_names_are_the_users_own():
    assert read(Gelu.apply, [(2, 2)]).name == "Gelu"
    assert read(Affine.apply, [(2, 2)] * 3).input_names == ["x", "weight", "bias"]
    assert (read(cube, [(2,)]).name, read(cube, [(2,)]).input_names) == ("handgrad_tests::cube", ["x"])
    assert read(torch.ops.handgrad_tests.cube, [(2,)]).name == "handgrad_tests::cube"
    block = read(Block(), [(5, 4)])
    assert (block.name, list(block.parameters), list(block.buffers)) == (
        "Block",
        ["dense.weight", "dense.bias"],
        ["frozen", "shift"],
    )


def test_derivatives_by_hand_are_told_from_autograds_own():
    mixed, plain = read(lambda x: cube(Gelu.apply(x)), [(3,)]), read(torch.tanh, [(3,)])
    for hand in (mixed, plain):
        drawn(hand, (3,))
    assert mixed.functions == {"Gelu", "handgrad_tests_cube"}
    assert plain.functions == frozenset()


def test_functions_are_read_by_what_they_take():
    def loss(output, target):
        return scratch.losses.mse(output, target)

    x = torch.randn(3, 2)
    assert isinstance(read(loss, [x, x]), HandLoss)
    assert isinstance(read(scratch.losses.cross_entropy, [x, torch.tensor([0, 1, 1])]), HandLoss)
    assert isinstance(read(lambda output, target: 0.5, [x, x]), HandLoss)
    assert isinstance(read(lambda x: x / 0, [object()]), HandLoss)
    assert isinstance(read(lambda x: nn.functional.linear(x, torch.ones(4, 2)), [x]), HandTorch)
    assert isinstance(read(lambda x: Gelu.apply(x), [(3, 2)]), HandTorch)
    assert isinstance(read(lambda x: function(None, lambda ctx, x: (x, x * x)).apply(x), [(3, 2)]), HandTorch)
    assert isinstance(read(lambda x: x * x, [(3, 2)]), HandLoss)


def test_reading_draws_nothing_from_the_global_generators():
    before = torch.get_rng_state().tolist()
    read(lambda x: torch.tanh(x) * torch.rand(3), [(3,)])
    assert torch.get_rng_state().tolist() == before


REFUSED = {
    "a class": (lambda: read(Gelu, [(2,)]), r"the subject is the class Gelu; pass Gelu\.apply"),
    "a module's own backward": (
        lambda: read(type("Mine", (nn.Linear,), {"backward": lambda self, dz: dz})(4, 3), [(5, 4)]),
        "a method backward, which autograd never calls",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_autograd_would_never_call_is_refused(name):
    call, message = REFUSED[name]
    with pytest.raises(TypeError, match=message):
        call()


def test_the_users_module_is_never_touched():
    class Counts(Block):
        def forward(self, x):
            self.shift += 1
            self.latest = super().forward(x)
            return self.latest

    block = Counts()
    before = copy.deepcopy(block.state_dict())
    hand = read(block, [(5, 4)])
    arrays, upstream = drawn(hand, (5, 4))
    first, again = hand.run(arrays, upstream), hand.run(arrays, upstream)
    assert all(first[key].tobytes() == again[key].tobytes() for key in first)
    assert all(torch.equal(tensor, before[name]) for name, tensor in block.state_dict().items())
    assert not hasattr(block, "latest")
    assert all(parameter.grad is None for parameter in block.parameters())


def test_a_graph_is_used_twice():
    hand = read(Gelu.apply, [(5, 4)])
    arrays, (dy,) = drawn(hand, (5, 4))
    _, state = hand.forward(arrays)
    once, twice = hand.backward(state, [dy]), hand.backward(state, [2 * dy])
    assert twice["input", "x"] == pytest.approx(2 * once["input", "x"])


def test_complex_numbers_pass_through_the_forward():
    """The complex step of x: Im f(x + ih)/h is the derivative to rounding, weights in between included."""
    subject = function(None, lambda ctx, x, w: torch.exp(x) @ w.T)
    hand = read(subject.apply, [(2, 3), (4, 3)])
    arrays, _ = drawn(hand, (2, 3), (4, 3))
    moved = arrays["x"].astype(complex)
    moved[0, 1] += 1e-30j
    (output,) = hand.outputs(arrays | {"x": moved})
    assert output.dtype == np.complex128
    assert output.imag[0] / 1e-30 == pytest.approx(np.exp(arrays["x"][0, 1]) * arrays["w"][:, 1], rel=1e-14)


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


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_the_callers_grad_mode_does_not_matter(mode):
    hand = read(Gelu.apply, [(3,)])
    with mode():
        arrays, upstream = drawn(hand, (3,))
        assert ("input", "x") in hand.run(arrays, upstream)
        assert Twin(nn.GELU(), hand, "cpu").run(arrays, upstream)["input", "x"].any()
