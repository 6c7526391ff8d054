"""Where: each part of a network is judged alone, on what reached it and with an upstream gradient of its own.

A part that is wrong by itself adds error; one that is right only hands on what it inherited. Parts are taken in the
order in which backward reached them, so the first wrong one is the first wrong step. Where every part is right and the
whole is wrong, the mistake lies between them, in the backward of what holds them.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from parity.bridge import to_numpy
from parity.examine import Examination
from parity.inputs import frozen
from parity.judging import in_full, judge_on
from parity.rounding.shaken import plain
from parity.subjects import read
from parity.subjects.attributes import parts
from parity.subjects.base import one_line
from parity.subjects.raised import SubjectRaised
from parity.subjects.stateful import BACKWARDS, FORWARDS, method_of
from parity.subjects.torch_callable import HandTorch
from parity.trial import Trial
from parity.witnesses.numeric import Numeric


@dataclass(frozen=True)
class WrongPart:
    """A part that is wrong by itself: its dotted path in the whole, what it is, and the trial that shows it."""

    path: str
    name: str
    trial: Trial
    examination: Examination


@dataclass
class Visit:
    """What reached a part, which has not run itself: its inputs in the first forward, when backward first came by."""

    path: str
    part: Any
    inputs: tuple = ()
    turn: int | None = None


def locate(examination, trial):
    """The WrongParts of a subject that is made of parts, in backward order, innermost ones alone; [] where none is."""
    wrong = []
    hand = examination.hand
    for visit in (module_visits if isinstance(hand, HandTorch) else visits)(hand, trial):
        found = judge_part(visit, examination)
        if found is not None:
            wrong.append(found)
    return [part for part in wrong if not any(other.path.startswith(f"{part.path}.") for other in wrong)]


def visits(hand, trial):
    """The Visits of every part that forward and backward reached, in the order of backward."""
    net, fresh, found, turns = hand.copy(trial.arrays), hand.copy(trial.arrays), [], iter(range(1_000_000))
    if net is None:
        return []
    for (path, part), (_, own) in zip(parts(net), parts(fresh), strict=True):
        names = method_of(part, FORWARDS), method_of(part, BACKWARDS)
        if path and all(names):
            watch(part, *names, visit := Visit(".".join(str(key) for _, key in path), own), turns)
            found.append(visit)
    try:
        state = hand.forward_on(net, trial.arrays)[1]
        hand.backward(state, trial.upstream)
    except SubjectRaised:
        return []
    reached = [visit for visit in found if visit.inputs and visit.turn is not None]
    return sorted(reached, key=lambda visit: visit.turn)


def module_visits(hand, trial):
    """The Visits of the innermost modules of a torch module, the last one that forward reached first."""
    net, fresh = hand.copy(trial.arrays), hand.copy(trial.arrays)
    found: list[Visit] = []
    if net is None:
        return []
    for path, module in net.named_modules():
        if path and not list(module.children()):
            own = fresh.get_submodule(path)
            for name, weight in own.named_parameters():
                weight.data = hand.tensor(trial.arrays[f"{path}.{name}"])
            module.register_forward_hook(noting(Visit(path, own), found))
    try:
        hand.forward_on(net, trial.arrays)
    except SubjectRaised:
        return []
    return found[::-1]


def noting(visit, found):
    """A hook that notes a module's first inputs in its Visit, which is then found."""

    def note(module, inputs, output):
        if not visit.inputs:
            visit.inputs = tuple(map(to_numpy, inputs))
            found.append(visit)

    return note


def watch(part, forward, backward, visit, turns):
    """Make a part note its first inputs and the turn of its first backward in a Visit, by a class of its own."""
    own = type(part)

    def noted_forward(self, *inputs, **options):
        if not visit.inputs and not options:
            visit.inputs = tuple(inputs)
        return getattr(own, forward)(self, *inputs, **options)

    def noted_backward(self, *upstream, **options):
        if visit.turn is None:
            visit.turn = next(turns)
        return getattr(own, backward)(self, *upstream, **options)

    part.__class__ = type(own.__name__, (own,), {forward: noted_forward, backward: noted_backward})


def judge_part(visit, examination):
    """The WrongPart, judged by numerical derivatives of its own forward; None where it is right or cannot be judged."""
    inputs = tuple(frozen(np.array(plain(array))) for array in visit.inputs)
    try:
        hand = read(visit.part, inputs)
        if isinstance(hand, HandTorch):
            hand.dtype, hand.device = examination.hand.dtype, examination.hand.device
        given = dict(zip(hand.input_names, inputs, strict=False)) | hand.added_inputs()
        hand = hand.discover(given)
        hand.input_shapes = {name: array.shape for name, array in given.items()}
        arrays = given | hand.parameters | hand.buffers
        part = Examination(hand, seed=examination.seed, dtype=examination.dtype)
        upstream = part.upstream(arrays, np.random.default_rng([examination.seed, 3]))
        part.wanted = [key for key in hand.run(arrays, upstream) if key[0] != "output" and key[1] in arrays]
        if not hand.proves:
            return None
        part.reference = Numeric(hand, part.wanted)
        trial = judge_on(part, arrays, upstream, hand.run(arrays, upstream))[1]
        return WrongPart(visit.path, one_line(visit.part), in_full(part, trial), part) if trial.wrong() else None
    except (SubjectRaised, TypeError, ValueError):
        return None


def named_in_whole(part, finding, names):
    """A part's finding as one of the whole, whose weights have these names; its place with the part's name."""
    row, *also = [name_in_whole(f"{part.path}.{name}", names) for name in (finding.row, *finding.also)]
    place = "" if finding.where in ("", "backward") else finding.where
    sentence = finding.sentence.removeprefix(f"{place}: ")
    where = ", ".join(filter(None, [f"{part.path} ({part.name})", place]))
    return replace(finding, row=row, also=tuple(also), where=where, sentence=sentence)


def name_in_whole(path, names):
    """The name that a weight at that path has; a list's own name may be left out, `2.bias` for `layers.2.bias`."""
    return max((name for name in names if f".{path}".endswith(f".{name}")), key=len, default=path)
