"""Speed, as ratios of medians measured in turn within one run: python scripts/benchmark.py neuron."""

import platform
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from rich.table import Table

import scratch
from scripts.cli import Parser, console, run

ROUNDS = 9  # of each contestant, in turn, so that a busy machine slows all of them alike


def main(arguments):
    parser = Parser(prog="benchmark.py", description="Speed as ratios of medians, measured in turn within one run.")
    parser.add_argument("what", choices=("neuron",), help="neuron: one iteration of the Iris descent")
    options = parser.parse_args(arguments)
    screen = console()
    screen.print(machine(), highlight=False)
    return {"neuron": neuron}[options.what](screen)


def neuron(screen):
    """One iteration of the lecture's descent: by hand, the obvious loop, the torch twin."""
    import torch

    from torch_ref import LogisticNeuron

    table = scratch.data.iris_setosa()
    x, target = torch.tensor(table.x), torch.tensor(table.target)
    contestants = {
        "by hand: LogisticNeuron.fit": (lambda steps: fit(scratch.LogisticNeuron(2, rng=0), table, steps), 20_000),
        "the obvious NumPy loop": (lambda steps: obvious_descent(table, steps), 5_000),
        "torch: autograd and SGD": (lambda steps: LogisticNeuron(2, rng=0).fit(x, target, max_steps=steps), 500),
    }
    medians = time_in_turn(contestants)
    hand = medians["by hand: LogisticNeuron.fit"]
    results = Table("Iris descent, 150 × 3, float64", "µs per iteration (median)", "times the hand-written")
    for column in results.columns[1:]:
        column.justify = "right"
    for name, median in medians.items():
        results.add_row(name, f"{median * 1e6:.2f}", f"{median / hand:.2f}")
    screen.print(results)
    return 0


def fit(neuron, table, steps):
    return neuron.fit(table.x, table.target, max_steps=steps)


def obvious_descent(table, steps):
    """The loop that one writes first: sigmoid of X·θ, mean of (p − t) X, norm of the step."""
    x, theta, previous = np.column_stack([table.x, np.ones(len(table.x))]), np.ones(3), np.zeros(3)
    for _ in range(steps):
        if np.linalg.norm(theta - previous) <= 5e-5:
            break
        previous = theta
        p = 1 / (1 + np.exp(-x.dot(theta)))
        theta = previous - 0.1 * np.mean((p - table.target) * x.T, axis=1)


def time_in_turn(contestants):
    """{name: median seconds per step} over ROUNDS; contestants {name: (function of steps, steps per round)}."""
    from torch.utils.benchmark import Timer

    for job, steps in contestants.values():
        job(max(1, steps // 10))  # warm up
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, (job, steps) in contestants.items():
            timer = Timer("job(steps)", globals={"job": job, "steps": steps})
            times[name].append(timer.timeit(1).mean / steps)
    return {name: statistics.median(found) for name, found in times.items()}


def machine():
    """The machine and the versions, in one line."""
    import torch

    return (
        f"{platform.machine()}, {torch.get_num_threads()} threads, Python {platform.python_version()}, "
        f"NumPy {np.__version__}, torch {torch.__version__}"
    )


if __name__ == "__main__":
    run(main)
