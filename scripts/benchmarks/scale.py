"""What a check costs, in times of one forward and backward of its subject, from a hundred parameters to a million."""

import numpy as np
from rich.table import Table

import parity
import scratch
import torch_ref
from scripts.benchmarks.rivals import gradcheck_objects
from scripts.benchmarks.timing import repeated, time_in_turn

NETS = {(6, 8, 4, 3): 32, (64, 96, 32, 10): 128, (784, 1024, 192, 10): 256}  # sizes: batch
ROUNDS = 5
SLOW_ENDS, FAST_ENDS = 1_000, 20_000  # parameters up to which gradcheck ends within a minute
TRIALS = 100


class OneEntryWrong(scratch.Sequential):
    """A right network, but for one entry of one weight's gradient, `place`, which is half of what it should be."""

    place: tuple | None = None

    def backward(self, dy, caches):
        dx, grads = super().backward(dy, caches)
        if self.place is not None:
            name, index = self.place
            grads[name][index] *= 0.5
        return dx, grads


def scale(screen):
    """Print the costs, and how often one wrong entry among a million is found."""
    title = "A check costs so many times forward + backward"
    results = Table("parameters", "batch", "forward + backward", title=title)
    for name in ("with a twin", "without", "one entry wrong", "gradcheck", "gradcheck fast"):
        results.add_column(name, justify="right")
    for sizes, batch in NETS.items():
        results.add_row(*costs(sizes, batch))
    screen.print(results)
    found = sum(finds_it(seed) for seed in range(TRIALS))
    screen.print(
        f"one entry of a million halved: found, with its index, in {found} of {TRIALS} trials", highlight=False
    )


def costs(sizes, batch):
    """One row of the table."""
    net, x = network(sizes), np.random.default_rng(0).normal(size=(batch, sizes[0]))
    wrong = network(sizes, place(sizes, np.random.default_rng(1)))
    count = sum(array.size for array in scratch.named_parameters(net).values())
    upstream = np.random.default_rng(2).normal(size=(batch, sizes[-1]))
    contestants = {
        "once": (repeated(lambda: net.backward(upstream, net.forward(x)[1])), 20),
        "with a twin": (repeated(lambda: parity.check(net, x, against=torch_ref.models.mlp(sizes))), 1),
        "without": (repeated(lambda: parity.check(net, x)), 1),
        "one entry wrong": (repeated(lambda: parity.check(wrong, x)), 1),
    }
    if count < SLOW_ENDS:
        contestants["gradcheck"] = (repeated(lambda: gradcheck_objects(lambda: net, (x,), fast=False)), 1)
    if count < FAST_ENDS:
        contestants["gradcheck fast"] = (repeated(lambda: gradcheck_objects(lambda: net, (x,), fast=True)), 1)
    medians = time_in_turn(contestants, ROUNDS)
    once = medians.pop("once")
    ratios = [f"{medians[name] / once:.0f}" if name in medians else "-" for name in COLUMNS]
    return f"{count:,}", str(batch), f"{once * 1e3:.3g} ms", *ratios


COLUMNS = ("with a twin", "without", "one entry wrong", "gradcheck", "gradcheck fast")


def network(sizes, place=None):
    net = OneEntryWrong(*scratch.models.mlp(sizes, rng=0).layers)
    net.place = place
    return net


def place(sizes, rng):
    """(name, index) of an entry of the first weight."""
    return "0.weight", (int(rng.integers(sizes[1])), int(rng.integers(sizes[0])))


def finds_it(seed):
    """Whether a check without a twin names the one wrong entry of the largest net."""
    sizes, batch = list(NETS.items())[-1]
    rng = np.random.default_rng([3, seed])
    wrong = network(sizes, place(sizes, rng))
    report = parity.check(wrong, rng.normal(size=(batch, sizes[0])), seed=seed)
    failed = {row.name: row.worst.index for row in report.rows if row.verdict == "fail"}
    return failed == dict([wrong.place])
