"""Is a hand-derived backward what autograd computes? One call, one report, every entry judged."""

import traceback
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from parity.bridge import check_device, to_numpy
from parity.examine import Examination
from parity.inputs import cast, check_dtype, draw, frozen, prepare
from parity.report import Finding, Report
from parity.rounding.budget import measure
from parity.rounding.shaken_torch import ShakenTorch
from parity.rows import judge, unexpected
from parity.subjects import read
from parity.subjects.base import ContractBroken, SubjectRaised
from parity.undisturbed import undisturbed
from parity.witnesses.twin import Twin

SAME = 1e-9  # relative: two equal runs of a twin may differ by the order of a sum on a GPU, a random one differs by all


class GradientMismatch(AssertionError):
    """Raised by assert_parity; its text is the report, and `report` holds it."""

    def __init__(self, report):
        super().__init__(str(report))
        self.report = report


def assert_parity(subject, *inputs, **options):
    """parity.check that raises GradientMismatch unless everything was judged and agrees; returns the report."""
    report = check(subject, *inputs, **options)
    if not report.ok:
        raise GradientMismatch(report)
    return report


def check(subject, *inputs, against=None, wrt=None, dtype="float64", device="cpu", seed=0):
    """Judge a hand-derived backward against autograd, entry by entry.

    subject: an object of our contract, or a loss (output, target) -> (J, dJ/doutput). inputs: arrays, tensors, or
    shapes (tuples of int, drawn at random away from 0). against: an nn.Module that takes the subject's weights by
    name, or for a subject without weights a function of tensors. wrt: names of the inputs whose gradients are judged
    (every one that backward gives a gradient for, unless told). dtype: what the hand side computes in, "float64" or
    "float32"; the twin always computes in float64, on device. seed: of random inputs, upstream gradients and shakes.

    The upstream gradient is random, never ones. The budget of every entry is measured: what moves when all arithmetic
    is shaken by a unit in the last place (parity.rounding); numbers that the subject turns into Python floats leave
    that arithmetic, and what they round is not explained. The subject runs on deep copies and is left as it was.
    Returns a Report; an exception of the subject becomes the verdict "error". Raises TypeError or ValueError for what
    cannot be checked at all: a device that is not there, weights that do not fit, inputs that are not numbers.
    """
    numpy_dtype, torch_device = check_dtype(dtype), check_device(device)
    if torch_device.type == "mps":
        raise ValueError("parity.check: device mps has no float64, which the twin computes in; use cpu")
    if against is None:
        raise TypeError("parity.check: expected against=, an nn.Module or a function of tensors to judge by")
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"parity.check: expected seed as a whole number from 0 up, got {seed!r}")
    rng = np.random.default_rng(seed)
    hand = read(subject, inputs)
    arrays = gather(hand, inputs, numpy_dtype, rng)
    twin = Twin(against, hand, torch_device)
    report = Report(f"{hand.name} against {twin.name}", conditions(hand, numpy_dtype, torch_device, seed))
    with undisturbed():
        rows, error = run_both(hand, twin, arrays, rng, wrt, numpy_dtype, int(seed))
    if error is not None:
        return replace(report, causes=(raised_finding(error),))
    judged = {row.name for row in rows if row.kind == "input"}
    floats = [name for name in hand.input_names if arrays[name].dtype.kind == "f" and name not in judged]
    unjudged = tuple(floats) if hand.read_as == "our contract" and wrt is None else ()
    return replace(report, rows=rows, causes=tuple(findings(rows)), unjudged=unjudged)


def run_both(hand, twin, arrays, rng, wrt, dtype, seed):
    """(rows, None), or ((), what the subject raised)."""
    try:
        shapes = [np.shape(output) for output in hand.outputs(arrays)]
        upstream = [frozen(draw(rng, shape, dtype)) for shape in shapes]
        return tuple(judge_all(hand, twin, arrays, upstream, wrt, seed)), None
    except SubjectRaised as raised:
        return (), raised.__cause__


def gather(hand, inputs, dtype, rng):
    """{name: array} of the inputs and weights that both sides start from."""
    pairs = zip(hand.input_names, inputs, strict=True)
    arrays = {name: prepare(name, value, dtype, rng) for name, value in pairs}
    weights = hand.parameters | hand.buffers
    if clash := arrays.keys() & weights.keys():
        raise ValueError(f"parity.check: {', '.join(sorted(clash))} names both an input and a weight; rename one")
    return arrays | {name: cast(name, array, dtype) for name, array in weights.items()}


