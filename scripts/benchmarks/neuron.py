"""One iteration of the lecture's descent on Iris: by hand, the obvious loop, the torch twin."""

import numpy as np
from rich.table import Table

import scratch
from scripts.benchmarks.timing import time_in_turn


def neuron(screen):
    """Print the table of the three; 0."""
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
