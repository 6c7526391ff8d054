"""Is a torch callable with a hand-written backward read into the normal form, and never touched?"""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import scratch
from parity.subjects import read
from parity.subjects.contract import HandLoss
from parity.subjects.torch_callable import HandTorch
from parity.witnesses.twin import Twin
from parity_tests.torch_callables import Affine, Block, Gelu, PlainBlock, cube, drawn, function

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


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_the_callers_grad_mode_does_not_matter(mode):
    hand = read(Gelu.apply, [(3,)])
    with mode():
        arrays, upstream = drawn(hand, (3,))
        assert ("input", "x") in hand.run(arrays, upstream)
        assert Twin(nn.GELU(), hand, "cpu").run(arrays, upstream)["input", "x"].any()
