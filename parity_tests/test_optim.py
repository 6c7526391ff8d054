"""Are the optimizers torch.optim's, step by step, and would a wrong rule be noticed?"""

import inspect

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scratch import optim
from scratch.optim.base import lerp

RULES = [
    ("SGD", {}),
    ("SGD", {"weight_decay": 0.1}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.05}),
    ("SGD", {"momentum": 0.9, "weight_decay": 0.05, "nesterov": True}),
    ("Adam", {}),
    ("Adam", {"weight_decay": 0.1, "amsgrad": True}),
    ("Adam", {"betas": (0.3, 0.5), "eps": 1e-3}),
    ("Adam", {"betas": (0.0, 0.0)}),
    ("AdamW", {}),
    ("AdamW", {"weight_decay": 0.3, "amsgrad": True}),
    ("RMSprop", {}),
    ("RMSprop", {"centered": True}),
    ("RMSprop", {"momentum": 0.9, "weight_decay": 0.1}),
    ("RMSprop", {"momentum": 0.9, "centered": True, "alpha": 0.9}),
    ("Adagrad", {}),
    ("Adagrad", {"lr_decay": 0.01, "weight_decay": 0.1, "initial_accumulator_value": 0.5}),
]
NAMES = ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad")
SHAPES = {"0.weight": (5, 4), "0.bias": (), "1.weight": (2, 1, 3, 3)}


def drawn(rng, shapes, dtype, size=1.0):
    return {name: np.asarray(size * rng.normal(size=shape)).astype(dtype) for name, shape in shapes.items()}


def state_of(twin, tensors):
    """torch's state under our names: {parameter: {name: array or None}}"""
    states = {name: twin.state[tensor] for name, tensor in tensors.items()}
    return {n: {key: v if v is None else v.numpy() for key, v in state.items()} for n, state in states.items()}


def worst_ratio(make, make_twin, dtype, steps=200, shapes=SHAPES, seed=0):
    """Both sides over `steps` random gradients of many sizes: the worst difference in units of what is allowed."""
    rng, eps, worst = np.random.default_rng(seed), np.finfo(dtype).eps, 0.0
    params = drawn(rng, shapes, dtype)
    follower = {name: array.copy() for name, array in params.items()}  # put on torch's place before every step
    tensors = {name: torch.tensor(array, requires_grad=True) for name, array in params.items()}
    ours, one_step, twin = make(params), make(follower), make_twin(tensors.values())
    allowed = 0.0
    for _ in range(steps):
        grads = drawn(rng, shapes, dtype, 10 ** rng.uniform(-3, 1))
        for name, tensor in tensors.items():
            tensor.grad = torch.tensor(grads[name])
        before = {name: tensor.detach().numpy().copy() for name, tensor in tensors.items()}
        one_step.step(grads)
        ours.step(grads)
        twin.step()
        after = {name: tensor.detach().numpy() for name, tensor in tensors.items()}
        # a step rounds about 10 times on each side, mostly numbers smaller than θ and Δ, but g + λ θ and θ − Δ cancel:
        # 4 units in the last place of the largest entry of all; in a run the steps' errors add up
        unit = 4 * eps * (largest(before) + largest({name: after[name] - before[name] for name in after}))
        allowed += unit
        worst = max(worst, largest({n: follower[n] - after[n] for n in after}) / unit)
        worst = max(worst, largest({n: params[n] - after[n] for n in after}) / allowed)
        theirs = state_of(twin, tensors)
        worst = max(worst, worst_of_states(one_step.state, theirs, eps))
        for name, array in after.items():
            follower[name][...] = array
        if any(one_step.state.values()):
            one_step.load_state_dict(one_step.state_dict() | {"state": theirs})
    return worst


def largest(arrays):
    return max(np.abs(array).max() for array in arrays.values())


def worst_of_states(ours, theirs, eps):
    worst = 0.0
    for key in next(iter(ours.values())):
        values = {name: state[key] for name, state in theirs.items()}
        difference = largest({name: ours[name][key] - value for name, value in values.items()})
        worst = max(worst, difference / (4 * eps * largest(values)))  # one step from the same state, as above
    assert all({k for k, v in state.items() if v is not None} == ours[name].keys() for name, state in theirs.items())
    return worst


def both(name, options):
    return lambda params: getattr(optim, name)(params, **options), lambda ps: getattr(torch.optim, name)(ps, **options)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("name", "options"), RULES)
def test_every_step_is_torchs(name, options, dtype):
    assert worst_ratio(*both(name, {"lr": 0.05} | options), dtype) <= 1


class Uncorrected(optim.Adam):
    """Without the bias correction, as after infinitely many steps."""

    def update(self, parameter, gradient, state):
        state["step"] += 10**9
        super().update(parameter, gradient, state)
        state["step"] -= 10**9


class Coupled(optim.AdamW):
    """Weight decay as a part of the gradient."""

    decoupled = False


class RootOfSum(optim.RMSprop):
    """ε inside the root, as some papers have it."""

    def update(self, parameter, gradient, state):
        state["step"] += 1
        state["square_avg"] += 0.01 * (gradient * gradient - state["square_avg"])
        parameter -= self.lr * gradient / np.sqrt(state["square_avg"] + self.eps)


@pytest.mark.parametrize(
    ("wrong", "twin"),
    [(Uncorrected, torch.optim.Adam), (Coupled, torch.optim.AdamW), (RootOfSum, torch.optim.RMSprop)],
    ids=lambda rule: rule.__name__,
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_wrong_rule_is_noticed(wrong, twin, dtype):
    assert worst_ratio(wrong, twin, dtype, steps=3) > 20


@given(data=st.data())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_any_options_and_shapes(data):
    name = data.draw(st.sampled_from(NAMES))
    share, rate = st.floats(0, 0.99), st.floats(1e-4, 1)
    every = {"lr": rate, "weight_decay": share, "eps": st.sampled_from([1e-10, 1e-8, 1e-3]), "amsgrad": st.booleans()}
    every |= {"betas": st.tuples(share, share), "alpha": share, "lr_decay": share, "initial_accumulator_value": share}
    every |= {"momentum": share, "dampening": share, "nesterov": st.just(False)}
    options = {option: data.draw(every[option]) for option in getattr(optim, name).options if option in every}
    if name == "SGD" and options["momentum"] and options["dampening"] == 0:
        options["nesterov"] = data.draw(st.booleans())
    shapes = {"w": tuple(data.draw(st.lists(st.integers(1, 4), max_size=3))), "b": (3,)}
    assert worst_ratio(*both(name, options), "float64", 5, shapes, data.draw(st.integers(0, 99))) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_arguments_and_defaults_are_torchs(name):
    ours = inspect.signature(getattr(optim, name)).parameters
    theirs = inspect.signature(getattr(torch.optim, name)).parameters
    assert [(n, p.default) for n, p in ours.items()] == [(n, theirs[n].default) for n in list(theirs)[: len(ours)]]
    assert getattr(optim, name).options == tuple(ours)[1:]


def test_a_mean_follows_at_once_where_nothing_is_kept():
    """start + 1 (end − start) would lose all of `end` here."""
    start = np.array([1e20])
    lerp(start, np.array([3.0]), 1.0)
    assert start[0] == 3.0


def test_a_gradient_that_never_changes_has_no_spread():
    """torch's step is NaN here once v − ḡ² is rounded below 0."""
    params = {"w": np.ones(50)}
    optimizer = optim.RMSprop(params, centered=True, alpha=0.5)
    for _ in range(100):
        optimizer.step({"w": np.geomspace(1e-3, 1e3, 50)})
    assert np.isfinite(params["w"]).all()
