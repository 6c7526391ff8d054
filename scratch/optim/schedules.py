"""Step sizes that change with the number of steps: each schedule sets optimizer.lr, after the optimizer's own step."""

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from itertools import pairwise
from types import SimpleNamespace

from scratch.optim.checks import check_names, check_number, check_rate, check_whole


class Schedule(ABC):
    """η(t), the step size after t steps, as a function of η(t − 1): so schedules of one optimizer can be chained.

        schedule = StepLR(optimizer, step_size=30)
        for …:  optimizer.step(grads);  schedule.step()

    Each multiplies (or shifts) what it finds in optimizer.lr, so of several that step one after the other all act.
    `at(t)` is the closed form for one that acts alone from base_lr, the optimizer's lr when its first schedule was
    made; `step()` equals it but for rounding. Names, defaults and the order of operations are torch's, and so is
    `last_epoch`, the number t of steps taken.
    state_dict() gives numbers; load_state_dict takes them over, strictly (ValueError, TypeError), and leaves
    optimizer.lr to the optimizer's own.
    """

    options: tuple[str, ...] = ()

    def __init__(self, optimizer):
        if not hasattr(optimizer, "lr") or not hasattr(optimizer, "initial_lr"):
            raise TypeError(f"{type(self).__name__}: expected an optimizer, got a {type(optimizer).__name__}")
        if optimizer.initial_lr is None:
            optimizer.initial_lr = optimizer.lr
        self.optimizer, self.base_lr, self.last_epoch = optimizer, optimizer.initial_lr, 0

    def step(self):
        """Put the next step size into optimizer.lr."""
        self.last_epoch += 1
        self.optimizer.lr = self.following(self.optimizer.lr, self.last_epoch)

    def restart(self):
        """Begin again at t = 0 with the optimizer's initial step size."""
        self.last_epoch = 0
        self.optimizer.lr = self.at(0)

    @abstractmethod
    def at(self, t):
        """η(t) in closed form."""

    @abstractmethod
    def following(self, lr, t):
        """η(t) from lr = η(t − 1)."""

    def state_dict(self):
        """{name: number}: the options, base_lr and last_epoch."""
        return {name: getattr(self, name) for name in (*self.options, "base_lr", "last_epoch")}

    def load_state_dict(self, mapping):
        """Take over what state_dict gave; the schedule is untouched where it does not fit."""
        owner = f"{type(self).__name__}.load_state_dict"
        check_names(owner, "its argument", mapping, (*self.options, "base_lr", "last_epoch"))
        base_lr = check_rate(owner, mapping["base_lr"])
        check_whole(owner, 0, last_epoch=mapping["last_epoch"])
        stand_in = SimpleNamespace(lr=base_lr, initial_lr=None)
        loaded = type(self)(stand_in, **{name: mapping[name] for name in self.options})  # checks them
        loaded.optimizer, loaded.last_epoch = self.optimizer, int(mapping["last_epoch"])
        vars(self).update(vars(loaded))


