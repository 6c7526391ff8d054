"""Does the checker catch wrong backwards, say so plainly, and leave everything as it found it?"""

import json
import math
import re

import numpy as np
import pytest
import torch
from torch import nn

import parity
import scratch


class Right(scratch.Linear):
    """A Linear whose backward a mutant changes in one place."""

    def change(self, dx, grads, dz, x):
        return dx, grads

    def backward(self, dz, x):
        dx, grads = super().backward(dz, x)
        return self.change(dx, grads, dz, x)


def mutant(change):
    return type(change.__name__, (Right,), {"change": lambda self, *args: change(*args)})(4, 3, rng=0)


def sign_flipped(dx, grads, dz, x):
    return dx, grads | {"weight": -grads["weight"]}


def missing_mean(dx, grads, dz, x):
    return dx, {name: len(x) * gradient for name, gradient in grads.items()}


def bias_averaged(dx, grads, dz, x):
    return dx, grads | {"bias": grads["bias"] / len(x)}


def upstream_ignored(dx, grads, dz, x):
    return dx, grads | {"weight": np.ones_like(dz).T @ x}


def input_gradient_off_by_a_millionth(dx, grads, dz, x):
    return dx * (1 + 1e-6), grads


def one_entry_halved(dx, grads, dz, x):
    grads["weight"][1, 2] /= 2
    return dx, grads


def not_a_number(dx, grads, dz, x):
    grads["weight"][0, 0] = np.nan
    return dx, grads


def transposed(dx, grads, dz, x):
    return dx, grads | {"weight": grads["weight"].T}


def bias_not_summed(dx, grads, dz, x):
    return dx, grads | {"bias": dz}


def never_written(dx, grads, dz, x):
    return dx, {"weight": grads["weight"]}


def low_precision(dx, grads, dz, x):
    return dx.astype("float32"), grads


def misnamed(dx, grads, dz, x):
    return dx, {"W": grads["weight"], "bias": grads["bias"]}


MUTANTS = {
    sign_flipped: {"weight": None},
    missing_mean: {"weight": None, "bias": None},
    bias_averaged: {"bias": None},
    upstream_ignored: {"weight": None},
    input_gradient_off_by_a_millionth: {"x": None},
    one_entry_halved: {"weight": None},
    not_a_number: {"weight": "non-finite"},
    transposed: {"weight": "shape-mismatch"},
    bias_not_summed: {"bias": "shape-mismatch"},
    never_written: {"bias": "never-written"},
    low_precision: {"x": "dtype-changed"},
    misnamed: {"weight": "never-written", "W": "shape-mismatch"},
}


@pytest.mark.parametrize("change", MUTANTS, ids=lambda change: change.__name__)
def test_wrong_gradients_fail_and_only_they(change, device):
    report = parity.check(mutant(change), (5, 4), against=nn.Linear(4, 3), device=device)
    assert report.verdict == "fail"
    assert not report.ok
    assert {row.name: row.cause for row in report.rows if row.verdict == "fail"} == MUTANTS[change]


class Unmasked(scratch.ReLU):
    """The commonest mistake with ReLU: dz = da."""

    def backward(self, da, slope):
        return da.copy(), {}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("seed", range(4))
def test_a_relu_without_its_mask_is_caught(seed, dtype, device):
    alone = parity.check(Unmasked(), (5, 4), against=nn.ReLU(), seed=seed, dtype=dtype, device=device)
    assert alone.verdict == "fail"
    net = scratch.Sequential(scratch.Linear(4, 6, rng=0), Unmasked(), scratch.Linear(6, 3, rng=1))
    twin = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    report = parity.check(net, (5, 4), against=twin, seed=seed, dtype=dtype, device=device)
    assert {row.name for row in report.rows if row.verdict == "fail"} == {"x", "0.weight", "0.bias"}
    right = parity.check(scratch.ReLU(), (5, 4), against=nn.ReLU(), seed=seed, dtype=dtype, device=device)
    assert right.ok
    assert right.rows[1].hides < 1e-5
    assert not right.rows[1].blurred


def test_no_gradient_proves_nothing():
    class Silent(scratch.ReLU):
        def backward(self, da, slope):
            return None, {}

    report = parity.check(Silent(), (5, 4), against=nn.ReLU())
    assert (report.verdict, report.ok) == ("void", False)
    assert "no gradient was returned" in str(report)


