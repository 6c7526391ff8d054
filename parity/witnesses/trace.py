"""The trace: autograd of the subject's own forward, a twin that nobody had to write."""

import traceback
import warnings
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.autograd.graph import saved_tensors_hooks

from parity.followed import HIDDEN
from parity.subjects.raised import SubjectRaised
from parity.subjects.returned import as_tuple
from parity.subjects.torch_callable import HandTorch
from parity.witnesses.autograd import Autograd
from parity.witnesses.dynamo import Graph, is_whole
from parity.witnesses.numeric import nudged
from parity.witnesses.own_forward import NotTraceable, check_opened, own_forwards

SAME = 1e-6  # of the largest: rounding in float64 is far below, a forward that was misread far above
STEP = 6e-6  # ∛ε: where the error of a central difference is smallest, about ∛ε² = 4e-11 of it
SLACK = 1e-4  # a kink between the two points changes one term by its share; a path that the trace lost is one of few
ROUNDED = 1e-9  # of the outputs: their rounding over the step, ε/STEP = 4e-11, and what a sum of them adds


class Trace(Autograd):
    """A NumPy forward is read by torch._dynamo, on the CPU; a torch one runs without its hand-written derivatives.

    Raises NotTraceable where that cannot be done, or where what was read is not what the subject computes: a number
    taken out of an array, float(x[0]), leaves the graph in silence. So the outputs are compared with the subject's,
    and the gradient with a central difference in one random direction, once for each shape.
    """

    def __init__(self, hand, device):
        super().__init__(hand, device if isinstance(hand, HandTorch) else "cpu")
        self.name = f"autograd of {hand.name}'s own forward"
        self.own = hand.double()
        self.graphs: dict[tuple, Graph] = {}
        self.verified: set[tuple] = set()

    def run(self, arrays, upstream):
        results, shapes = self.differentiated(arrays, upstream), shapes_of(arrays)
        if shapes not in self.verified:
            self.verify({name: self.hand.seen(a) for name, a in arrays.items()}, [self.hand.seen(g) for g in upstream])
            self.verified.add(shapes)
        return results

    def differentiated(self, arrays, upstream):
        opening = own_forwards() if isinstance(self.own, HandTorch) else nullcontext()
        with opening, saved_tensors_hooks(copy_of, itself), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a number taken out of a tensor: `verify` sees whether that matters
            return super().run(arrays, upstream)

    def outputs(self, tensors):
        outputs = super().outputs(tensors)
        if lower := [str(output.dtype) for output in outputs if output.dtype != torch.float64]:
            raise self.refusal(f"{self.title} is in {lower[0]}, whatever the forward is given")
        return outputs

    def compute(self, tensors):
        if isinstance(self.own, HandTorch):
            return self.opened(tensors)
        shapes = shapes_of(tensors)
        if shapes not in self.graphs:
            self.graphs[shapes] = Graph(self.own, tensors)
        return self.graphs[shapes](tensors)

    def opened(self, tensors):
        """The outputs of a torch subject inside own_forwards."""
        weights = {name: tensors[name] for name in (*self.own.parameters, *self.own.buffers)}
        outputs = as_tuple(self.own.call(self.own.copy({}), weights, tuple(self.own.inputs(tensors))))
        check_opened(outputs)
        return outputs

    def verify(self, arrays, upstream):
        """NotTraceable where outputs or gradients are not those of the subject's own forward in float64.

        They are compared beside the data, off any kink, or where the forward raises there, at the data.
        """
        beside = {name: nudged(array) for name, array in arrays.items()}
        if not self.verified_at(beside, upstream) and not self.verified_at(arrays, upstream):
            raise self.refusal(f"{self.title} could not be verified: beside this point the forward raises")

    def verified_at(self, arrays, upstream):
        """Whether all is the same at this point; False where the forward raises, NotTraceable where it is not."""
        try:
            own = [np.asarray(output, float) for output in self.own.outputs(arrays)]
        except SubjectRaised:
            return False
        results = self.differentiated(arrays, upstream)
        outputs = [array for (kind, _), array in results.items() if kind == "output"]
        for ours, theirs in zip(own, outputs, strict=True):
            if np.shape(ours) != theirs.shape or largest(ours - theirs) > SAME * largest(theirs):
                raise self.refusal(f"{self.title} gives other outputs than the forward itself")
        rng, gradients = np.random.default_rng(0), {name: g for (kind, name), g in results.items() if kind != "output"}
        way = {name: rng.uniform(-1, 1, g.shape) * (largest(arrays[name]) or 1) for name, g in gradients.items()}
        blur = ROUNDED * sum(np.sum(np.abs(g * y)) for g, y in zip(upstream, outputs, strict=True))
        holds = partial(self.holds_along, arrays, upstream, gradients, blur)
        return holds(way) or True in [holds({name: step}) for name, step in way.items()]

    def holds_along(self, arrays, upstream, gradients, blur, way):
        """Whether the gradient is the slope of Σ upstream · outputs along {name: step}, by a central difference.

        False where the forward raises there (a probability of 1 moves beyond 1); NotTraceable where the two differ.
        """
        sides = [arrays | {name: arrays[name] + h * step for name, step in way.items()} for h in (STEP, -STEP)]
        try:
            up, down = (self.own.outputs(side) for side in sides)
        except SubjectRaised:
            return False
        slope = sum(np.sum(g * (a - b)) for g, a, b in zip(upstream, up, down, strict=True)) / (2 * STEP)
        terms = np.concatenate([np.ravel(gradients[name] * step) for name, step in way.items()])
        if not abs(slope - terms.sum()) <= SLACK * np.abs(terms).sum() + blur:
            raise self.refusal(f"{self.title} loses part of the derivative: {terms.sum():.6g}, numerically {slope:.6g}")
        return True

    def refusal(self, sentence):
        return NotTraceable(sentence)

    def failure(self, error):
        return error if isinstance(error, NotTraceable) else self.refusal(f"{self.title} stops: {reason(error)}")

    @property
    def title(self):
        return f"the trace of {self.hand.name}"


def copy_of(saved):
    """What a backward pass is given later, though the forward may go on to change the tensor in place."""
    return saved.detach().clone()


def itself(saved):
    return saved


def largest(array):
    return np.max(np.abs(array), initial=0)


def shapes_of(arrays):
    """What a graph holds for: names, shapes, dtypes, and the values of its constants."""
    return tuple((name, tuple(a.shape), str(a.dtype), a.item() if is_whole(a) else None) for name, a in arrays.items())


def reason(error):
    """What stopped a trace, in a line: the user's own line first, where torch tells it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    said = {name: text for name, _, text in (line.partition(": ") for line in lines)}
    told = "Developer debug context" if lines[0] == "Observed exception" else "Explanation"
    stack = getattr(error, "real_stack", None) or traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in stack if not frame.filename.startswith(HIDDEN)]
    text = said.get(told, lines[0])
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}: {text}" if frames else text
