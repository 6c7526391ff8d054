"""Is a hand-derived backward what autograd computes? One call, one report, every entry judged."""

import threading
import traceback
from dataclasses import replace
from pathlib import Path

import numpy as np

from parity import witnesses
from parity.causes import in_order, named, unsaid
from parity.diagnosis.makers import placed
from parity.diagnosis.together import together
from parity.diagnosis.why import diagnose, diagnose_forward
from parity.examine import Examination
from parity.harm import first_run, printed_finding, raised_finding, users_line
from parity.judging import completed, judge_on
from parity.probes import probe_calls, probe_data, probe_digits
from parity.probes.writes import written
from parity.report import Finding, Report
from parity.rows import GRADIENTS, Row, unexpected
from parity.setting import Setting
from parity.subjects import read
from parity.subjects.discovery import word
from parity.subjects.raised import SubjectRaised, said_by
from parity.undisturbed import OutOfTime, few_threads, undisturbed
from parity.verdicts import findings_of, non_finite, settle
from parity.witnesses.precision import full_precision

ONE_AT_A_TIME = threading.RLock()  # what a check changes in the process, and puts back, all threads share
HARMLESS = {"cancellation"}  # a right formula that loses digits
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


def check(subject, *inputs, against=None, wrt=None, dtype="float64", device="cpu", seed=0, limit=60.0):
    """Judge a hand-derived backward, entry by entry.

    subject: an object of our contract, an object of the lecture's kind, which keeps gradients in attributes, a pair of
    functions (forward, backward), a loss (output, target) -> (J, dJ/doutput), an object whose loss(X, y) gives its
    gradients, or a torch callable with a hand-written backward; parity.subjects tells how each is read.
    inputs: arrays, tensors, or shapes (tuples of int, drawn at random away from 0), and dicts and lists of these; what
    is no number (a mode, a dict of options, None) is handed through.
    against: an nn.Module that takes the subject's weights, a function of tensors, or "trace" for autograd of the
    subject's own forward; without it numerical derivatives of that forward judge.
    wrt: names of the inputs whose gradients are judged (every one that backward gives a gradient for, unless told).
    dtype: what the hand side computes in, "float64" or "float32", torch also "bfloat16" or "float16"; truth is float64,
    on device. seed: of random inputs, upstream gradients and shakes. limit: seconds that one call of the subject's may
    take.

    The upstream gradient is random, never ones. The budget of every entry is measured: what moves when all arithmetic
    is shaken by a unit in the last place (parity.rounding); numbers that the subject turns into Python floats leave
    that arithmetic, and what they round is not explained. The subject runs on deep copies and is left as it was.
    Returns a Report; an exception of the subject becomes the verdict "error". Raises TypeError or ValueError for what
    cannot be checked at all: a device that is not there, weights that do not fit, inputs that are not numbers.
    """
    hand = read(subject, inputs)
    setting = Setting(hand, dtype, device, seed, limit)
    with ONE_AT_A_TIME, undisturbed(setting.limit) as printed, full_precision():
        report = attempt(hand, inputs, against, wrt, setting)
    return replace(report, causes=(*report.causes, *printed_finding(printed)))


def attempt(hand, inputs, against, wrt, setting):
    """The Report; a subject that writes to what it is lent runs once more, on copies of its own."""
    try:
        return report_on(hand, inputs, against, wrt, setting)
    except SubjectRaised as raised:
        error = raised.__cause__
    if hand.writes_at is None and "read-only" in said_by(error):
        hand.writes_at = users_line(error) or "?"
        return attempt(hand, inputs, against, wrt, setting)
    title = hand.name if against is None else f"{hand.name} against {witnesses.name_of(against)}"
    return Report(title, setting.conditions(hand), causes=(raised_finding(error),))


def report_on(hand, inputs, against, wrt, setting):
    """The Report on a subject that runs. Raises SubjectRaised where it does not."""
    hand, arrays, drawn = setting.gather(hand, inputs)
    with few_threads(sum(array.size for array in arrays.values())):
        return judged(hand, arrays, drawn, against, wrt, setting)


