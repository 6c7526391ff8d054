"""Times as medians, measured in turn within one run, so that a busy machine slows all contestants alike."""

import platform
import statistics

import numpy as np

ROUNDS = 9


def time_in_turn(contestants, rounds=ROUNDS):
    """{name: median seconds per step} over some rounds; contestants {name: (function of steps, steps per round)}."""
    from torch.utils.benchmark import Timer

    for job, steps in contestants.values():
        job(max(1, steps // 10))  # warm up
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, (job, steps) in contestants.items():
            timer = Timer("job(steps)", globals={"job": job, "steps": steps})
            times[name].append(timer.timeit(1).mean / steps)
    return {name: statistics.median(found) for name, found in times.items()}


def repeated(job):
    """job() as a function of how many times."""

    def run(steps):
        for _ in range(steps):
            job()

    return run


def machine():
    """The machine and the versions, in one line."""
    import torch

    return (
        f"{platform.machine()}, {torch.get_num_threads()} threads, Python {platform.python_version()}, "
        f"NumPy {np.__version__}, torch {torch.__version__}"
    )
