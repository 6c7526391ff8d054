"""Are the step sizes torch's, one after the other and chained, and does a stored schedule go on?"""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from scratch.optim import SGD, CosineAnnealingLR, LinearWarmup, SequentialLR, StepLR

STEPS, EPS = 200, np.finfo(float).eps
SCHEDULES = {
    "step": (lambda o: StepLR(o, 30), lambda o: lr_scheduler.StepLR(o, 30)),
    "step-gamma": (lambda o: StepLR(o, 7, gamma=0.9), lambda o: lr_scheduler.StepLR(o, 7, gamma=0.9)),
    "step-every": (lambda o: StepLR(o, 1, 1.01), lambda o: lr_scheduler.StepLR(o, 1, 1.01)),
    "cosine": (lambda o: CosineAnnealingLR(o, 200), lambda o: lr_scheduler.CosineAnnealingLR(o, 200)),
    "cosine-periods": (
        lambda o: CosineAnnealingLR(o, 30, eta_min=0.01),
        lambda o: lr_scheduler.CosineAnnealingLR(o, 30, eta_min=0.01),
    ),
    "cosine-1": (lambda o: CosineAnnealingLR(o, 1), lambda o: lr_scheduler.CosineAnnealingLR(o, 1)),
    "warmup": (lambda o: LinearWarmup(o), lambda o: lr_scheduler.LinearLR(o)),
    "warmup-long": (
        lambda o: LinearWarmup(o, warmup_steps=150, start_factor=1e-3),
        lambda o: lr_scheduler.LinearLR(o, start_factor=1e-3, total_iters=150),
    ),
    "warmup-none": (lambda o: LinearWarmup(o, 1, 1.0), lambda o: lr_scheduler.LinearLR(o, 1.0, total_iters=1)),
}


def optimizers(lr=0.3):
    return SGD({"w": np.ones(2)}, lr=lr), torch.optim.SGD([torch.ones(2, requires_grad=True)], lr=lr)


def rates(names, lr=0.3, steps=STEPS, sequence=None):
    """The lr of each side before every step, schedules of these names chained, or one after another at milestones."""
    ours, theirs = optimizers(lr)
    schedules = [SCHEDULES[name][0](ours) for name in names]
    twins = [SCHEDULES[name][1](theirs) for name in names]
    if sequence:
        schedules = [SequentialLR(ours, schedules, sequence)]
        twins = [lr_scheduler.SequentialLR(theirs, twins, sequence)]
    found: tuple[list, list] = [], []
    for _ in range(steps + 1):
        found[0].append(ours.lr)
        found[1].append(theirs.param_groups[0]["lr"])
        ours.step({"w": np.ones(2)})
        theirs.step()
        for schedule in (*schedules, *twins):
            schedule.step()
    return found


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_rate_is_torchs(name):
    """Both sides do the same operations in the same order on Python's floats: equal to the last digit."""
    ours, theirs = rates([name])
    assert ours == theirs
    assert len(set(ours)) > 1 or name == "warmup-none"


@pytest.mark.parametrize("names", [("warmup", "cosine"), ("step", "warmup-long"), ("warmup", "cosine", "step")])
def test_chained_ones_all_act(names):
    ours, theirs = rates(names)
    assert ours == theirs


@pytest.mark.parametrize("names", [("warmup", "cosine"), ("step", "cosine-periods"), ("step", "warmup-long")])
@pytest.mark.parametrize("milestone", [1, 5, 40])
def test_one_after_another(names, milestone):
    ours, theirs = rates(names, sequence=[milestone])
    assert ours == theirs


def test_three_after_each_other():
    ours, theirs = rates(("warmup", "step", "cosine-periods"), sequence=[10, 50])
    assert ours == theirs


def tolerance(name):
    """Of the recursion, relative to the closed form."""
    if name.startswith("cosine"):
        T = {"cosine": 200, "cosine-periods": 30, "cosine-1": 1}[name]
        # 1 + cos is known to half a unit of 1, where it is (π/T)²/2; three such quotients in 200 steps, and 3 roundings
        # of each of the 200
        return EPS * (3 * T * T / math.pi**2 + 3 * STEPS)
    return 3 * EPS * STEPS  # a sum, a quotient and a product are rounded in every step, half a unit each


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_recursion_is_the_closed_form(name):
    optimizer, _ = optimizers()
    schedule = SCHEDULES[name][0](optimizer)
    # a cosine of π has an error of half a unit of 1: the smallest rates are known to that share of the largest
    absolute = EPS * 0.3 if name.startswith("cosine") else 0
    for t in range(STEPS):
        assert optimizer.lr == pytest.approx(schedule.at(t), rel=tolerance(name), abs=absolute)
        schedule.step()