def judged(hand, arrays, drawn, against, wrt, setting):
    """The Report on a subject with the arrays that it is judged on; drawn: the names of those drawn at random."""
    examination = Examination(hand, drawn=drawn, seed=setting.seed, dtype=setting.dtype)
    outputs = hand.outputs(arrays)
    upstream = examination.upstream_of(outputs, setting.rng)
    harm, returned = first_run(hand, arrays, upstream, outputs)
    examination.wanted = wanted_keys(hand, arrays, returned, wrt)
    examination.reference = witnesses.choose(against, hand, examination.wanted, arrays, upstream, setting.device)
    examination.reference.settle(arrays, [array for key, array in returned.items() if key[0] == "output"])
    rows, trial = judge_on(examination, arrays, upstream, returned, steady_truth(examination, arrays, upstream))
    reference = examination.reference  # that the user named; another judges where the forwards differ
    forward = sought(diagnose_forward, trial) if any(row.cause == "forward-mismatch" for row in rows) else []
    rows, findings, trial = settle([*rows, *surplus(returned, hand), *unfound(hand, wrt)], examination, trial)
    found = [*harm, *probe_calls(trial), *probe_data(examination, trial), *probe_digits(trial, rows, setting.dtype)]
    noticed = written(hand.findings, hand, arrays, upstream)
    found += [finding for finding in noticed if finding.row]
    rows = [failed_by(row, found) if hand.proves else unproved(row) for row in rows]
    if any(row.verdict == "fail" and row.kind in GRADIENTS for row in rows):
        rows, trial = completed(rows, examination, trial)
        findings = [*findings, *sought(diagnose, examination, trial, [*found, *findings, *non_finite(rows)])]
    title = f"{hand.name} against {reference.name}"
    conditions = "; ".join(filter(None, [setting.conditions(hand), reference.notes]))
    said = [*forward, *found, *noticed, *findings]
    said += [finding for finding in findings_of(rows) if unsaid(finding, said)]
    said = in_order(said)
    causes = together(sought(placed, said, trial, kept=said), trial)
    whole = integers(arrays, returned) if wrt is None else ()
    left = (*unjudged(hand, arrays, rows, wrt), *whole)
    return Report(title, conditions, tuple(named(rows, causes)), tuple(causes), left, whole)


def sought(look, *arguments, kept=()):
    """What a search for causes, or for their places, finds.

    A mistake of ours in it is said; the verdict, which is known, and the findings that are kept stay.
    """
    try:
        return look(*arguments)
    except OutOfTime:
        return list(kept)
    except Exception as error:
        lines = traceback.extract_tb(error.__traceback__)
        place = f"{Path(lines[-1].filename).name}:{lines[-1].lineno}"
        sentence = f"the search for a cause stopped at {place}, {type(error).__name__}: {error}"
        sentence += "; a mistake of handgrad's: the verdict stands"
        return [*kept, Finding("unknown", "", "handgrad", sentence, 0.0)]


def wanted_keys(hand, arrays, returned, wrt):
    """The keys of the gradients to judge: by every parameter, and by the inputs that wrt, or backward, names."""
    floats = {name for name in hand.input_names if arrays[name].dtype.kind == "f"}
    if wrt is None:
        inputs = {name for kind, name in returned if kind == "input"} & floats
    else:
        inputs = {wrt} if isinstance(wrt, str) else set(wrt)
        if strange := inputs - floats:
            raise ValueError(
                f"parity.check: wrt names {', '.join(sorted(strange))}; float inputs: {', '.join(sorted(floats))}"
            )
    return [("input", name) for name in hand.input_names if name in inputs] + [
        ("parameter", name) for name in hand.parameters
    ]


def steady_truth(examination, arrays, upstream):
    """What a twin says, None where there is none. One that differs from itself judges nothing (ValueError)."""
    if not examination.reference.shakes:
        return None  # numerical derivatives of a subject that is known to repeat itself
    truth, again = examination.truth(arrays, upstream), examination.reference.outputs_on(arrays)
    if any(not np.allclose(truth[key], again[key], rtol=SAME, equal_nan=True) for key in again):
        name = examination.reference.name
        raise ValueError(f"parity.check: the twin {name} is random: two equal calls differ; call .eval() on it?")
    return truth


def failed_by(row, found):
    """The row, failed by the first finding of a probe that names it."""
    codes = [f.code for f in found if f.concerns(row.name) and f.code not in HARMLESS]
    return replace(row, verdict="fail", cause=row.cause or codes[0]) if codes else row


def unproved(row):
    """The row of a gradient that autograd took on both sides."""
    return replace(row, verdict="void", note="no hand-written backward here") if row.kind in GRADIENTS else row


def surplus(returned, hand):
    """A Row for each gradient by a name that is no weight."""
    for kind, name in returned:
        if kind == "parameter" and name not in hand.parameters:
            yield unexpected(name, kind, returned[kind, name])


def unfound(hand, wrt):
    """A Row for each weight whose gradient was found nowhere, unless wrt says what is judged."""
    note = "no gradient of it was found: name it {}_grad, or give wrt= if it is not learnt"
    for name in hand.unfound if wrt is None else ():
        shape = np.shape(hand.buffers[name])
        yield Row(name, "parameter", shape, "void", note=note.format(word(name)))


def integers(arrays, returned):
    """The inputs of integers by which backward gives a gradient that says something: no truth is known for it."""
    given = [(name, gradient) for (kind, name), gradient in returned.items() if kind == "input"]
    return tuple(name for name, gradient in given if arrays[name].dtype.kind in "iub" and np.any(gradient))


def unjudged(hand, arrays, rows, wrt):
    """The float inputs that could have a gradient and were given none, where nobody said which do."""
    judged = {row.name for row in rows if row.kind == "input"}
    floats = [name for name in hand.input_names if arrays[name].dtype.kind == "f" and name not in judged]
    return tuple(floats) if hand.gives_inputs and wrt is None else ()
