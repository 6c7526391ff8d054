"""Are long gradients shortened as torch does, those it cannot measure included?"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scratch.optim import clip_grad_norm

EPS = {dtype: float(np.finfo(dtype).eps) for dtype in ("float32", "float64")}
NORMS = (2.0, 1.0, 3.5, 0.5, float("inf"))


def arrays(seed, dtype, size=1.0):
    rng = np.random.default_rng(seed)
    shapes = {"weight": (4, 3), "bias": (), "kernel": (2, 3, 3)}
    return {name: np.asarray(size * rng.normal(size=shape)).astype(dtype) for name, shape in shapes.items()}


@given(
    seed=st.integers(0, 99),
    p=st.sampled_from(NORMS),
    max_norm=st.floats(1e-3, 100),
    size=st.sampled_from([1e-3, 1.0, 1e3]),
    dtype=st.sampled_from(["float64", "float32"]),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_as_torch(seed, p, max_norm, size, dtype):
    grads = arrays(seed, dtype, size)
    before = {name: g.copy() for name, g in grads.items()}
    clipped, total = clip_grad_norm(grads, max_norm, p)
    tensors = [torch.tensor(g, requires_grad=True) for g in grads.values()]
    for tensor, g in zip(tensors, grads.values(), strict=True):
        tensor.grad = torch.tensor(g)
    theirs = torch.nn.utils.clip_grad_norm_(tensors, max_norm, p)
    assert total.dtype == np.dtype(dtype)
    # 31 powers and their sum, each rounded to half a unit, the root of order p ≥ 1/2 twice that: 2 × 31 at the worst
    assert total == pytest.approx(theirs.item(), rel=64 * EPS[dtype], abs=0)
    for (name, g), tensor in zip(clipped.items(), tensors, strict=True):
        assert g.dtype == np.dtype(dtype)
        assert g == pytest.approx(tensor.grad.numpy(), rel=64 * EPS[dtype], abs=0)  # the norm's error
        assert (grads[name] == before[name]).all()


@pytest.mark.parametrize("p", NORMS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_result_is_as_long_as_allowed_and_points_the_same_way(p, dtype):
    grads = arrays(0, dtype)
    clipped, _ = clip_grad_norm(grads, 0.5, p)
    again, total = clip_grad_norm(clipped, 0.51, p)
    assert total == pytest.approx(0.5, rel=1e-5)  # 1e-6 is added to a norm of about 6 or more
    assert total < 0.5
    factors = np.concatenate([(clipped[name] / g).ravel() for name, g in grads.items()])
    assert factors == pytest.approx(factors[0], rel=4 * EPS[dtype])  # a product and a quotient, rounded
    assert all(again[name] is clipped[name] for name in grads)  # nothing to clip: the same arrays
    assert not any(np.shares_memory(clipped[name], g) for name, g in grads.items())


@pytest.mark.parametrize("p", NORMS)
@pytest.mark.parametrize(("dtype", "size"), [("float32", 1e35), ("float32", 1e-35), ("float64", 1e300)])
def test_gradients_whose_squares_leave_the_range_keep_their_digits(p, dtype, size):
    grads = arrays(1, dtype)
    clipped, total = clip_grad_norm({name: g * g.dtype.type(size) for name, g in grads.items()}, 1.0, p)
    _, expected = clip_grad_norm(grads, 1.0, p)
    # as many roundings as above, and one for each entry's change of size
    assert total / size == pytest.approx(expected, rel=128 * EPS[dtype])
    assert clip_grad_norm(clipped, 10.0, p)[1] == pytest.approx(min(total, 1.0), rel=128 * EPS[dtype])


def test_layouts_empty_arrays_and_nothing_at_all():
    g = np.arange(12.0).reshape(3, 4)
    for array in (g, np.asfortranarray(g), g[::-1, ::-1], np.repeat(g, 2, axis=1)[:, ::2]):
        assert clip_grad_norm({"g": array, "empty": np.ones((0, 3))}, 1.0)[1] == pytest.approx(np.sqrt(506), rel=1e-15)
    assert clip_grad_norm({}, 1.0) == ({}, 0.0)
    clipped, total = clip_grad_norm({"zero": np.zeros(3)}, 1.0)
    assert total == 0
    assert not clipped["zero"].any()


def test_one_precision_does_not_spread_to_the_other():
    clipped, _ = clip_grad_norm({"single": np.ones(3, "float32"), "double": np.ones(3)}, 1.0)
    assert [g.dtype for g in clipped.values()] == ["float32", "float64"]


G = np.ones((2, 3))
HUGE = {"weight": np.full(8, 3e38, "float32"), "bias": np.full(2, 3e38, "float32")}
REFUSED = {
    "nan": (
        lambda: clip_grad_norm({"ok": G, "w": np.where(np.eye(2, 3), np.nan, G)}, 1.0),
        ValueError,
        r"clip_grad_norm: w\[0, 0\] is nan; expected finite numbers",
    ),
    "inf": (lambda: clip_grad_norm({"w": G, "b": -G[0] / 1e-320 / 1e300}, 1.0), ValueError, r"b\[0\] is -inf"),
    "inf-norm": (lambda: clip_grad_norm({"b": G * np.inf}, 1.0, np.inf), ValueError, r"b\[0, 0\] is inf"),
    "too-long": (lambda: clip_grad_norm(HUGE, 1.0), ValueError, "norm of weight, bias together is beyond float32"),
    "max": (lambda: clip_grad_norm({"w": G}, 0.0), ValueError, "expected max_norm as a positive finite number, got 0"),
    "type": (lambda: clip_grad_norm({"w": G}, 1.0, -1.0), ValueError, "expected norm_type as a number above 0 or"),
    "list": (lambda: clip_grad_norm([G], 1.0), TypeError, r"expected grads as \{name: gradient\}, got a list"),
    "integers": (lambda: clip_grad_norm({"w": G.astype(int)}, 1.0), TypeError, "expected w as float32 or float64"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    call, error, message = REFUSED[name]
    with np.errstate(over="ignore"), pytest.raises(error, match=message) as caught:
        call()
    assert len(str(caught.value).splitlines()) == 1