def judge_all(hand, twin, arrays, upstream, wrt, seed):
    """The rows: outputs, input gradients, parameter gradients, and what the twin knows nothing of."""
    theirs, theirs_again = twin.run(arrays, upstream), twin.run(arrays, upstream)
    if any(not np.allclose(theirs[key], theirs_again[key], rtol=SAME, equal_nan=True) for key in theirs):
        raise ValueError(f"parity.check: the twin {twin.name} is random: two equal calls differ; call .eval() on it?")
    again = hand.run(arrays, upstream)
    wanted = {name for kind, name in again if kind == "input"} if wrt is None else check_wrt(wrt, theirs)
    keys = {key for key in theirs if key[0] != "input" or key[1] in wanted}
    trial = Examination(hand, twin, keys, seed=seed).trial(arrays, upstream)
    dtype = next(array.dtype for array in arrays.values() if array.dtype.kind == "f")
    for key, array in trial.truth.items():
        row = judge(key[1], key[0], trial.ours.get(key), array, trial.budget[key], dtype)
        same = key not in again or np.asarray(trial.ours[key]).tobytes() == np.asarray(again[key]).tobytes()
        yield row if same else replace(row, verdict="fail", cause="nondeterministic", note="two equal calls differ")
    for kind, name in again:
        if kind == "parameter" and name not in twin.parameter_names:
            yield unexpected(name, kind, again[kind, name])


def check_wrt(wrt, theirs):
    """The names in wrt, refused where one is no float input (ValueError)."""
    wanted, known = {wrt} if isinstance(wrt, str) else set(wrt), {name for kind, name in theirs if kind == "input"}
    if strange := wanted - known:
        raise ValueError(
            f"parity.check: wrt names {', '.join(sorted(strange))}; float inputs: {', '.join(sorted(known))}"
        )
    return wanted


def compare(ours, theirs, inputs, title, device="cpu", seed=0, shake_twin=True):
    """Judge any computation done by both sides, a whole training run for example, within what rounding explains.

    ours: {name: array} -> {name: array} in NumPy; theirs: the same on tensors, called on `device` in float64.
    inputs: {name: float64 array}, where both start. shake_twin: see parity.rounding.budget.measure.
    Returns a Report with one row per name that theirs gives.
    """
    torch_device = check_device(device)

    def theirs_in_numpy(arrays):
        results = theirs({name: torch.tensor(array, device=torch_device) for name, array in arrays.items()})
        return {name: to_numpy(result) for name, result in results.items()}

    def theirs_shaken(arrays, directions):
        with ShakenTorch(directions):
            return theirs_in_numpy(arrays)

    base_ours, base_theirs = ours(inputs), theirs_in_numpy(inputs)
    budget = measure(ours, theirs_shaken if shake_twin else None, inputs, base_ours, base_theirs, seed)
    rows = [judge(name, "quantity", base_ours.get(name), base_theirs[name], budget[name]) for name in base_theirs]
    rows += [unexpected(name, "quantity", base_ours[name]) for name in base_ours.keys() - base_theirs.keys()]
    return Report(title, f"float64, torch on {torch_device}, seed {seed}", tuple(rows))


def conditions(hand, dtype, device, seed):
    """How the check was done, for the first line of a report."""
    reference = "" if device.type == "cpu" and dtype == np.float64 else f", reference in float64 on {device}"
    return f"{dtype}{reference}, random upstream gradient, seed {seed}; read as {hand.read_as}"


def raised_finding(error):
    """The finding for an exception of the subject: the deepest line that is not handgrad's own, and the message."""
    if isinstance(error, ContractBroken):
        return Finding("raised", "", "contract", str(error))
    here = Path(__file__).parent
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent != here]
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return Finding("raised", "", where, f"{where} raised {type(error).__name__}: {error}")


def findings(rows):
    """What the rows show by themselves, the forward first, since a wrong forward makes every gradient wrong."""
    for row in sorted(rows, key=lambda row: row.cause != "forward-mismatch"):
        if row.cause == "forward-mismatch":
            yield Finding(row.cause, row.name, "forward", "the forward already differs; backward is not to blame yet")
        elif row.cause:
            what = row.name if row.kind == "output" else f"gradient by {row.name}"
            yield Finding(row.cause, row.name, "backward", f"{what}: {row.note or row.cause}")
