"""One array of ours beside one of theirs, judged entry by entry: nothing hides behind a large neighbour."""

import math
from dataclasses import dataclass, field

import numpy as np

GRADIENTS = ("input", "parameter")
ALIKE = 10.0  # wrong entries with shares that near are wrong alike: budgets vary with the machine, errors do not
TINY = 8 * float(np.finfo(np.float32).smallest_normal)  # every entry has a budget of up to half of this, zeros too


@dataclass(frozen=True)
class Worst:
    """The entry that uses most of its budget; of those that are far beyond it alike, the one with the largest error."""

    index: tuple[int, ...]
    ours: float
    theirs: float


@dataclass(frozen=True)
class Row:
    """The judgement on one array.

    kind: "output", "input" or "parameter" (gradients by those), or "quantity". verdict: "pass", "fail", or "void"
    where nothing was proved (no entries, or none that is larger than what rounding explains there).
    error and budget: |ours − theirs| and what rounding explains, both at the entry that uses most of its budget;
    largest: the largest |ours − theirs| of any entry. hides: the relative error that a pass could still hide, the
    largest budget of an entry as a share of it; blurred: how many entries are smaller than their budget, so that not
    even a sign is proved, and are left out of hides. cause: a code of parity's vocabulary, where one is known.
    arrays: ours, theirs and the budget of every entry in float64, where they were compared; no part of equality.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    verdict: str
    error: float = 0.0
    budget: float = 0.0
    worst: Worst | None = None
    cause: str | None = None
    note: str = ""
    hides: float = 0.0
    blurred: int = 0
    largest: float = 0.0
    size: int = 0
    arrays: tuple[np.ndarray, np.ndarray, np.ndarray] | None = field(default=None, repr=False, compare=False)

    @property
    def share(self):
        """error as a share of the budget: at most 1 is right."""
        if self.worst is not None and not math.isfinite(self.worst.ours):
            return float("inf")
        if self.error == 0 or math.isinf(self.budget):
            return 0.0
        return self.error / self.budget if self.budget else float("inf")


def judge(name, kind, ours, theirs, budget, dtype=None):
    """A Row from our array, theirs and the budget of every entry (an array, or a number for all).

    dtype: what ours must be in, where that matters. Ours may be None: a gradient that was never returned.
    """
    shape = np.shape(theirs if ours is None else ours)
    if ours is None:
        return Row(name, kind, shape, "fail", cause="never-written", note="no gradient was returned")
    if shape != np.shape(theirs):
        return Row(name, kind, shape, "fail", cause="shape-mismatch", note=f"expected {np.shape(theirs)}")
    if dtype is not None and type(ours) is not float and (found := np.asarray(ours).dtype) != dtype:
        return Row(name, kind, shape, "fail", cause="dtype-changed", note=f"expected {dtype}, got {found}")
    if np.asarray(ours).dtype.kind not in "fiub":
        return Row(name, kind, shape, "fail", cause="dtype-changed", note=f"got {np.asarray(ours).dtype}")
    if np.size(ours) == 0:
        return Row(name, kind, shape, "void", note="no entries: nothing was proved")
    ours, theirs = np.array(ours, float), np.array(theirs, float)  # copies: the row keeps them
    error, budget = difference(ours, theirs), np.broadcast_to(np.asarray(budget, float), shape)
    share = np.where(np.isfinite(ours), shares(error, budget), np.inf)
    top = share.max()
    least = top / ALIKE if top > ALIKE else top
    index = np.unravel_index(np.argmax(np.where(share >= least, error, -1.0)), shape)  # by share, then by error
    verdict, cause, note = "pass", None, ""
    if share[index] > 1:
        verdict, cause = "fail", "forward-mismatch" if kind == "output" else None
        cause = cause if np.isfinite(ours).all() else "non-finite"
    elif kind in GRADIENTS and not (np.abs(theirs) > budget).any():
        verdict, note = "void", "nothing was proved: " + ("rounding explains it all" if theirs.any() else "all is 0")
    sharp = np.abs(theirs) > budget
    return Row(
        name,
        kind,
        shape,
        verdict,
        error=float(error[index]),
        budget=float(budget[index]),
        worst=Worst(tuple(int(i) for i in index), float(ours[index]), float(theirs[index])),
        cause=cause,
        note=note,
        hides=float(np.max(np.divide(budget, np.abs(theirs), out=np.zeros(shape), where=sharp))),
        blurred=int(np.sum(~sharp & (budget > TINY))),
        largest=float(error.max()),
        size=ours.size,
        arrays=(ours, theirs, budget),
    )


def unexpected(name, kind, ours):
    """The Row of a result under a name that the other side does not have."""
    return Row(
        name,
        kind,
        np.shape(ours),
        "fail",
        cause="shape-mismatch",
        note="there is no weight of this name; is it in params?",
    )


def difference(ours, theirs):
    """|ours − theirs|, infinite wherever either is not a number: two NaNs or infinities agree on nothing."""
    with np.errstate(all="ignore"):
        error = np.abs(ours - theirs)
    return np.where(np.isfinite(ours) & np.isfinite(theirs), error, np.inf)


def shares(error, budget):
    """error as a share of the budget, entry by entry; any error without a budget is inf, any within inf 0."""
    share = np.divide(error, budget, out=np.where(error > 0, np.inf, 0.0), where=(budget > 0) & np.isfinite(budget))
    return np.where(np.isposinf(budget), 0.0, share)
