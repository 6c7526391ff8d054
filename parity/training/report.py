"""What a training in lockstep shows: step by step how far the sides are apart, and how far rounding may part them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import scratch
from parity.report import json_safe

MARGIN = 16.0  # as for a repaired formula: of two right ways of rounding one may be that many times further off
KINDS = ("initial weights", "data", "forward", "gradient", "update rule")  # in the order in which a step meets them
REMEDIES = {
    "initial weights": "the sides start from other weights; leave copy_weights=True, or load one side's state dict",
    "data": "the batches differ in order or values; shuffle with one generator, or hand both sides the same arrays",
    "forward": "the losses differ on the same weights and data: compare the two models and the two losses",
    "gradient": "parity.check(net, x, against=module) on this batch says which step of the derivation is wrong",
    "update rule": "the same gradients give other weights: compare the optimizers' options, then their formulas",
}


@dataclass(frozen=True)
class Quantity:
    """One array of a step: how far the sides are apart in it at most, and how far rounding explains."""

    kind: str
    name: str
    difference: float
    allowed: float

    @property
    def share(self):
        return self.difference / self.allowed if self.allowed else float("inf" if self.difference else 0.0)


@dataclass(frozen=True)
class Step:
    """One step: both losses, the quantities, and what began to differ beyond rounding here, or None.

    began: one of KINDS; name: the first array of that kind, of a gradient the one that backward reaches first.
    lost: whether rounding explains weights after it that differ by as much as the largest of them.
    """

    number: int
    ours: float
    theirs: float
    quantities: tuple[Quantity, ...]
    lost: bool
    began: str | None = None
    name: str = ""

    def noted(self):
        """The same step without a verdict: the sides have parted before it."""
        return replace(self, began=None, name="")

    def of(self, kind):
        """The quantities of a kind."""
        return [quantity for quantity in self.quantities if quantity.kind == kind]

    def worst(self, kind):
        """The Quantity of a kind that uses most of what rounding explains; None where the step has none."""
        return max(self.of(kind), key=lambda quantity: quantity.share, default=None)


def judged(number, quantities, same_data, least, parameters):
    """The Step of {kind: (ours, theirs, shadows), each {name: array}}.

    least(kind, name, size): a rounding's size; parameters: the names of the weights that are trained.
    """
    found = []
    for kind, (ours, theirs, shadows) in quantities.items():
        for name in [name for name in ours if name in theirs]:
            found.append(quantity(kind, name, ours[name], theirs[name], [one[name] for one in shadows], least))
    J, K = (float(side["loss"]) for side in quantities["forward"][:2])
    beyond = {q.kind: q.name for q in reversed(found) if not q.share <= 1}
    if not same_data:
        beyond["data"] = "batch"
    gradients = [q.name for q in found if q.kind == "gradient" and not q.share <= 1]
    if gradients:
        beyond["gradient"] = gradients[-1]  # backward reaches the last layer's first
    began = next((kind for kind in KINDS if kind in beyond), None)
    allowed = max((q.allowed for q in found if q.kind == "update rule" and q.name in parameters), default=0.0)
    updated = quantities["update rule"][0]
    lost = allowed >= max((float(np.abs(updated[name]).max(initial=0.0)) for name in parameters), default=0.0) > 0
    return Step(number, J, K, tuple(found), lost, began, beyond.get(began, ""))


def quantity(kind, name, ours, theirs, shadows, least):
    """How far the sides are apart in an array, and MARGIN times how far the shadows are."""
    difference = distance(ours, theirs)
    size = float(np.abs(np.asarray(ours, float)).max(initial=0.0))
    spread = max((distance(ours, shadow) for shadow in shadows), default=0.0)
    return Quantity(kind, name, difference, MARGIN * max(spread, least(kind, name, size)))


def distance(a, b):
    """The largest difference of two arrays; infinite where their shapes differ or a number is none.

    Equal infinities are 0 apart: both sides diverge alike.
    """
    if np.shape(a) != np.shape(b):
        return float("inf")
    a, b = np.asarray(a, float), np.asarray(b, float)
    with np.errstate(all="ignore"):
        found = np.where(a == b, 0.0, np.abs(a - b))
    return float("inf") if np.isnan(found).any() else float(found.max(initial=0.0))


@dataclass(frozen=True)
class LockstepReport:
    """The outcome of a training in lockstep; net and module: both sides as they are after it.

    ok: both sides agree in every step. first: the number of the first Step beyond what rounding explains, or None.
    lost: the number of the Step after which rounding alone explains any difference, or None: later ones are not judged.
    stopped: why the hand-derived side took no further step, "" where it took all.
    """

    title: str
    conditions: str
    steps: tuple[Step, ...]
    net: Any
    module: Any
    stopped: str = ""

    @property
    def parted(self):
        """The Step in which the sides part; None where they do not."""
        return next((step for step in self.steps if step.began is not None), None)

    @property
    def ok(self):
        return self.parted is None and self.lost is None and not self.stopped

    @property
    def lost(self):
        return next((step.number for step in self.steps[:-1] if step.lost), None)

    @property
    def first(self):
        return None if self.parted is None else self.parted.number

    @property
    def began(self):
        """What began it: one of KINDS; None where the sides agree."""
        return None if self.parted is None else self.parted.began

    def to_dict(self):
        """Plain data for JSON; numbers that JSON lacks as text."""
        steps = [
            {"step": s.number, "ours": s.ours, "theirs": s.theirs}
            | {kind: share_of(s.worst(kind)) for kind in KINDS if s.worst(kind)}
            for s in self.steps
        ]
        found = {"title": self.title, "conditions": self.conditions, "ok": self.ok, "first": self.first}
        name = self.parted.name if self.parted else ""
        return json_safe(
            found | {"began": self.began, "name": name, "lost": self.lost, "stopped": self.stopped, "steps": steps}
        )

    def __str__(self):
        return "\n".join(
            [f"{self.title}      {self.conditions}", *map(line, self.shown()), *self.summary(), *self.ending()]
        )

    def ending(self):
        return [f"Step {len(self.steps)} was not taken: {self.stopped}"] if self.stopped else []

    def shown(self):
        """The steps that are printed: the first ones, then ever fewer, the one where the sides part, the last."""
        numbers = {0, 1, 2, 5, *(k * 10**e for e in range(1, 9) for k in (1, 2, 5)), self.first, len(self.steps) - 1}
        return [step for step in self.steps if step.number in numbers]

    def summary(self):
        if self.parted is None and self.lost is not None:
            return [
                f"Steps 0 to {self.lost} agree. Then rounding alone may part weights by as much as they are large, so",
                "  later steps are not judged: the training tips over; a smaller step size settles it, or float64.",
            ]
        if self.parted is None:
            last = max(self.weights_at_the_end(), key=lambda quantity: quantity.difference)
            return [
                f"All {len(self.steps)} steps agree. Weights part by {last.difference:.1e} at the end, "
                f"{last.share:.0%} of what rounding explains."
            ]
        step, worst = (
            self.parted,
            next(
                (q for q in self.parted.quantities if (q.kind, q.name) == (self.parted.began, self.parted.name)), None
            ),
        )
        far = "" if worst is None else f", {worst.difference:.1e} apart where rounding explains {worst.allowed:.1e}"
        return [f"Step {step.number}: the {step.began} began it: {step.name}{far}.", f"  {self.remedy()}"]

    def remedy(self):
        """What to look at first. Statistics that run are made in forward and seen behind the update alone."""
        if self.parted.name in scratch.named_buffers(self.net):
            return f"{self.parted.name} is made in forward: compare the options of the layers that keep it"
        return REMEDIES[self.parted.began]

    def weights_at_the_end(self):
        """The Quantities of the last step that are weights or buffers, not what the optimizer keeps."""
        names = scratch.state_dict(self.net)
        return [q for q in self.steps[-1].quantities if q.kind == "update rule" and q.name in names]

    def plot(self, path):
        """Draw losses and drift to an .svg or .png file; see parity.training.picture."""
        from parity.training.picture import draw

        return draw(self, Path(path))


def share_of(quantity):
    return {"name": quantity.name, "difference": quantity.difference, "allowed": quantity.allowed}


def line(step):
    """One step as a line of text."""
    shares = [f"{kind} {share(step.worst(kind))}" for kind in KINDS if step.worst(kind)]
    end = f"   {step.began} began it: {step.name}" if step.began else ""
    return f" step {step.number:5}  loss {step.ours:.6g} and {step.theirs:.6g}   {', '.join(shares)}{end}"


def share(quantity):
    return f"{quantity.share:.0%}" if quantity.share < 100 else f"{quantity.share:.0e} x"