def test_entries_that_rounding_swamps_are_counted():
    """1 − y of torch's sigmoid is all rounding at z = 40: nothing is proved of that entry, and the report says so."""
    report = parity.check(scratch.Sigmoid(), np.array([[40.0, 0.5, -40.0]]), against=nn.Sigmoid())
    assert report.ok
    assert report.rows[1].blurred == 1
    assert str(report).endswith(", but for 1 that rounding swamps.")
    alone = parity.check(scratch.Sigmoid(), np.array([[40.0]]), against=nn.Sigmoid())
    assert alone.verdict == "void"


BROKEN = {
    "forward-alone": (
        lambda self, x: x,
        None,
        r"Subject.forward must return \(outputs, cache\), got an array",
    ),
    "forward-three": (lambda self, x: (x, x, x), None, "got a tuple of ndarray, ndarray, ndarray"),
    "backward-alone": (
        None,
        lambda self, da, c: da,
        r"Subject.backward must return \(input gradients, \{name",
    ),
    "grads-none": (None, lambda self, da, c: (da, None), "got a tuple of ndarray, NoneType"),
}


@pytest.mark.parametrize("batch", [2, 5])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_contract_is_named(name, batch):
    forward, backward, message = BROKEN[name]

    class Subject(scratch.ReLU):
        pass

    if forward:
        Subject.forward = forward
    if backward:
        Subject.backward = backward
    report = parity.check(Subject(), (batch, 4), against=nn.ReLU())
    assert report.verdict == "error"
    assert re.search(message, str(report))


@pytest.mark.parametrize("loss", [lambda y, t: 0.5, lambda y, t: (0.5, {"output": y}), lambda y, t: None])
def test_a_loss_that_breaks_the_contract_is_named(loss):
    report = parity.check(loss, (3, 2), (3, 2), against=nn.functional.mse_loss)
    assert report.verdict == "error"
    assert "must return (J, dJ/doutput), got " in str(report)


def test_the_wrong_entry_is_named():
    report = parity.check(mutant(one_entry_halved), (5, 4), against=nn.Linear(4, 3))
    (row,) = (row for row in report.rows if row.verdict == "fail")
    assert row.worst.index == (1, 2)
    assert row.worst.ours == pytest.approx(row.worst.theirs / 2)


def test_a_wrong_forward_is_not_blamed_on_backward():
    class Shifted(scratch.Linear):
        def forward(self, x):
            z, cache = super().forward(x)
            return z + 0.5, cache

    report = parity.check(Shifted(4, 3, rng=0), (5, 4), against=nn.Linear(4, 3))
    assert [cause.code for cause in report.causes] == ["forward-mismatch"]
    assert "the mistake is in backward" not in str(report)


def test_an_exception_of_the_subject_is_an_error_that_names_its_line():
    class Raises(scratch.Linear):
        def backward(self, dz, x):
            raise KeyError("no such weight")

    report = parity.check(Raises(4, 3), (5, 4), against=nn.Linear(4, 3))
    assert report.verdict == "error"
    (cause,) = report.causes
    assert cause.code == "raised"
    assert cause.where.startswith("test_check.py:")
    assert "no such weight" in str(report)


def test_writing_to_an_input_is_an_error_on_that_line():
    class Writes(scratch.Linear):
        def backward(self, dz, x):
            dz *= 2
            return super().backward(dz, x)

    report = parity.check(Writes(4, 3), (5, 4), against=nn.Linear(4, 3))
    assert report.verdict == "error"
    assert "read-only" in str(report)


def test_void_where_nothing_is_proved():
    silent = parity.check(scratch.ReLU(), -np.ones((2, 3)), against=nn.ReLU())
    empty = parity.check(scratch.ReLU(), (0, 3), against=nn.ReLU())
    assert (silent.verdict, silent.ok) == (empty.verdict, empty.ok) == ("void", False)
    assert "Nothing was proved" in str(silent)


def test_wrt_chooses_the_inputs_that_are_judged():
    x, target = np.ones((2, 3)) / 4, np.ones((2, 3))
    report = parity.check(scratch.losses.bce, x, target, against=nn.functional.binary_cross_entropy, wrt="output")
    assert [(row.kind, row.name) for row in report.rows] == [("output", "output"), ("input", "output")]
    both = parity.check(scratch.losses.mse, x, target, against=nn.functional.mse_loss, wrt=["output", "target"])
    assert {row.name: row.cause for row in both.rows if row.verdict == "fail"} == {"target": "never-written"}


def test_same_seed_same_report_other_seed_other_numbers():
    first, again, other = (
        str(parity.check(scratch.Linear(4, 3, rng=0), (5, 4), against=nn.Linear(4, 3), seed=seed)) for seed in (1, 1, 2)
    )
    assert first == again != other


def global_random_states():
    return np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002 (it must stay as it is)


