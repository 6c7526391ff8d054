"""One training step, forward, loss, backward, SGD: by hand, in torch, in scikit-learn, and the bare matrix products.

For as long as a process lives, the two threads of its BLAS may happen to be in each other's way: products of middling
size then take twice as long. So each net is timed in several processes, one after the other, and medians are shown.
"""

import multiprocessing
import statistics
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from rich.table import Table

import scratch
from scripts.benchmarks.timing import repeated, time_in_turn

THREADS = 2
RATE = 0.01
DTYPE = "float32"
CONTESTANTS = {"hand": "by hand", "torch": "torch", "sklearn": "scikit-learn", "products": "products"}
OTHERS = tuple(CONTESTANTS)[1:]
SECONDS = 0.2  # that one round of one contestant takes at least
ROUNDS, PROCESSES = 5, 3


@dataclass(frozen=True)
class Net:
    """What is trained: both models, a batch, the sizes of its dense layers where it has no others.

    at_most: what the step by hand may take, as a share of another's: {"torch": 1.5, "products": 1.25}.
    """

    name: str
    hand: Any
    twin: Any
    batch: tuple
    sizes: tuple = ()
    at_most: dict | None = None
    activation: str = "tanh"


def mlp(sizes, n, activation="tanh", **at_most):
    import torch

    import torch_ref

    rng = np.random.default_rng(0)
    batch = rng.normal(size=(n, sizes[0])).astype(DTYPE), rng.integers(0, sizes[-1], n)
    kind = {"tanh": "Tanh", "relu": "ReLU"}[activation]
    hand = scratch.models.mlp(sizes, getattr(scratch, kind), rng=0, dtype=DTYPE)
    twin = torch_ref.models.mlp(sizes, getattr(torch.nn, kind), dtype=DTYPE)
    return Net(f"mlp {'-'.join(map(str, sizes))}, {n}, {kind}", hand, twin, batch, sizes, at_most, activation)


def cnn(n=64):
    import torch_ref

    rng = np.random.default_rng(0)
    batch = rng.normal(size=(n, 1, 8, 8)).astype(DTYPE), rng.integers(0, 10, n)
    hand, twin = scratch.models.cnn(rng=0, dtype=DTYPE), torch_ref.models.cnn(dtype=DTYPE)
    return Net(f"cnn on 8 × 8 digits, {n}", hand, twin, batch, at_most={"torch": 1.5})


def texts(n, length, vocabulary):
    rng = np.random.default_rng(0)
    return rng.integers(0, vocabulary, (n, length)), rng.integers(0, vocabulary, (n, length))


def lstm(n=32, length=32):
    """An LSTM of 64 inputs and 128 states alone, every output of it judged as scores of 128 classes."""
    from torch import nn

    rng = np.random.default_rng(0)
    batch = rng.normal(size=(n, length, 64)).astype(DTYPE), rng.integers(0, 128, (n, length))
    hand = scratch.LSTM(64, 128, batch_first=True, rng=0, dtype=DTYPE)
    twin, name = nn.LSTM(64, 128, batch_first=True), f"lstm 64 → 128, length {length}, {n}"
    return Net(name, hand, twin, batch, (), {"torch": 1.3})


def gpt(n=16, length=64, vocabulary=96):
    import torch_ref

    sizes = {"layers": 4, "width": 128, "heads": 4, "context": length}
    hand = scratch.models.gpt(vocabulary, **sizes, rng=0, dtype=DTYPE)
    twin = torch_ref.models.gpt(vocabulary, **sizes, dtype=DTYPE)
    name = f"gpt, 4 layers, width 128, length {length}, {n}"
    return Net(name, hand, twin, texts(n, length, vocabulary), at_most={"torch": 1.5})


NETS = {
    "small": lambda: mlp((4, 3, 3), 150, torch=1 / 3, sklearn=1 / 8),
    "thin": lambda: mlp((64, 64, 64, 10), 32, "relu", torch=1 / 3, sklearn=1 / 2),
    "thin tanh": lambda: mlp((64, 64, 64, 10), 32, torch=1 / 3, sklearn=1 / 2),
    "wider": lambda: mlp((64, 128, 128, 10), 64, "relu", torch=1 / 1.8, sklearn=1 / 1.8),
    "wider tanh": lambda: mlp((64, 128, 128, 10), 64, torch=1 / 1.8, sklearn=1 / 1.8),
    "mnist": lambda: mlp((784, 256, 256, 10), 128, "relu", torch=1.0, sklearn=1.0, products=1.25),
    "mnist tanh": lambda: mlp((784, 256, 256, 10), 128, torch=1.0, sklearn=1.0, products=1.25),
    "large": lambda: mlp((784, 1024, 1024, 10), 256, "relu", torch=1.0, sklearn=1.0, products=1.25),
    "large tanh": lambda: mlp((784, 1024, 1024, 10), 256, torch=1.0, sklearn=1.0, products=1.25),
    "cnn": cnn,
    "lstm": lstm,
    "gpt": gpt,
}


