"""Are bfloat16 and float16 judged by their own rounding, and is nothing computed in less than was asked for?"""

import numpy as np
import pytest
import torch
from torch import nn

from parity.bridge import to_numpy
from parity.inputs import check_dtype, torch_dtype
from parity.rounding.budget import measure
from parity.rounding.shaken import Directions, moved
from parity.rounding.shaken_torch import ShakenTorch, moved_tensor, on_its_device
from parity.subjects import read
from parity.witnesses.numeric import Numeric
from parity.witnesses.precision import full_precision, precision_note
from parity.witnesses.trace import Trace
from parity.witnesses.twin import Twin
from parity_tests.test_torch_subjects import Affine, Block, Gelu, PlainBlock, function

DRAWS = 40
LOW = (torch.bfloat16, torch.float16)
UNIT = {torch.bfloat16: 2.0**-7, torch.float16: 2.0**-10, torch.float32: 2.0**-23, torch.float64: 2.0**-52}


@pytest.mark.parametrize("dtype", UNIT)
def test_a_move_is_one_unit_of_the_tensors_own_dtype(dtype, device):
    values = torch.tensor([1.5, -3.0, 0.0, 1.0, -1.0, torch.inf], dtype=dtype, device=device)
    runs = [moved_tensor(values, Directions(seed)) for seed in range(DRAWS)]
    found = [sorted({float(run[i].double() - values[i].double()) for run in runs}) for i in range(5)]
    u = UNIT[dtype]
    assert found == [[-u, 0, u], [-2 * u, 0, 2 * u], [0], [-u, 0], [0, u]]
    assert all(run.dtype == dtype and run.device == values.device and run[5] == torch.inf for run in runs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensors_are_moved_as_arrays_are(dtype):
    values = torch.randn(50, generator=torch.Generator().manual_seed(0)).relu().to(dtype)
    values[:4] = torch.tensor([0.0, 1.0, -1.0, 1e-40])
    for seed in range(8):
        expected = moved(values.numpy(), Directions(seed), [values.numpy(), np.float64(2)])
        for own in (moved_tensor, on_its_device):
            assert own(values, Directions(seed), [values, 2.0]).tolist() == expected.tolist()


@pytest.mark.parametrize("dtype", LOW)
def test_an_underflow_is_moved_up_and_a_masks_zero_stays(dtype, device):
    small = torch.tensor([torch.finfo(dtype).tiny] * 2, dtype=dtype, device=device)
    mask = torch.tensor([1, 0], dtype=dtype, device=device)
    product = small * small * mask
    runs = [moved_tensor(product, Directions(seed), [small, mask]) for seed in range(DRAWS)]
    assert {bool(run[0]) for run in runs} == {False, True}
    assert {float(run[1]) for run in runs} == {0.0}


STEPS = {
    "cast": lambda x: x.double().to(x.dtype),
    "add_": lambda x: x.clone().add_(x / 3),
    "pow_": lambda x: x.clone().pow_(x),
    "index_add_": lambda x: torch.zeros_like(x).index_add_(0, torch.tensor([0, 0, 1], device=x.device), x),
    "sigmoid": torch.sigmoid,
    "gelu": nn.functional.gelu,
    "mean": lambda x: x.mean(),
}


@pytest.mark.parametrize("dtype", LOW)
@pytest.mark.parametrize("name", STEPS)
def test_every_rounding_step_is_moved(name, dtype, device):
    x = torch.tensor([0.3, 1.7, 2.2], dtype=torch.float64, device=device)
    runs = set()
    for seed in range(DRAWS):
        with ShakenTorch(Directions(seed)):
            result = STEPS[name](x.to(dtype) if name != "cast" else x.float()).to(dtype)
        runs.add(tuple(result.flatten().tolist()))
    assert len(runs) > 2


def test_a_cast_to_more_digits_is_exact():
    x = torch.tensor([0.3], dtype=torch.bfloat16)
    with ShakenTorch(Directions(0)):
        assert all(torch.equal(x.float(), x.float()) and x.double().item() == x.item() for _ in range(DRAWS))


def test_arithmetic_in_place_stays_in_place_under_autograd():
    x = torch.tensor([0.3, 0.7], dtype=torch.float64, requires_grad=True)
    with ShakenTorch(Directions(0)):
        y = x * 2
        alias = y.view(2)
        y.mul_(3)
        (gradient,) = torch.autograd.grad(y.sum(), x)
    assert alias.tolist() == y.tolist() == pytest.approx([1.8, 4.2], rel=1e-15)
    assert gradient.tolist() == pytest.approx([6, 6], rel=1e-15)


def test_moves_are_dealt_in_one_order():
    """The backward pass of a CUDA device would have a thread of its own."""
    assert torch.autograd.is_multithreading_enabled()
    with ShakenTorch(Directions(0)):
        torch.sigmoid(torch.ones(2))  # which is taken apart, in the same context entered again
        assert not torch.autograd.is_multithreading_enabled()
    assert torch.autograd.is_multithreading_enabled()


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


@pytest.mark.parametrize("dtype", UNIT)
def test_weights_sums_and_products_are_within_their_budgets(dtype, device):
    for seed in range(4):
        assert worst_share(Block(), PlainBlock(), [(5, 4)], dtype, seed, device) < 0.5
        affine = lambda x, weight, bias: 2 * (x @ weight.T + bias)  # noqa: E731
        assert worst_share(Affine.apply, affine, [(50, 4), (3, 4), (3,)], dtype, seed, device) < 0.5


def test_a_step_in_lower_precision_is_outside_the_budget_of_float32():
    low = function(lambda ctx, dy: (dy.bfloat16() * 3).float(), lambda ctx, x: x * 3)
    assert worst_share(low.apply, lambda x: 3 * x, [(4, 5)], torch.float32, 0) < 0.5  # it shakes itself as well ...
    upstream = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    with ShakenTorch(Directions(0)):
        spread = (upstream.bfloat16() * 3).float() - 3 * upstream
    assert (spread.abs() / (3 * upstream.abs())).max() > 1e-3  # ... by 8 bits, which shows


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
    x = np.array([0.3, -1.3, 2.2])
    (low,), (full,) = hand.outputs({"x": x}), hand.double().outputs({"x": x})
    assert (low.dtype, full.dtype) == (np.float32, np.float64)
    assert full == pytest.approx(nn.functional.gelu(torch.tensor(x)).numpy(), rel=1e-15)
    assert low != pytest.approx(full, rel=1e-5)
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


def switches():
    matmul, newer = torch.backends.cuda.matmul, [("generic", "all"), ("cuda", "matmul"), ("cuda", "conv")]
    newer += [("cuda", "all"), ("cuda", "rnn"), ("mkldnn", "matmul"), ("mkldnn", "conv")]
    sums = ("fp16_reduced_precision_reduction", "bf16_reduced_precision_reduction", "fp16_accumulation")
    return [
        *(torch._C._get_fp32_precision_getter(*place) for place in newer),
        *(getattr(matmul, f"allow_{name}") for name in sums),
    ]


def older():
    return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32


SETTINGS = {
    "as it is": lambda: None,
    "medium": lambda: torch.set_float32_matmul_precision("medium"),
    "high": lambda: torch.set_float32_matmul_precision("high"),
    "cudnn": lambda: setattr(torch.backends.cudnn, "allow_tf32", False),
    "newer": lambda: setattr(torch.backends, "fp32_precision", "tf32"),
    "one part": lambda: setattr(torch.backends.cudnn.conv, "fp32_precision", "tf32"),
    "short sums": lambda: setattr(torch.backends.cuda.matmul, "allow_fp16_accumulation", True),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_full_precision_inside_and_all_as_it_was_afterwards(name):
    with full_precision():  # the outer one puts back what the test sets
        SETTINGS[name]()
        before = switches()
        with full_precision():
            inside = switches()
        assert switches() == before
        assert set(inside) <= {"none", "ieee", False}


def test_the_older_switches_can_be_read_inside_and_are_put_back():
    before = older()
    with full_precision():
        torch.set_float32_matmul_precision("high")
        with full_precision():
            assert older() == ("highest", False, False)
        assert older() == ("high", False, True)
    assert older() == before


def test_an_error_inside_puts_them_back_too():
    before = switches()
    with pytest.raises(KeyError), full_precision():
        raise KeyError
    assert switches() == before


def test_the_note_is_for_cuda_alone():
    assert (precision_note("cpu"), precision_note("cuda"), precision_note("cuda:1")) == ("", "TF32 off", "TF32 off")
