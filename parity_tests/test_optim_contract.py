"""Do optimizers keep their contract: all or nothing, any layout, dtypes kept, a state that resumes, refusals?"""

import inspect

import numpy as np
import pytest

import scratch
from parity_tests.test_optim import NAMES, RULES, SHAPES, drawn
from scratch import optim
from scratch.optim.base import BLOCK


@pytest.mark.parametrize("name", NAMES)
def test_large_arrays_go_in_blocks_and_any_layout_gives_the_same_numbers(name):
    rng = np.random.default_rng(0)
    start, grads = rng.normal(size=(5, BLOCK // 2)), rng.normal(size=(3, 5, BLOCK // 2))
    layouts = {"rows": start.copy(), "columns": np.asfortranarray(start)}
    layouts |= {"backwards": start[::-1].copy()[::-1], "strided": np.repeat(start, 2, axis=1)[:, ::2]}
    layouts |= {str(row): start[row].copy() for row in range(5)}  # small enough to be whole
    optimizer = getattr(optim, name)(layouts, lr=0.1, weight_decay=0.1)
    for g in grads:
        g.flags.writeable = False
        optimizer.step({layout: g[int(layout)] if layout.isdecimal() else g for layout in layouts})
    rows = layouts["rows"]
    assert (rows != start).all()
    for layout, array in layouts.items():
        assert (array == (rows[int(layout)] if layout.isdecimal() else rows)).all()


@pytest.mark.parametrize("name", NAMES)
def test_gradients_of_any_layout_and_empty_arrays(name):
    rng = np.random.default_rng(1)
    g = rng.normal(size=(4, 6))
    params = {"c": np.ones((4, 6)), "t": np.ones((4, 6)), "empty": np.ones((0, 3)), "number": np.array(1.0)}
    optimizer = getattr(optim, name)(params, lr=0.1)
    for _ in range(2):
        optimizer.step({"c": g, "t": g.T.copy().T, "empty": np.ones((0, 3)), "number": np.float64(g[0, 0])})
    assert (params["c"] == params["t"]).all()
    assert params["number"] == params["c"][0, 0]


@pytest.mark.parametrize("name", NAMES)
def test_float32_stays_float32_whatever_sets_the_rate(name):
    params = drawn(np.random.default_rng(0), SHAPES, "float32")
    optimizer = getattr(optim, name)(params, lr=np.float64(0.1))
    optimizer.lr = np.float64(0.05)
    before = {n: array.copy() for n, array in params.items()}
    optimizer.step({n: array.copy() for n, array in params.items()})
    arrays = [v for state in optimizer.state.values() for v in state.values() if isinstance(v, np.ndarray)]
    assert {array.dtype for array in (*params.values(), *arrays)} == {np.dtype("float32")}
    optimizer.lr = 0
    moved = {n: array.copy() for n, array in params.items()}
    optimizer.step({n: array.copy() for n, array in params.items()})
    assert all((params[n] == moved[n]).all() and (params[n] != before[n]).all() for n in params)


@pytest.mark.parametrize("name", NAMES)
def test_an_update_is_whole_or_not_at_all(name):
    params = {"first": np.ones(2), "second": np.ones(3)}
    optimizer = getattr(optim, name)(params, lr=0.1)
    good = {"first": np.ones(2), "second": np.ones(3)}
    for wrong in ({"second": np.ones(2)}, {"second": np.ones(3, "float32")}, {"second": np.ones(3) * 1j}):
        with pytest.raises((TypeError, ValueError), match=f"{name}: .*second"):
            optimizer.step(good | wrong)
    optimizer.lr = float("nan")
    with pytest.raises(ValueError, match="expected lr as a number from 0 up, neither NaN nor infinite, got nan"):
        optimizer.step(good)
    assert optimizer.state == {}
    assert all((array == 1).all() for array in params.values())


def test_a_network_learns_with_every_rule():
    table = scratch.data.iris()
    (x,) = scratch.data.standardise(table.x)
    for name, lr in (("SGD", 0.5), ("Adam", 0.05), ("AdamW", 0.05), ("RMSprop", 0.01), ("Adagrad", 0.1)):
        net = scratch.Sequential(scratch.Linear(4, 8, rng=0), scratch.Tanh(), scratch.Linear(8, 3, rng=1))
        optimizer = getattr(optim, name)(scratch.named_parameters(net), lr=lr)
        losses = []
        for _ in range(60):
            z, caches = net.forward(x)
            J, dz = scratch.losses.cross_entropy(z, table.target)
            grads, _ = optim.clip_grad_norm(net.backward(dz, caches)[1], 1.0)
            optimizer.step(grads)
            losses.append(J)
        assert losses[-1] < losses[0] / 3, name


def stepped(name, options, steps, params, seed=0):
    rng = np.random.default_rng(seed)
    optimizer = getattr(optim, name)(params, **options)
    for _ in range(steps):
        optimizer.step(drawn(rng, SHAPES, "float64"))
    return optimizer


@pytest.mark.parametrize(("name", "options"), RULES)
def test_a_loaded_state_goes_on_as_if_never_stopped(name, options):
    params = drawn(np.random.default_rng(0), SHAPES, "float64")
    optimizer = stepped(name, options | {"lr": 0.02}, 3, params)
    optimizer.lr = 0.0  # where a schedule ends
    stored, copies = optimizer.state_dict(), {n: array.copy() for n, array in params.items()}
    resumed = getattr(optim, name)(copies)
    resumed.load_state_dict(stored)
    assert resumed.lr == 0
    assert repr(resumed) == repr(optimizer)
    for one in (optimizer, resumed):
        one.lr = 0.1
        for seed in range(3):
            one.step(drawn(np.random.default_rng(seed), SHAPES, "float64"))
    assert all((params[n] == copies[n]).all() for n in params)
    again = getattr(optim, name)(copies)
    again.load_state_dict(stored)  # neither run has written into what was stored
    assert repr(again.state_dict()) == repr(stored)


def test_a_state_before_the_first_step_is_empty():
    optimizer = optim.Adam({"w": np.ones(3)})
    stored = optimizer.state_dict()
    assert stored["state"] == {}
    optimizer.step({"w": np.ones(3)})
    optimizer.load_state_dict(stored)
    assert optimizer.state == {}


W = {"w": np.ones((2, 3))}
GOOD = stepped("Adam", {}, 2, drawn(np.random.default_rng(0), SHAPES, "float64")).state_dict()


def with_state(**changes):
    return GOOD | {"state": GOOD["state"] | {"0.bias": GOOD["state"]["0.bias"] | changes}}


MISFITS = {
    "list": ([], TypeError, "expected its argument as a dict, got a list"),
    "keys": ({"state": {}}, ValueError, "its argument: missing options"),
    "options": (GOOD | {"options": {"lr": 0.1}}, ValueError, "options: missing betas; missing eps; missing weight_dec"),
    "rate": (GOOD | {"options": GOOD["options"] | {"lr": -1.0}}, ValueError, "expected lr as a number from 0 up"),
    "betas": (GOOD | {"options": GOOD["options"] | {"betas": (0.9, 1.0)}}, ValueError, r"betas\[1\] as .* below 1"),
    "parameters": (GOOD | {"state": {"w": {}}}, ValueError, "state: missing 0.weight; .*unexpected w"),
    "names": (with_state(sum=np.ones(())), ValueError, "state of 0.bias: unexpected sum"),
    "shape": (with_state(exp_avg=np.ones(2)), ValueError, r"expected exp_avg of 0.bias of shape \(\), got \(2,\)"),
    "text": (with_state(exp_avg=np.array("1")), TypeError, "expected exp_avg of 0.bias as real numbers, got <U1"),
    "none": (with_state(exp_avg=None), TypeError, "expected exp_avg of 0.bias as real numbers, got object"),
    "half-a-step": (with_state(step=1.5), ValueError, "expected step of 0.bias as a whole number from 0 up, got 1.5"),
    "nan-step": (with_state(step=np.array(np.nan)), ValueError, "step of 0.bias as a whole number from 0 up, got nan"),
    "minus-step": (with_state(step=-1), ValueError, "from 0 up, got -1"),
    "no-step": (with_state(step=None), ValueError, "from 0 up, got None"),
}


@pytest.mark.parametrize("case", MISFITS)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(case):
    mapping, error, message = MISFITS[case]
    optimizer = stepped("Adam", {"lr": 0.3}, 4, drawn(np.random.default_rng(0), SHAPES, "float64"))
    before = repr(optimizer.state_dict())
    with pytest.raises(error, match=rf"^Adam(\.load_state_dict)?: .*{message}"):
        optimizer.load_state_dict(mapping)
    assert repr(optimizer.state_dict()) == before


def test_a_state_is_cast_to_the_parameters_dtype():
    params = drawn(np.random.default_rng(0), SHAPES, "float32")
    optimizer = optim.Adam(params)
    optimizer.load_state_dict(GOOD)
    assert {state["exp_avg"].dtype for state in optimizer.state.values()} == {np.dtype("float32")}
    optimizer.step(drawn(np.random.default_rng(0), SHAPES, "float32"))
    assert {array.dtype for array in params.values()} == {np.dtype("float32")}


READ_ONLY = np.ones(3)
READ_ONLY.flags.writeable = False
REFUSED = {
    "params": (lambda: optim.Adam([np.ones(2)]), TypeError, r"Adam: expected params as scratch\.named_parameters"),
    "integers": (
        lambda: optim.SGD({"w": np.ones(2, int)}),
        TypeError,
        "SGD: expected w as float32 or float64",
    ),
    "read-only": (
        lambda: optim.SGD({"w": READ_ONLY}),
        ValueError,
        "expected w as an array to be updated in place",
    ),
    "number": (lambda: optim.SGD({"w": np.float64(1)}), ValueError, "updated in place, got a float64"),
    "lr": (lambda: optim.Adagrad(W, lr=0), ValueError, "Adagrad: expected lr as a positive finite number, got 0"),
    "momentum": (lambda: optim.SGD(W, momentum=-0.1), ValueError, "SGD: expected momentum as a number from 0 up"),
    "dampening": (lambda: optim.SGD(W, dampening=np.nan), ValueError, "dampening as a number neither NaN nor infinite"),
    "minus-infinity": (
        lambda: optim.SGD(W, dampening=-np.inf),
        ValueError,
        "dampening as a number neither NaN",
    ),
    "nesterov": (lambda: optim.SGD(W, nesterov=True), ValueError, "nesterov needs momentum above 0 and dampening 0"),
    "beta": (
        lambda: optim.AdamW(W, betas=(1.0, 0.9)),
        ValueError,
        r"AdamW: expected betas\[0\] as .* below 1",
    ),
    "betas": (lambda: optim.Adam(W, betas=0.9), TypeError, "Adam: expected betas as a pair of numbers, got 0.9"),
    "eps": (lambda: optim.Adam(W, eps=-1e-8), ValueError, "Adam: expected eps as a number from 0 up"),
    "decay": (lambda: optim.RMSprop(W, weight_decay=None), TypeError, "expected weight_decay as a number, got None"),
    "alpha": (
        lambda: optim.RMSprop(W, alpha=1.5),
        ValueError,
        "expected alpha as a number from 0 up, below 1",
    ),
    "start": (
        lambda: optim.Adagrad(W, initial_accumulator_value=-1),
        ValueError,
        "initial_accumulator_value as a",
    ),
    "list": (
        lambda: optim.SGD(W).step([np.ones(2)]),
        TypeError,
        r"expected grads as \{name: gradient\}, got a list",
    ),
    "names": (lambda: optim.SGD(W).step({"v": W["w"]}), ValueError, "parameters and gradients differ in v, w"),
    "text-rate": (lambda: setattr(o := optim.SGD(W), "lr", "0.1") or o.step(W), TypeError, "expected lr as a number"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message) as caught:
        call()
    assert len(str(caught.value).splitlines()) == 1


def test_exports_are_complete_and_documented():
    public = {n for n, value in vars(optim).items() if not n.startswith("_") and not inspect.ismodule(value)}
    assert public == set(optim.__all__)
    assert all(getattr(optim, n).__doc__ for n in public)
    for n in NAMES:
        assert "Source:" in getattr(optim, n).__doc__
        assert "Raises ValueError" in getattr(optim, n).__doc__
        assert "state" in getattr(optim, n).__doc__


def test_a_parameter_of_another_dtype_may_join():
    optimizer = scratch.optim.SGD({"w": np.ones(2)}, lr=0.5)
    optimizer.params["v"] = np.ones(2, np.float32)
    optimizer.step({"w": np.ones(2), "v": np.ones(2, np.float32)})
    assert (optimizer.params["w"] == 0.5).all()
    assert (optimizer.params["v"] == 0.5).all()