def hand_step(net, batch):
    """One step by hand, as a function without arguments."""
    optimizer, (x, target) = scratch.optim.SGD(scratch.named_parameters(net), RATE), batch
    loss = scratch.losses.cross_entropy

    def step():
        y, cache = net.forward(x)
        _, dy = loss(y, target)
        optimizer.step(net.gradients(dy, cache))

    def step_of_texts():
        y, cache = net.forward(x)
        logits, state = (y[0], y[1:]) if isinstance(y, tuple) else (y, ())
        _, dy = loss(logits.reshape(-1, logits.shape[-1]), target.reshape(-1))
        dy = dy.reshape(logits.shape)
        optimizer.step(net.gradients((dy, *(None for _ in state)) if state else dy, cache))

    return step if target.ndim == 1 else step_of_texts


def torch_step(module, batch, device="cpu"):
    """The same in torch, eager."""
    import torch
    from torch.nn import functional as F

    module = module.to(device)
    optimizer = torch.optim.SGD(module.parameters(), RATE)
    x, target = (torch.tensor(array, device=device) for array in batch)

    def loss_of_texts():
        y = module(x)
        logits = y[0] if isinstance(y, tuple) else y
        return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), target.reshape(-1))

    def loss_of_rows():
        return F.cross_entropy(module(x), target)

    loss = loss_of_rows if target.ndim == 1 else loss_of_texts

    def step():
        J = loss()
        optimizer.zero_grad()
        J.backward()
        optimizer.step()

    return step


def sklearn_step(sizes, batch, activation):
    """One call of MLPClassifier.partial_fit: one step on the whole batch."""
    from sklearn.neural_network import MLPClassifier

    x, target = batch
    options = {"activation": activation, "solver": "sgd", "alpha": 0.0, "momentum": 0.0, "batch_size": len(x)}
    model = MLPClassifier(sizes[1:-1], learning_rate_init=RATE, shuffle=False, **options)
    model.partial_fit(x, target, classes=np.arange(sizes[-1]))

    def step():
        model.partial_fit(x, target)

    return step


def product_step(sizes, n):
    """The matrix products of one step alone, into arrays made beforehand: z and dW of every dense layer, dx but of the
    first, whose inputs are data.
    """
    rng = np.random.default_rng(0)
    jobs = []
    for width, height in pairwise(sizes):
        x, W, dz = (rng.normal(size=shape).astype(DTYPE) for shape in ((n, width), (height, width), (n, height)))
        jobs += [(x, W.T, np.empty_like(dz)), (dz.T, x, np.empty_like(W))]
        jobs += [(dz, W, np.empty_like(x))] if len(jobs) > 2 else []

    def step():
        for a, b, out in jobs:
            np.matmul(a, b, out=out)

    return step


def steps_of(net):
    """{contestant: step} for one Net."""
    found = {"hand": hand_step(net.hand, net.batch), "torch": torch_step(net.twin, net.batch)}
    if net.sizes:
        found["sklearn"] = sklearn_step(net.sizes, net.batch, net.activation)
        found["products"] = product_step(net.sizes, len(net.batch[0]))
    return found


def medians_of(steps):
    """{contestant: median seconds of a step}, in turn."""
    counts = {name: max(1, int(SECONDS / seconds_of(step))) for name, step in steps.items()}
    return time_in_turn({name: (repeated(step), counts[name]) for name, step in steps.items()}, ROUNDS)


def seconds_of(step):
    from torch.utils.benchmark import Timer

    step()
    return Timer("step()", globals={"step": step}).timeit(3).mean


def train(screen, names=tuple(NETS)):
    """Print the table of steps and whether each ratio is what it must be; 0, or 1 where one is not."""
    table = Table("net, batch", *CONTESTANTS.values(), *(f"of {name}" for name in OTHERS), "must be")
    missed = []
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as fresh:
        for name in names:
            net, runs = NETS[name](), list(fresh.map(timed, [name] * PROCESSES))
            medians = {who: statistics.median(run[who] for run in runs) for who in runs[0]}
            ratios = {
                who: statistics.median(run["hand"] / run[who] for run in runs) for who in runs[0] if who != "hand"
            }
            for other, most in net.at_most.items():
                if ratios[other] > most:
                    missed.append(f"{net.name}: {ratios[other]:.2f} of {other}, at most {most:.2f}")
            table.add_row(net.name, *cells(medians, ratios, net.at_most))
    screen.print(table)
    for line in missed:
        screen.print(line, highlight=False)
    return 1 if missed else 0


def timed(name):
    """{contestant: median seconds of a step} of a net, in a process of its own."""
    prepare()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return medians_of(steps_of(NETS[name]()))


def prepare():
    """Two threads; and a large array is freed once: glibc then keeps memory for the next step, as in any process that
    trains for a while.
    """
    import torch

    torch.set_num_threads(THREADS)
    np.empty((1 << 25) - 4096, np.uint8)


def cells(medians, ratios, at_most):
    """The cells of a row: times, ratios, and what these must be."""
    times = [f"{medians[name] * 1e6:,.0f} µs" if name in medians else "–" for name in CONTESTANTS]
    shares = [f"{ratios[name]:.2f}" if name in ratios else "–" for name in OTHERS]
    return [*times, *shares, ", ".join(f"{most:.2f} {name}" for name, most in at_most.items())]
