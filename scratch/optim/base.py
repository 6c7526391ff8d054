"""What every optimizer shares: parameters updated in place, all or none, and what is remembered of each."""

from abc import ABC, abstractmethod

import numpy as np

from scratch.checks import check_positive
from scratch.optim.checks import check_gradient, check_keys, check_names, check_parameters, check_rate, remembered

BLOCK = 1 << 16  # entries: so many of every array and of what a rule computes from them stay in the cache
INFINITY = float("inf")


class Optimizer(ABC):
    """θ ← θ − Δ, where Δ is made of ∂J/∂θ and of what is remembered of earlier ones: the rule, one class each.

        optimizer = SGD(scratch.named_parameters(net), lr=0.1)
        optimizer.step(grads)                     # grads {name: ∂J/∂θ} as backward gives them

    params: {name: live array}, updated in place. lr is a plain attribute that schedules set (0 included). Arguments,
    defaults, the names in `state` {name: {"step": …, …}} and the order of operations are those of torch.optim; the
    state is empty before the first step, and dtypes are those of the parameters.
    Values are not looked at: a gradient that is not finite spoils its parameter as it does in torch, and so does one
    whose square overflows, of which NumPy warns; `clip_grad_norm` refuses the one by name and shortens the other.
    Raises TypeError and ValueError for arguments that are none of torch's, and for parameters that are read-only.
    """

    options: tuple[str, ...] = ("lr",)
    initial_lr: float | None = None  # set by the first schedule: the lr that all of them start from

    def __init__(self, params, lr):
        owner = type(self).__name__
        check_parameters(owner, params)
        check_positive(owner, lr=lr)
        self.params, self.lr = dict(params), float(lr)
        self.state: dict[str, dict] = {}

    def step(self, grads):
        """One update of every parameter, or of none: grads {name: gradient} must fit in names, shapes and dtypes."""
        owner, params = type(self).__name__, self.params
        if grads.__class__ is not dict or grads.keys() != params.keys():
            check_keys(owner, grads, params)
        for name, array in params.items():
            gradient = grads[name]
            plain = gradient.__class__ is np.ndarray and gradient.dtype is array.dtype
            if not plain or gradient.shape != array.shape:
                check_gradient(owner, name, gradient, array)
        if self.lr.__class__ is not float or not 0 <= self.lr < INFINITY:
            self.lr = check_rate(owner, self.lr)
        if not self.state:
            self.state = {name: self.fresh(array) for name, array in params.items()}
        self.update_all(grads)  # all fit: no parameter is updated without the others

    def update_all(self, grads):
        """Every parameter by the rule; grads fit."""
        for name, array in self.params.items():
            self.update(array, grads[name], self.state[name])

    @abstractmethod
    def fresh(self, parameter):
        """{torch's name: what is remembered of a parameter that no step has moved yet}"""

    @abstractmethod
    def update(self, parameter, gradient, state):
        """The rule, in place: parameter and state are changed, gradient is not."""

    def state_dict(self):
        """{"options": {name: number}, "state": {parameter: {name: array or number}}}, arrays copied."""
        state = {
            name: {key: value.copy() if isinstance(value, np.ndarray) else value for key, value in values.items()}
            for name, values in self.state.items()
        }
        return {"options": {name: getattr(self, name) for name in self.options}, "state": state}

    def load_state_dict(self, mapping):
        """Take over what state_dict gave, options included; arrays are copied and cast to the parameters' dtypes.

        Raises ValueError or TypeError, naming what is missing, unexpected or of another shape, kind or range; the
        optimizer is then untouched.
        """
        owner = f"{type(self).__name__}.load_state_dict"
        check_names(owner, "its argument", mapping, ("options", "state"))
        check_names(owner, "options", mapping["options"], self.options)
        lr = check_rate(owner, mapping["options"]["lr"])
        loaded = type(self)(self.params, **(mapping["options"] | {"lr": 1.0}))  # checks the others
        if mapping["state"]:
            check_names(owner, "state", mapping["state"], self.params)
            for name, array in self.params.items():
                loaded.state[name] = remembered(owner, name, array, loaded.fresh(array), mapping["state"][name])
        vars(self).update(vars(loaded) | {"lr": lr})

    def __repr__(self):
        options = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.options)
        return f"{type(self).__name__}({len(self.params)} parameters, {options})"


def blocks(parameter, *others):
    """Tuples of arrays: all of them whole, or views of pieces that stay in the cache while a rule goes over them.

    All have one shape; pieces are of the parameter's own memory, so it is cut only where it is contiguous.
    """
    if parameter.size <= BLOCK or not parameter.flags.c_contiguous:
        return ((parameter, *others),)
    rows = [array.reshape(-1) for array in (parameter, *others)]
    return (tuple(row[start : start + BLOCK] for row in rows) for start in range(0, parameter.size, BLOCK))


def lerp(start, end, weight):
    """start ← start + w (end − start), in place, from the nearer end: at w = 1 it is `end` to the last digit."""
    if weight < 0.5:
        start += weight * (end - start)
    else:
        start[...] = end - (1 - weight) * (end - start)