class StepLR(Schedule):
    """η(t) = η₀ γ^⌊t/s⌋: times gamma every step_size steps.

    From one step to the next: η(t) = γ η(t − 1) where s divides t, else η(t − 1).
    Raises ValueError for a step_size below 1 and a gamma that is negative or not finite.
    """

    options = ("step_size", "gamma")

    def __init__(self, optimizer, step_size, gamma=0.1):
        check_whole("StepLR", 1, step_size=step_size)
        check_number("StepLR", 0, gamma=gamma)
        super().__init__(optimizer)
        self.step_size, self.gamma = int(step_size), float(gamma)

    def at(self, t):
        return self.base_lr * self.gamma ** (t // self.step_size)

    def following(self, lr, t):
        return lr * self.gamma if t % self.step_size == 0 else lr


class CosineAnnealingLR(Schedule):
    """η(t) = η_min + (η₀ − η_min) (1 + cos(π t/T)) / 2: from η₀ at t = 0 down to η_min at t = T, flat at both ends.

    From one step to the next: (η(t) − η_min) / (η(t − 1) − η_min) = (1 + cos(π t/T)) / (1 + cos(π (t − 1)/T)),
    but 0/0 one step after each minimum, where the closed form's rise (η₀ − η_min) (1 − cos(π/T)) / 2 is added.
    Beyond T = T_max it rises again, as in torch. A step from T the recursion has 1 + cos ≈ (π/T)²/2, of which rounding
    leaves a relative error of T²/π² half units, and keeps it from there on.
    Raises ValueError for T_max below 1 and an eta_min that is negative or not finite.
    Source: Loshchilov and Hutter (2017), without the restarts.
    """

    options = ("T_max", "eta_min")

    def __init__(self, optimizer, T_max, eta_min=0.0):
        check_whole("CosineAnnealingLR", 1, T_max=T_max)
        check_number("CosineAnnealingLR", 0, eta_min=eta_min)
        super().__init__(optimizer)
        self.T_max, self.eta_min = int(T_max), float(eta_min)

    def at(self, t):
        return self.eta_min + (self.base_lr - self.eta_min) * (1 + math.cos(math.pi * t / self.T_max)) / 2

    def following(self, lr, t):
        if (t - 1 - self.T_max) % (2 * self.T_max) == 0:
            return lr + (self.base_lr - self.eta_min) * (1 - math.cos(math.pi / self.T_max)) / 2
        share = (1 + math.cos(math.pi * t / self.T_max)) / (1 + math.cos(math.pi * (t - 1) / self.T_max))
        return share * (lr - self.eta_min) + self.eta_min


class LinearWarmup(Schedule):
    """η(t) = η₀ (f + (1 − f) min(t, n)/n): from the share f = start_factor up to η₀ in n = warmup_steps steps.

    Equals torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=f, end_factor=1, total_iters=n), with its defaults.
    From one step to the next, for t ≤ n: η(t)/η(t − 1) = 1 + (1 − f) / (n f + (t − 1)(1 − f)); unchanged from then on.
    Making one sets optimizer.lr to f times what it was. Raises ValueError for warmup_steps below 1 and for a
    start_factor outside 0 < f ≤ 1. Source: Goyal et al. (2017).
    """

    options = ("warmup_steps", "start_factor")

    def __init__(self, optimizer, warmup_steps=5, start_factor=1 / 3):
        check_whole("LinearWarmup", 1, warmup_steps=warmup_steps)
        check_number("LinearWarmup", 0, start_factor=start_factor)
        if not 0 < start_factor <= 1:
            raise ValueError(f"LinearWarmup: expected start_factor above 0 and at most 1, got {start_factor}")
        super().__init__(optimizer)
        self.warmup_steps, self.start_factor = int(warmup_steps), float(start_factor)
        optimizer.lr *= self.start_factor

    def at(self, t):
        done = min(t, self.warmup_steps) / self.warmup_steps
        return self.base_lr * (self.start_factor + (1 - self.start_factor) * done)

    def following(self, lr, t):
        if t > self.warmup_steps:
            return lr
        rise = 1 - self.start_factor
        return lr * (1 + rise / (self.warmup_steps * self.start_factor + (t - 1) * rise))


class SequentialLR:
    """One schedule after another: schedules[i] acts from step milestones[i − 1] on, restarted at the initial lr.

    optimizer, schedules: one or more of that optimizer; milestones: one number fewer, increasing, each 1 or more.
    Raises ValueError where they do not fit. state_dict and load_state_dict: those of all schedules and the own step.
    """

    def __init__(self, optimizer, schedules, milestones):
        if any(getattr(schedule, "optimizer", None) is not optimizer for schedule in schedules):
            raise ValueError("SequentialLR: expected schedules of the optimizer that is given")
        if len(milestones) != len(schedules) - 1 or any(a >= b for a, b in pairwise([0, *milestones])):
            raise ValueError(
                f"SequentialLR: expected increasing milestones from 1 up, one fewer than the {len(schedules)} "
                f"schedules, got {list(milestones)}"
            )
        self.schedules, self.milestones, self.last_epoch = tuple(schedules), tuple(milestones), 0
        self.schedules[0].restart()

    def step(self):
        """Step the schedule whose turn it is; its first step is a restart."""
        self.last_epoch += 1
        turn = bisect_right(self.milestones, self.last_epoch)
        if self.last_epoch in self.milestones:
            self.schedules[turn].restart()
        else:
            self.schedules[turn].step()

    def state_dict(self):
        """{"last_epoch": t, "schedules": [the state of each]}"""
        return {"last_epoch": self.last_epoch, "schedules": [schedule.state_dict() for schedule in self.schedules]}

    def load_state_dict(self, mapping):
        """Take over what state_dict gave; all schedules are untouched where one does not fit."""
        owner = "SequentialLR.load_state_dict"
        check_names(owner, "its argument", mapping, ("last_epoch", "schedules"))
        check_whole(owner, 0, last_epoch=mapping["last_epoch"])
        if not isinstance(mapping["schedules"], list) or len(mapping["schedules"]) != len(self.schedules):
            raise ValueError(f"{owner}: expected a list of {len(self.schedules)} states, got {mapping['schedules']!r}")
        before = self.state_dict()["schedules"]
        try:
            self.load(mapping["schedules"])
        except (TypeError, ValueError):
            self.load(before)
            raise
        self.last_epoch = int(mapping["last_epoch"])

    def load(self, states):
        for schedule, state in zip(self.schedules, states, strict=True):
            schedule.load_state_dict(state)
