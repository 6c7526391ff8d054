"""Training in lockstep: a hand-derived net and its torch twin take the same steps, and each step is judged.

Two right trainings part by rounding alone, and every later step carries on what the earlier ones left: no fixed
tolerance is right for step 100. What rounding explains is measured instead. Shadows, copies of the hand-derived side,
take the same steps with every gradient and weight moved by what rounding may be, on our side or on torch's; how far
they part from the unmoved one, times MARGIN, is how far the twin may be at that step.

In each step the first quantity beyond that, in the order in which a step computes them, began it: initial weights,
data, forward, gradient, update rule. What comes before it agrees, so it cannot be inherited. A training that tips over
(a large step size, float32) carries rounding on until it explains any difference: from there on nothing is judged.
"""

import copy
from itertools import chain, cycle, islice

import numpy as np
from torch import nn

import scratch
from parity.bridge import check_device, to_torch
from parity.subjects.base import one_line
from parity.training.report import LockstepReport, judged
from parity.training.shadows import Shadows
from parity.training.sides import Hand, Torch, factories, losses
from parity.undisturbed import undisturbed
from parity.witnesses.precision import full_precision


def lockstep(
    net,
    module,
    batches,
    optimizer=("SGD", {"lr": 0.1}),
    steps=100,
    loss=None,
    schedule=None,
    their_batches=None,
    copy_weights=True,
    device="cpu",
    seed=0,
):
    """Train net (our contract) and module (torch.nn) side by side and judge every step; a LockstepReport.

    batches: a list or an iterable of pairs (x, target) of arrays, begun again where it ends before `steps` are done;
    their_batches: the same for the module alone, where its data come by another way.
    optimizer: the name of one that scratch.optim and torch.optim have, with its options; one of scratch.optim, whose
    options both sides take; or a pair of functions (our {name: array} -> optimizer, torch's parameters -> optimizer).
    schedule: a name with options or a pair of functions of an optimizer, stepped after it. loss: the name of one of
    scratch.losses and of torch.nn.functional, or a pair of functions (ours gives (J, dJ/doutput)); None: cross_entropy
    for whole numbers as targets, else mse.
    copy_weights: the module starts from the net's weights; with False from its own.

    Both sides are trained as deep copies, kept in the report as `net` and `module`; what was handed in stays as it is.
    Raises ValueError where the sides do not fit: names, shapes, dtypes, a forward that draws random numbers.
    """
    check_sides(net, module)
    torch_device = check_device(device)
    if not isinstance(steps, int) or steps < 1:
        raise ValueError(f"lockstep: expected steps as a whole number from 1 up, got {steps!r}")
    data = pairs(batches, their_batches, steps)
    first = next(data, None)
    if first is None:
        raise ValueError("lockstep: there is no batch")
    choices = [losses(loss, first[0][1]), factories(optimizer), factories(schedule, "schedule")]
    ours, theirs = copy.deepcopy(net), copy.deepcopy(module).to(torch_device)
    if copy_weights:
        to_torch(ours, theirs)
    hand, twin = Hand(ours, *(own for own, _ in choices)), Torch(theirs, torch_device, *(own for _, own in choices))
    check_fit(hand, twin, first[0])
    with undisturbed(), full_precision():
        found, stopped = run(hand, twin, Shadows(hand, twin, seed), chain([first], data))
    title = f"{one_line(net)} and {type(module).__name__} in lockstep"
    dtype = next(iter(scratch.named_parameters(ours).values())).dtype
    conditions = f"{dtype}, torch on {torch_device}, {hand.optimizer_name}, seed {seed}"
    return LockstepReport(title, conditions, found, ours, theirs, stopped)


def pairs(batches, their_batches, steps):
    """Pairs (our batch, their batch), as many as there are steps; both begin again where they end."""
    ours = endless(batches)
    both = zip(ours, endless(their_batches), strict=False) if their_batches is not None else ((b, b) for b in ours)
    return (checked(pair) for pair in islice(both, steps))


def endless(batches):
    """The batches again and again; those of an iterator, which ends once and for all, are kept for that."""
    if iter(batches) is batches:
        yield from cycle(batches)
    while True:
        again = False
        for batch in batches:
            again = True
            yield batch
        if not again:
            return


def checked(both):
    """Both batches, each of them a pair of arrays (ValueError)."""
    for batch in both:
        if not isinstance(batch, tuple | list) or len(batch) != 2 or not all(isinstance(a, np.ndarray) for a in batch):
            raise ValueError(
                f"lockstep: expected batches as a list of pairs (x, target) of arrays, got {kind_of(batch)}"
            )
    return both


def kind_of(batch):
    """What stands where a pair of arrays should: its type, and those of what it holds."""
    inside = f" of {', '.join(type(item).__name__ for item in batch)}" if isinstance(batch, tuple | list) else ""
    return f"a {type(batch).__name__}{inside} among them"


def check_sides(net, module):
    """Refuse (TypeError) what is no hand-derived net, or no nn.Module, and the two in the other order."""
    if isinstance(net, nn.Module) or not isinstance(module, nn.Module) or not hasattr(net, "backward"):
        kinds = f"{type(net).__module__}.{type(net).__name__} and {type(module).__module__}.{type(module).__name__}"
        raise TypeError(f"lockstep: expected the hand-derived net, then its nn.Module, got {kinds}")


def check_fit(hand, twin, batch):
    """Refuse sides whose weights differ in name or shape, and forwards that differ from themselves."""
    shapes = {name: array.shape for name, array in hand.weights().items()}
    others = {name: array.shape for name, array in twin.weights().items()}
    if shapes != others:
        odd = ", ".join(sorted(name for name in shapes.keys() | others.keys() if shapes.get(name) != others.get(name)))
        raise ValueError(f"lockstep: net and module differ in {odd}")
    arrays = [array for side in (hand, twin) for array in side.weights().values()]
    dtypes = {array.dtype.name for array in arrays if array.dtype.kind == "f"}
    if len(dtypes) > 1:
        raise ValueError(f"lockstep: net and module are of one dtype, got {' and '.join(sorted(dtypes))}")
    for side in (hand, twin):
        if isinstance(side.output(batch), tuple):
            raise ValueError(
                f"lockstep: {side.name} gives several outputs; wrap it in one that gives what the loss judges"
            )
        if side.is_random(batch):
            raise ValueError(
                f"lockstep: {side.name} draws random numbers in its forward, so no two runs agree; call .eval() on both"
            )


def run(hand, twin, shadows, data):
    """(the Steps, why no more were taken): judged until one is beyond what rounding explains, or rounding explains any
    difference; then only noted.
    """
    found: list = []
    parameters = scratch.named_parameters(hand.net)
    for number, (batch, their_batch) in enumerate(data):
        before = {} if number else {"initial weights": (hand.weights(), twin.weights(), shadows.weights())}
        try:
            shadows.measure(batch, number)
            ours, theirs, moved = hand.step(batch), twin.step(their_batch), shadows.step(batch)
        except ValueError as error:  # of numbers that are none: the training has diverged
            if not found:
                raise
            return tuple(found), str(error)
        quantities = before | {kind: (ours[kind], theirs[kind], [shadow[kind] for shadow in moved]) for kind in ours}
        step = judged(number, quantities, same_data(batch, their_batch), shadows.least, parameters)
        found.append(step.noted() if any(earlier.began or earlier.lost for earlier in found) else step)
    return tuple(found), ""


def same_data(batch, other):
    return all(np.array_equal(np.asarray(a), np.asarray(b), equal_nan=False) for a, b in zip(batch, other, strict=True))