@given(
    names=st.lists(st.sampled_from(["step", "step-gamma", "cosine", "warmup", "warmup-long"]), min_size=1, max_size=3),
    lr=st.floats(1e-6, 10),
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_any_chain_from_any_rate(names, lr):
    ours, theirs = rates(names, lr, steps=40)
    assert ours == theirs


def test_well_known_values():
    optimizer, _ = optimizers(1.0)
    assert [StepLR(optimizer, 2, 0.5).at(t) for t in range(5)] == [1, 1, 0.5, 0.5, 0.25]
    cosine = CosineAnnealingLR(optimizer, 4, 0.2)
    assert [cosine.at(t) for t in (0, 2, 4)] == pytest.approx([1, 0.6, 0.2], rel=1e-15)
    assert optimizer.lr == 1.0
    warmup = LinearWarmup(optimizer, 4, 0.5)
    assert [warmup.at(t) for t in range(6)] == [0.5, 0.625, 0.75, 0.875, 1, 1]
    assert optimizer.lr == 0.5


def test_a_chain_that_leads_below_0_is_refused_by_the_optimizer():
    """torch goes on with a step size below 0, so uphill: a cosine pushes what is below its minimum away from it."""
    optimizer, _ = optimizers(1.0)
    schedules = CosineAnnealingLR(optimizer, 30, eta_min=0.5), StepLR(optimizer, 5)
    for _ in range(60):
        for schedule in schedules:
            schedule.step()
        if optimizer.lr < 0:
            break
    with pytest.raises(ValueError, match="SGD: expected lr as a number from 0 up"):
        optimizer.step({"w": np.ones(2)})


def test_an_own_change_of_the_rate_stays():
    optimizer, _ = optimizers(1.0)
    schedule = StepLR(optimizer, 2, 0.5)
    schedule.step()
    optimizer.lr = 0.1
    schedule.step()
    assert optimizer.lr == 0.05


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("taken", [0, 3, 31])
def test_a_stored_schedule_goes_on_as_if_never_stopped(name, taken):
    optimizer, _ = optimizers()
    schedule = SCHEDULES[name][0](optimizer)
    for _ in range(taken):
        schedule.step()
    stored = schedule.state_dict(), optimizer.state_dict()
    resumed = SGD({"w": np.ones(2)}, lr=7.0)
    other = {"step": StepLR(resumed, 9), "cosi": CosineAnnealingLR(resumed, 5), "warm": LinearWarmup(resumed, 3, 0.1)}
    again = other[name[:4]]
    again.load_state_dict(stored[0])
    resumed.load_state_dict(stored[1])
    for _ in range(50):
        assert resumed.lr == optimizer.lr
        schedule.step()
        again.step()


def test_a_stored_sequence_goes_on():
    def built(optimizer):
        return SequentialLR(optimizer, [LinearWarmup(optimizer, 4), CosineAnnealingLR(optimizer, 20)], [4])

    ours, resumed = SGD({"w": np.ones(2)}, lr=0.3), SGD({"w": np.ones(2)}, lr=0.3)
    schedule, again = built(ours), built(resumed)
    for _ in range(9):
        schedule.step()
    again.load_state_dict(schedule.state_dict())
    resumed.lr = ours.lr
    for _ in range(20):
        schedule.step()
        again.step()
        assert resumed.lr == ours.lr
    before = again.state_dict()
    wrong = {"last_epoch": 1, "schedules": [before["schedules"][0] | {"last_epoch": 0}, {}]}
    with pytest.raises(ValueError, match=r"CosineAnnealingLR\.load_state_dict: its argument: missing T_max"):
        again.load_state_dict(wrong)
    assert again.state_dict() == before
    with pytest.raises(ValueError, match=r"SequentialLR\.load_state_dict: expected a list of 2 states, got \[\]"):
        again.load_state_dict(before | {"schedules": []})


O = SGD({"w": np.ones(2)}, lr=0.1)  # noqa: E741
COSINE = CosineAnnealingLR(O, 5)
STATE = {"T_max": 5, "eta_min": 0.0, "base_lr": 0.1, "last_epoch": 2}
REFUSED = {
    "optimizer": (lambda: StepLR(0.1, 30), TypeError, "StepLR: expected an optimizer, got a float"),
    "step-size": (lambda: StepLR(O, 0), ValueError, "step_size as a whole number from 1 up, got 0"),
    "half": (lambda: StepLR(O, 2.5), ValueError, "step_size as a whole number from 1 up, got 2.5"),
    "none": (lambda: CosineAnnealingLR(O, None), ValueError, "CosineAnnealingLR: expected T_max .* got None"),
    "gamma": (
        lambda: StepLR(O, 3, math.inf),
        ValueError,
        "gamma as a number from 0 up, neither NaN nor infinite, got inf",
    ),
    "minimum": (lambda: CosineAnnealingLR(O, 3, -0.1), ValueError, "eta_min as a number from 0 up"),
    "start": (lambda: LinearWarmup(O, 3, 0.0), ValueError, "start_factor above 0 and at most 1, got 0.0"),
    "more": (lambda: LinearWarmup(O, 3, 1.5), ValueError, "start_factor above 0 and at most 1, got 1.5"),
    "milestones": (
        lambda: SequentialLR(O, [COSINE, COSINE], []),
        ValueError,
        r"one fewer than the 2 schedules, got \[\]",
    ),
    "order": (lambda: SequentialLR(O, [COSINE] * 3, [5, 5]), ValueError, "expected increasing milestones from 1 up"),
    "other": (lambda: SequentialLR(SGD({}, lr=1), [COSINE], []), ValueError, "expected schedules of the optimizer"),
    "state-keys": (
        lambda: COSINE.load_state_dict({"T_max": 3}),
        ValueError,
        "missing eta_min; missing base_lr; missing l",
    ),
    "state-kind": (lambda: COSINE.load_state_dict([1]), TypeError, "expected its argument as a dict, got a list"),
    "state-option": (
        lambda: COSINE.load_state_dict(STATE | {"T_max": 0}),
        ValueError,
        "T_max as a whole number from 1",
    ),
    "state-step": (
        lambda: COSINE.load_state_dict(STATE | {"last_epoch": -1}),
        ValueError,
        "last_epoch as a whole number",
    ),
    "state-base": (
        lambda: COSINE.load_state_dict(STATE | {"base_lr": math.nan}),
        ValueError,
        "lr as a number from 0 up",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message) as caught:
        call()
    assert len(str(caught.value).splitlines()) == 1
    assert COSINE.state_dict() == {"T_max": 5, "eta_min": 0.0, "base_lr": 0.1, "last_epoch": 0}
    assert O.lr == 0.1
