"""Are bfloat16 and float16 judged and named as what they are?"""

import numpy as np
import pytest
import torch
from torch import nn

from parity.bridge import to_numpy
from parity.inputs import check_dtype, torch_dtype
from parity.rounding.budget import measure
from parity.rounding.shaken import Directions, shaken
from parity.subjects import read
from parity.witnesses.numeric import Numeric
from parity.witnesses.trace import Trace
from parity.witnesses.twin import Twin
from parity_tests.torch_callables import Affine, Block, Gelu, PlainBlock, function

LOW = (torch.bfloat16, torch.float16)


class WithoutDensity(Gelu):
    """The derivative of GELU without x φ(x): part of a product lost."""

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return dy * 0.5 * (1 + torch.erf(x / 2**0.5))


class Flipped(Gelu):
    @staticmethod
    def backward(ctx, dy):
        return -Gelu.backward(ctx, dy)


def worst_share(subject, against, shapes, dtype, seed, device="cpu"):
    """The largest error of any result as a share of its budget, by the twin in float64."""
    hand = read(subject, shapes)
    hand.dtype, hand.device = dtype, device
    rng = np.random.default_rng(seed)
    arrays = {name: rng.normal(size=shape) for name, shape in zip(hand.input_names, shapes, strict=True)}
    arrays = {n: a.astype(np.float32) for n, a in (arrays | hand.parameters | hand.buffers).items()}
    upstream = [rng.normal(size=np.shape(output)).astype(np.float32) for output in hand.outputs(arrays)]
    twin = Twin(against, hand, device)
    together = arrays | {("upstream", i): g for i, g in enumerate(upstream)}

    def apart(run):
        def run_on(together, *rest):
            arrays = {name: array for name, array in together.items() if isinstance(name, str)}
            return run(arrays, [g for name, g in together.items() if not isinstance(name, str)], *rest)

        return run_on

    ours, theirs = hand.run(arrays, upstream), twin.run(arrays, upstream)
    budget = measure(apart(hand.run), apart(twin.shaken_run), together, ours, theirs, seed)
    return max(np.max(np.abs(ours[key].astype(float) - theirs[key]) / budget[key]) for key in theirs)


@pytest.mark.parametrize("dtype", LOW)
def test_a_right_gelu_is_within_its_budget_on_fifty_draws(dtype, device):
    shares = [worst_share(Gelu.apply, nn.GELU(), [(4, 5)], dtype, seed, device) for seed in range(50)]
    assert max(shares) < 0.5


@pytest.mark.parametrize("dtype", LOW)
@pytest.mark.parametrize("wrong", [WithoutDensity, Flipped])
def test_a_wrong_gelu_is_far_outside(wrong, dtype, device):
    """A factor or a term of the size of the gradient is some 10 budgets off where eight bits are kept."""
    shares = [worst_share(wrong.apply, nn.GELU(), [(4, 5)], dtype, seed, device) for seed in range(5)]
    assert min(shares) > 3


@pytest.mark.parametrize("dtype", [*LOW, torch.float32, torch.float64])
def test_weights_sums_and_products_are_within_their_budgets(dtype, device):
    for seed in range(4):
        assert worst_share(Block(), PlainBlock(), [(5, 4)], dtype, seed, device) < 0.5
        affine = lambda x, weight, bias: 2 * (x @ weight.T + bias)  # noqa: E731
        assert worst_share(Affine.apply, affine, [(50, 4), (3, 4), (3,)], dtype, seed, device) < 0.5


def test_a_step_in_lower_precision_explains_itself_and_is_named():
    low = function(lambda ctx, dy: (dy.bfloat16() * 3).float(), lambda ctx, x: x * 3)
    for dtype, codes in ((np.float32, {"low-precision"}), (np.float64, {"dtype-changed", "low-precision"})):
        hand = read(low.apply, [(3,)])
        arrays = [shaken(np.array(values, dtype), Directions(0)) for values in ([0.3, 1.7, -2.2], [1.0, 0.7, 0.1])]
        hand.run({"x": arrays[0]}, arrays[1:])
        assert {finding.code for finding in hand.findings} == codes
        assert {finding.where for finding in hand.findings} > {"Product.backward"} or dtype == np.float32
    assert worst_share(low.apply, lambda x: 3 * x, [(4, 5)], torch.float32, 0) < 0.5


@pytest.mark.parametrize("dtype", LOW)
def test_references_judge_the_values_that_the_subject_computes_with(dtype):
    """0.3 is no number of either type: truth is taken at the nearest one."""
    hand = read(Gelu.apply, [(3,)])
    hand.dtype = dtype
    arrays, upstream = {"x": np.array([0.3, -1.3, 2.2], np.float32)}, [np.array([0.7, 1.1, -0.3], np.float32)]
    rounded = {"x": to_numpy(torch.tensor(arrays["x"]).to(dtype).double())}
    g = to_numpy(torch.tensor(upstream[0]).to(dtype).double())
    assert (hand.seen(arrays["x"]) == rounded["x"]).all()
    double = read(Gelu.apply, [(3,)])
    right = double.run(rounded, [g])["input", "x"]
    for reference in (Twin(nn.GELU(), hand, "cpu"), Trace(hand, "cpu"), Numeric(hand, [("input", "x")])):
        assert reference.run(arrays, upstream)["input", "x"] == pytest.approx(right, rel=1e-13)


def test_the_same_subject_in_float64():
    hand = read(Gelu.apply, [(3,)])
    hand.dtype = torch.bfloat16
    x = np.array([0.3, -1.3, 2.2], np.float32)
    (low,), (full,), (replay,) = (
        subject.outputs({"x": array}) for subject, array in ((hand, x), (hand.double(), x), (hand, x.astype(float)))
    )
    assert (low.dtype, full.dtype) == (np.float32, np.float64)
    assert full == pytest.approx(nn.functional.gelu(torch.tensor(x).double()).numpy(), rel=1e-15)
    assert low != pytest.approx(full, rel=1e-5)
    assert replay.tolist() == full.tolist()
    assert hand.dtype == torch.bfloat16


def test_results_come_back_in_the_dtype_that_holds_them():
    for dtype, expected in ((torch.bfloat16, np.float32), (torch.float16, np.float16), (torch.float32, np.float32)):
        hand = read(Gelu.apply, [(3,)])
        hand.dtype = dtype
        results = hand.run({"x": np.ones(3, np.float32)}, [np.ones(3, np.float32)])
        assert {result.dtype for result in results.values()} == {np.dtype(expected)}


NAMES = {
    "bfloat16": (np.float32, torch.bfloat16),
    torch.bfloat16: (np.float32, torch.bfloat16),
    "float16": (np.float16, torch.float16),
    np.float16: (np.float16, torch.float16),
    np.dtype("float32"): (np.float32, torch.float32),
    torch.float64: (np.float64, torch.float64),
}


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_dtypes_of_torch_subjects_by_name(name):
    assert (check_dtype(name, torch_subject=True), torch_dtype(name)) == NAMES[name]


@pytest.mark.parametrize("name", ["bfloat16", torch.bfloat16, "float16", np.float16])
def test_low_precision_is_for_torch_subjects(name):
    with pytest.raises(TypeError, match=r'expected dtype "float32" or "float64", got .*16.*; .*float16 is for torch'):
        check_dtype(name)


@pytest.mark.parametrize("name", ["int8", "float8", torch.int32, 3])
def test_other_dtypes_are_refused(name):
    with pytest.raises(TypeError, match='expected dtype "float32" or "float64" or "bfloat16" or "float16", got'):
        check_dtype(name, torch_subject=True)
