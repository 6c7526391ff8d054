"""The numerical witness: derivatives of the user's own forward, which need no twin.

The gradient by an array x of J = Σ g · outputs is taken entry by entry, by the complex step where the forward lets
complex numbers through, else by central differences. Truth is float64, whatever the hand side computes in.
"""

from itertools import chain

import numpy as np

from parity.analytic import StepLost
from parity.followed import followed
from parity.rounding.budget import FEW, SHAKES, factor, keeps_shaking
from parity.rounding.shaken import Directions, moved, plain, shaken
from parity.subjects.raised import SubjectRaised
from parity.subjects.returned import name_outputs
from parity.witnesses.differences import FINE, central, fine, quick
from parity.witnesses.scales import sizes
from parity.witnesses.steps import UNDERFLOW, complex_step

MOST = 64  # entries of one gradient whose reference is shaken, where ours alone does not explain the difference
TINY = float(np.finfo(float).tiny)
TRUSTED = 1e-8  # a complex step that loses a factor, a term or a sign differs from central differences by far more


class Numeric:
    """A reference like Twin: run(arrays, upstream) gives {key: float64 array}, keys as in the hand's run.

    wanted: the (kind, name) keys whose gradients are taken. method: "complex step" or "central differences", chosen
    when first needed: a complex step counts only where central differences in a random direction confirm it.
    own_error: {key: array}, what central differences estimate their own error to be, 0 for the complex step. They also
    stand in where the complex step overflows.
    """

    def __init__(self, hand, wanted):
        self.hand, self.own, self.wanted = hand, hand.double(), list(wanted)
        self.method: str | None = None
        self.own_error: dict = {}

    notes = ""
    shakes = 0  # it is shaken at the entries that need it alone, see widened

    def settle(self, arrays, outputs):
        """Nothing to settle: the weights are the subject's own."""

    @property
    def name(self):
        return f"numerical derivatives ({self.method or 'complex step'})"

    def run(self, arrays, upstream):
        self.choose(arrays, upstream)
        arrays, upstream = self.seen(arrays, upstream)
        return self.outputs(arrays) | self.gradients(arrays, upstream)

    def choose(self, arrays, upstream, each=True):
        """Settle the method, along one direction and along one of each array: here, or beside a kink or end."""
        if self.method is None:
            arrays, upstream = self.seen(arrays, upstream)
            beside = ({name: nudged(a, inside) for name, a in arrays.items()} for inside in (False, True))
            kept = any(self.steps_are_kept(place, upstream, each) for place in chain([arrays], beside))
            self.method = "complex step" if kept else "central differences"

    def widened(self, budget, arrays, upstream, ours, truth, seed):
        """The budgets with what rounding explains of the reference itself, at entries that need it to be right.

        From the worst entry on: one that this does not explain leaves its row wrong, and the rest need no look.
        """
        least = UNDERFLOW * max(1.0, *(float(np.max(np.abs(g), initial=0.0)) for g in upstream))
        own = {key: np.maximum(self.own_error.get(key, 0.0), least) for key in budget}
        found = {key: np.array(np.maximum(array, own[key])) for key, array in budget.items()}
        for key in self.wanted:
            if np.shape(ours.get(key)) != np.shape(truth[key]) or np.asarray(ours[key]).dtype.kind not in "fiub":
                continue
            error = np.abs(np.asarray(ours[key], float) - truth[key])
            for flat in np.argsort(error / np.maximum(found[key], TINY), axis=None)[::-1][:MOST]:
                index = np.unravel_index(flat, error.shape)
                if not error[index] > found[key][index]:
                    break
                for shakes in (FEW, SHAKES):  # what few moves, by their large multiple, do not explain is wrong
                    move = self.largest_move(key[1], index, arrays, upstream, truth[key][index], seed, shakes)
                    widest = factor(shakes, error.size) * move
                    if error[index] > widest:
                        break
                if error[index] > widest:
                    break
                found[key][index] = widest
        return found

    def shaken_run(self, arrays, upstream, directions):
        """Not asked for, since shakes is 0."""
        return {}

    def largest_move(self, name, index, arrays, upstream, base, seed, shakes):
        """How far one entry moves, at most, when the inputs and all arithmetic of the forward are shaken."""
        arrays, upstream = self.seen(arrays, upstream)
        moves = []
        for run in range(shakes):
            directions = Directions([seed, run])
            shaken_arrays = {n: shaken(moved(array, directions), directions) for n, array in arrays.items()}
            g = [moved(one, directions) for one in upstream]
            with followed(keeps_shaking(directions)):
                moves.append(abs(self.entry(name, index, shaken_arrays, g)[0] - base))
        return max(move for move in moves if np.isfinite(move)) if np.isfinite(moves).any() else 0.0

    def seen(self, arrays, upstream):
        """Both with the values that the subject computes with, in float64."""
        return {name: self.hand.seen(array) for name, array in arrays.items()}, [self.hand.seen(g) for g in upstream]

    def outputs_on(self, arrays):
        return self.outputs(self.seen(arrays, [])[0])

    def outputs(self, arrays):
        outputs = name_outputs(self.own.outputs(arrays))
        return {("output", name): np.asarray(plain(output)) for name, output in outputs.items()}

    def gradients(self, arrays, upstream):
        return {key: self.gradient(key, arrays, upstream) for key in self.wanted}

    def gradient(self, key, arrays, upstream):
        """∂J/∂x for the input or parameter x that key names, entry by entry."""
        x = np.asarray(plain(arrays[key[1]]))
        found, errors = np.zeros(x.shape), np.zeros(x.shape)
        for index in np.ndindex(x.shape):
            found[index], errors[index] = self.entry(key[1], index, arrays, upstream)
        self.own_error[key] = errors
        return found

    def entry(self, name, index, arrays, upstream):
        """(∂J/∂x[index], its estimated error)."""
        return self.along({name: unit_vector(np.shape(arrays[name]), index)}, arrays, upstream)

    def entry_at(self, name, index, arrays, upstream):
        """entry, on arrays and upstream as they are."""
        return self.entry(name, index, *self.seen(arrays, upstream))

    def at(self, entries, arrays, upstream):
        """{key: values} of the gradients at flat indices {key: indices}, by steps that meet no kink 1e-5 beside."""
        found, (arrays, upstream) = {}, self.seen(arrays, upstream)
        for key, indices in entries.items():
            shape = np.shape(arrays[key[1]])
            places = [unit_vector(shape, np.unravel_index(flat, shape)) for flat in indices]
            found[key] = np.array([self.near({key[1]: place}, arrays, upstream) for place in places])
        return found

    def near(self, direction, arrays, upstream):
        """The derivative along a direction, by short steps."""
        if self.method == "complex step":
            return self.along(direction, arrays, upstream)[0]
        return central(self.own, direction, arrays, upstream, FINE)[0]

    @property
    def grain(self):
        """The rounding of what `at` gives, as a share of it."""
        return float(np.finfo(float).eps) / (1.0 if self.method == "complex step" else FINE)

    def along(self, directions, arrays, upstream):
        """(the derivative of J along {name: direction}, its estimated error)."""
        if self.method == "complex step":
            found = self.step(directions, arrays, upstream, np.nan)  # data may lead another way through the forward
            if np.isfinite(found):
                return found, 0.0
        return central(self.own, directions, arrays, upstream)

    def step(self, directions, arrays, upstream, lost):
        """The derivative by the complex step; `lost` where no output has any of it. Raises SubjectRaised."""
        try:
            return complex_step(self.own, directions, arrays, upstream)
        except StepLost:
            return lost
        except SubjectRaised as raised:
            if isinstance(raised.__cause__, StepLost):
                return np.nan
            raise

    def steps_are_kept(self, arrays, upstream, each):
        """Whether the complex step passes through the forward and agrees with central differences.

        Along one random direction of all arrays together, and along one of each: a step that is lost for one small
        array alone must not hide behind the others.
        """
        rng = np.random.default_rng(0)
        v = {name: rng.normal(size=np.shape(arrays[name])) * sizes(arrays[name]) for _, name in self.wanted}
        one_by_one = ({name: v[name]} for name in v) if each else ()
        return all(self.step_agrees(directions, arrays, upstream) for directions in (v, *one_by_one))

    def step_agrees(self, directions, arrays, upstream):
        """Whether the complex step and differences agree along {name: direction}; a full ladder only in doubt."""
        try:
            found = self.step(directions, arrays, upstream, 0.0)
        except SubjectRaised:
            return False
        for difference in (quick, central, fine):
            expected, error = difference(self.own, directions, arrays, upstream)
            if abs(found - expected) <= TRUSTED * max(abs(found), abs(expected)) + 10 * error:
                return True
        return False


def unit_vector(shape, index):
    """0 but for a 1 at an index."""
    found = np.zeros(shape)
    found[index] = 1.0
    return found


def doubled(arrays):
    """The float arrays in float64, integers as they are."""
    return {name: array.astype(float) if array.dtype.kind == "f" else array for name, array in arrays.items()}


def nudged(array, inside=False):
    """A float array moved by about a thousandth, off any kink that it stands on; inside: within its own range."""
    if array.dtype.kind != "f":
        return array
    near = array + 1e-3 * sizes(array) * np.random.default_rng(1).uniform(-1, 1, array.shape)
    return reflected(near, array) if inside else near


def reflected(near, array):
    """What lies beyond the range of an array, as far inside of it."""
    low, high = float(array.min(initial=np.inf)), float(array.max(initial=-np.inf))
    if not low < high:
        return near
    return np.where(near < low, 2 * low - near, np.where(near > high, 2 * high - near, near))