def test_nothing_is_changed_by_a_check():
    net, twin = scratch.models.mlp((3, 4, 2), rng=0), nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    x = np.random.default_rng(0).normal(size=(5, 3))
    before = [x.tobytes(), *(array.tobytes() for array in scratch.named_parameters(net).values())]
    weights = [parameter.detach().clone() for parameter in twin.parameters()]
    states = global_random_states()
    parity.assert_parity(net, x, against=twin)
    assert before == [x.tobytes(), *(array.tobytes() for array in scratch.named_parameters(net).values())]
    assert all(torch.equal(a, b) for a, b in zip(weights, twin.parameters(), strict=True))
    assert all(parameter.dtype == torch.float32 for parameter in twin.parameters())
    assert states == global_random_states()
    x[0] = 0  # and it is still writeable
    for array in scratch.named_parameters(net).values():
        array[...] = 0


def test_assert_parity_raises_the_report():
    with pytest.raises(parity.GradientMismatch, match="1 of 4 differ") as caught:
        parity.assert_parity(mutant(sign_flipped), (5, 4), against=nn.Linear(4, 3))
    assert isinstance(caught.value, AssertionError)
    assert caught.value.report.verdict == "fail"
    assert parity.assert_parity(Right(4, 3, rng=0), (5, 4), against=nn.Linear(4, 3)).ok


def test_tensors_and_integers_are_taken_as_inputs():
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert parity.check(scratch.Linear(4, 3), x, against=nn.Linear(4, 3)).ok
    target = torch.tensor([0, 2, 1, 1, 0])
    loss = scratch.losses.cross_entropy
    assert parity.check(loss, x.detach(), target, against=nn.functional.cross_entropy).ok


def test_the_report_reads_so():
    report = parity.check(mutant(bias_averaged), (5, 4), against=nn.Linear(4, 3))
    lines = str(report).splitlines()
    assert lines[0] == (
        "Linear(4, 3) against torch.nn.Linear      float64, random upstream gradient, seed 0; read as our contract"
    )
    assert [line.split()[0] for line in lines[1:5]] == ["pass", "pass", "pass", "FAIL"]
    bias = report.rows[3]
    assert lines[4].startswith(" FAIL  grad bias    (3,)    ")
    assert f"worst at {bias.worst.index}: " in lines[4]
    assert lines[-1] == "1 of 4 differ. The forward agrees: the mistake is in backward."


def test_a_pass_says_what_it_could_still_hide():
    report = parity.check(Right(4, 3, rng=0), (5, 4), against=nn.Linear(4, 3))
    hides = max(row.hides for row in report.rows)
    assert 1e-17 < hides < 1e-12
    assert str(report).splitlines()[-1].endswith(f"No entry could hide a relative error above {hides:.1e}.")


def test_to_dict_is_json():
    report = parity.check(mutant(not_a_number), (5, 4), against=nn.Linear(4, 3))
    text = json.dumps(report.to_dict(), allow_nan=False)
    found = json.loads(text)
    assert (found["ok"], found["verdict"]) == (False, "fail")
    assert [row["name"] for row in found["rows"]] == ["output", "x", "weight", "bias"]
    assert found["rows"][2]["error"] == "inf"
    assert found["causes"][0]["code"] == "non-finite"


def test_compare_judges_any_computation():
    def ours(arrays):
        return {"square": arrays["x"] * arrays["x"]}

    def theirs(tensors):
        return {"square": tensors["x"].square()}

    x = {"x": np.array([1.5, -2.25, 1e-200])}
    assert parity.compare(ours, theirs, x, "squares").ok
    report = parity.compare(lambda a: {"square": a["x"] ** 2 * (1 + 1e-12)}, theirs, x, "squares")
    assert report.verdict == "fail"
    assert report.worst.share > 1
    assert not math.isinf(report.worst.share)


REFUSED = [
    ({"device": "cuda:99"}, ValueError, "device cuda:99 is not available here; usable: cpu"),
    ({"device": "gpu"}, ValueError, "device gpu is not available here; usable: cpu"),
    ({"dtype": "float16"}, TypeError, 'expected dtype "float32" or "float64", got \'float16\''),
    ({"dtype": "single bed"}, TypeError, "got 'single bed'"),
    ({"against": None}, TypeError, "expected against="),
    ({"against": nn.ReLU}, TypeError, "against is the class ReLU; pass an instance of it"),
    ({"against": 3}, TypeError, "expected against as an nn.Module or a function, got 3"),
    ({"against": nn.Linear(4, 3, bias=False)}, ValueError, "unexpected bias"),
    ({"against": nn.Linear(5, 3)}, ValueError, r"weight has shape \(3, 4\), expected \(3, 5\)"),
    ({"against": torch.sigmoid}, ValueError, "unexpected weight, bias"),
    ({"wrt": "y"}, ValueError, "wrt names y; float inputs: x"),
]


