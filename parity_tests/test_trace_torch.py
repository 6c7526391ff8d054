"""Is a torch forward differentiated without its hand-written backward, and refused where it leaves the graph?"""

from functools import partial

import numpy as np
import pytest
import torch

from parity.witnesses.numeric import Numeric
from parity.witnesses.trace import NotTraceable, Trace
from parity_tests.torch_callables import Affine, Block, Gelu, cube, function
from parity_tests.traced import assert_same, prepared

TORCH = {
    "context": (Gelu.apply, [(5, 4)]),
    "setup_context": (Affine.apply, [(5, 4), (3, 4), (3,)]),
    "custom op": (cube, [(5, 4)]),
    "packet": (torch.ops.handgrad_tests.cube, [(5, 4)]),
    "module": (Block(), [(5, 4)]),
    "nested": (function(None, lambda ctx, x: cube(Gelu.apply(x)) * 2).apply, [(5, 4)]),
    "in place": (function(None, lambda ctx, x: x.exp_().mul_(x)).apply, [(5, 4)]),
    "dirty": (function(None, lambda ctx, x: (ctx.mark_dirty(x), x.mul_(3))[1]).apply, [(5, 4)]),
    "two": (function(None, lambda ctx, x: (x * x, x > 0, x.sum())).apply, [(5, 4)]),
}


@pytest.mark.parametrize("name", TORCH)
def test_a_torch_forward_is_differentiated_without_its_backward(name, device):
    subject, shapes = TORCH[name]
    if name == "two":
        subject = partial(lambda apply, x: apply(x)[::2], subject)
    hand, arrays, upstream = prepared(subject, *shapes)
    hand.device = device
    found = Trace(hand, device).run(arrays, upstream)
    assert_same(found, Numeric(hand, [key for key in found if key[0] != "output"]).run(arrays, upstream))


def test_a_wrong_backward_is_not_its_own_witness():
    wrong = function(lambda ctx, dy: dy * 7, lambda ctx, x: x * x)
    alias = wrong.apply
    hand, arrays, upstream = prepared(lambda x: alias(x) + 0, (3,))
    assert hand.run(arrays, upstream)["input", "x"] == pytest.approx(7 * upstream[0])
    found = Trace(hand, "cpu").run(arrays, upstream)
    assert found["input", "x"] == pytest.approx(2 * arrays["x"] * upstream[0])
    assert hand.run(arrays, upstream)["input", "x"] == pytest.approx(7 * upstream[0])
    assert set(vars(wrong)) >= {"forward", "backward"}
    assert "vjp" not in vars(wrong)


CLOSED = {
    "detached": (lambda ctx, x: torch.tanh(x.detach()), "leaves autograd's graph"),
    "numpy": (lambda ctx, x: torch.tensor(np.tanh(x.detach().numpy())), "leaves autograd's graph"),
    "number": (lambda ctx, x: x * float(x[0]), "loses part of the derivative"),
    "float32": (lambda ctx, x: torch.tanh(x.float()), "is in torch.float32"),
}


@pytest.mark.parametrize("name", CLOSED)
def test_a_torch_forward_that_leaves_the_graph_is_no_witness(name):
    forward, message = CLOSED[name]
    hand, arrays, upstream = prepared(function(None, forward).apply, (3,))
    with pytest.raises(NotTraceable, match=message):
        Trace(hand, "cpu").run(arrays, upstream)


def test_an_operator_without_a_python_forward_is_no_witness():
    library = torch.library.Library("handgrad_tests", "FRAGMENT")
    library.define("twice(Tensor x) -> Tensor")
    library.impl("twice", lambda x: 2 * x, "CompositeExplicitAutograd")
    torch.library.register_autograd("handgrad_tests::twice", lambda ctx, dy: 2 * dy, lib=library)
    hand, arrays, upstream = prepared(torch.ops.handgrad_tests.twice, (3,))
    with pytest.raises(NotTraceable, match="handgrad_tests::twice has no Python forward"):
        Trace(hand, "cpu").run(arrays, upstream)