@pytest.mark.parametrize(("options", "error", "message"), REFUSED, ids=[str(case[0]) for case in REFUSED])
def test_what_cannot_be_checked_is_refused_by_name(options, error, message):
    options = {"against": nn.Linear(4, 3)} | options
    with pytest.raises(error, match=message):
        parity.check(scratch.Linear(4, 3), (5, 4), **options)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.array([["a"]]), TypeError, "expected input x as numbers"),
        (np.array([[1 + 2j] * 4]), TypeError, "expected input x as numbers, got an array of complex128"),
        (np.array([[np.nan] * 4]), ValueError, "input x holds NaN, infinities or numbers too large"),
        (torch.ones(5, 4).to_sparse(), TypeError, "expected a dense tensor"),
        (torch.ones(5, 4, device="meta"), TypeError, "expected a dense tensor"),
    ],
)
def test_strange_inputs_are_refused_by_name(x, error, message):
    with pytest.raises(error, match=message):
        parity.check(scratch.Linear(4, 3), x, against=nn.Linear(4, 3))


def test_weights_that_are_not_named_are_hinted_at():
    class Nameless:
        def __init__(self):
            self.weight = np.ones((3, 4))

        def forward(self, x):
            return x @ self.weight.T, x

        def backward(self, dz, x):
            return dz @ self.weight, {"weight": dz.T @ x}

    with pytest.raises(ValueError, match="missing weight; name the arrays that it learns in its attribute `params`"):
        parity.check(Nameless(), (5, 4), against=nn.Linear(4, 3, bias=False))


def test_a_subject_that_cannot_be_read():
    with pytest.raises(TypeError, match="cannot read 3 as a hand-derived backward"):
        parity.check(3, (5, 4), against=nn.Linear(4, 3))


def test_what_backward_returns_may_be_odd_but_is_never_our_traceback():
    class Odd(scratch.Linear):
        def __init__(self, returned):
            super().__init__(4, 3, rng=0)
            self.returned = returned

        def backward(self, dz, x):
            return self.returned(*super().backward(dz, x))

    def check(returned):
        return parity.check(Odd(returned), (5, 4), against=nn.Linear(4, 3))

    assert check(lambda dx, grads: (dx, grads | {"bias": None})).rows[3].cause == "never-written"
    assert check(lambda dx, grads: (None, grads)).unjudged == ("x",)
    assert check(lambda dx, grads: ((dx,), grads)).ok
    assert check(lambda dx, grads: ([dx], grads)).ok
    assert "gives 2 input gradients for 1 inputs" in str(check(lambda dx, grads: ((dx, dx), grads)))
    assert check(lambda dx, grads: (dx + 0j, grads)).rows[1].cause == "dtype-changed"
    assert check(lambda dx, grads: ("dx", grads)).verdict == "error"
    assert check(lambda dx, grads: (dx, None)).verdict == "error"
    assert check(lambda dx, grads: dx).verdict == "error"


def test_a_forward_of_another_size_is_a_finding():
    class Doubled(scratch.Linear):
        def forward(self, x):
            z, cache = super().forward(x)
            return np.concatenate([z, z]), cache

        def backward(self, dz, x):
            return super().backward(dz[: len(x)] + dz[len(x) :], x)

    report = parity.check(Doubled(4, 3, rng=0), (5, 4), against=nn.Linear(4, 3))
    assert [(row.name, row.cause, row.note) for row in report.rows] == [("output", "shape-mismatch", "expected (5, 3)")]
    assert report.verdict == "fail"


def test_a_loss_that_promotes_float32_is_seen():
    def promoting(output, target):
        J, dy = scratch.losses.mse(output, target)
        return np.float64(J), dy.astype("float64")

    report = parity.check(promoting, (4, 2), (4, 2), against=nn.functional.mse_loss, dtype="float32")
    assert [row.cause for row in report.rows] == ["dtype-changed"] * 2


def test_a_twin_that_does_not_take_the_inputs_is_refused():
    with pytest.raises(ValueError, match=r"the twin torch\.nn\.Softmax2d does not take these inputs"):
        parity.check(scratch.Tanh(), (5, 4), against=nn.Softmax2d())


def test_outputs_are_counted():
    with pytest.raises(ValueError, match="gives 2 outputs, the subject 1"):
        parity.check(scratch.ReLU(), (5, 4), against=lambda x: (x, x))
