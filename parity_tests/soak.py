"""Random right subjects, to count false alarms: python -m parity_tests.soak --count 1000 --dtype float64 (make soak).

Each configuration is drawn from its own seed: layer, shapes, magnitude of inputs and weights from 1e-8 to 1e8 (so that
units saturate), entries on and right beside kinks, with a twin and without. A right subject may pass, or prove nothing
("void": all saturated, say); it must never fail.
"""

import argparse
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import parity
import scratch
from parity_tests.mutants import RIGHT

ALARMS = ("fail", "error")
ACTIVATIONS = [(scratch.Sigmoid, nn.Sigmoid), (scratch.Tanh, nn.Tanh), (scratch.ReLU, nn.ReLU)]
PLAIN = [right for right in RIGHT if isinstance(right.inputs, tuple) and not right.file.startswith("torch")]
TORCH = [right for right in RIGHT if isinstance(right.inputs, tuple) and right.file.startswith("torch")]


@dataclass(frozen=True)
class Configuration:
    """What parity.check is given, and how to say which it was."""

    name: str
    subject: Any
    inputs: tuple
    against: Any
    dtype: str

    def check(self, seed):
        return parity.check(self.subject, *self.inputs, against=self.against, dtype=self.dtype, seed=seed)


def draw(seed, dtype):
    """The seed-th configuration."""
    rng = np.random.default_rng([11, seed])
    makers = [one_of_torch] if dtype == "bfloat16" else [activation, linear, network, loss, one_of_the_planted]
    name, subject, inputs, against = makers[seed % len(makers)](rng)
    return Configuration(f"{seed}: {name}", subject, inputs, against if rng.random() < 0.5 else None, dtype)


def magnitude(rng):
    return 10.0 ** rng.uniform(-8, 8)


def numbers(rng, shape, size):
    """Random numbers of that size; now and then some of them 0, equal, or a hair beside 0."""
    x = np.asarray(size * rng.normal(size=shape))
    if rng.random() < 0.3:
        x[rng.random(shape) < 0.2] = rng.choice([0.0, 1e-12 * size, -1e-12 * size, size])
    return x


def activation(rng):
    layer, twin = ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
    size, shape = magnitude(rng), tuple(rng.integers(1, 7, rng.integers(1, 4)))
    return f"{layer.__name__} at {size:.0e}", layer(), (numbers(rng, shape, size),), twin()


def linear(rng):
    inside, outside, batch = (int(n) for n in rng.integers(1, 9, 3))
    layer, size, weight = scratch.Linear(inside, outside, rng=rng), magnitude(rng), magnitude(rng)
    layer.weight *= weight
    x = numbers(rng, (batch, inside), size)
    return f"Linear({inside}, {outside}) at {size:.0e}, {weight:.0e}", layer, (x,), nn.Linear(inside, outside)


def network(rng):
    sizes = [int(n) for n in rng.integers(1, 8, rng.integers(2, 5))]
    layer, twin = ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
    net, size, weight = scratch.models.mlp(sizes, layer, rng=rng), magnitude(rng), 10.0 ** rng.uniform(-2, 3)
    layers: list[nn.Module] = []
    for part in net.layers:
        if isinstance(part, scratch.Linear):
            part.weight *= weight
            layers.append(nn.Linear(part.weight.shape[1], part.weight.shape[0]))
        else:
            layers.append(twin())
    x = numbers(rng, (int(rng.integers(1, 8)), sizes[0]), size)
    return f"mlp {sizes} of {layer.__name__} at {size:.0e}, {weight:.0e}", net, (x,), nn.Sequential(*layers)


def loss(rng):
    size, shape = magnitude(rng), (int(rng.integers(1, 7)), int(rng.integers(1, 5)))
    z = numbers(rng, shape, size)
    kind = rng.integers(3)
    if kind == 0:
        return f"mse at {size:.0e}", scratch.losses.mse, (z, numbers(rng, shape, size)), F.mse_loss
    if kind == 1:
        target, twin = rng.uniform(0, 1, shape).round(1), F.binary_cross_entropy_with_logits
        return f"bce_with_logits at {size:.0e}", scratch.losses.bce_with_logits, (z, target), twin
    labels = rng.integers(0, shape[1], shape[0])
    return f"cross_entropy at {size:.0e}", scratch.losses.cross_entropy, (z, labels), F.cross_entropy


def one_of_the_planted(rng):
    return planted(rng, PLAIN, 10.0 ** rng.uniform(-3, 3))


def one_of_torch(rng):
    return planted(rng, TORCH, 10.0 ** rng.uniform(-3, 2))


def planted(rng, among, size):
    """A right version of parity_tests/planted, its random inputs of another size."""
    right = among[rng.integers(len(among))]
    inputs = tuple(numbers(rng, given, size) if is_shape(given) else given for given in right.inputs)
    return f"{right.name} at {size:.0e}", right.build(), inputs, right.twin()


def is_shape(given):
    return isinstance(given, tuple) and all(isinstance(n, int) for n in given)


def verdict_on(report):
    """The verdict; "promotes" for code that is right and, written for float64, makes float64 of float32."""
    causes = {row.cause for row in report.rows if row.verdict == "fail"}
    return "promotes" if causes == {"dtype-changed"} else report.verdict


def main():
    parser = argparse.ArgumentParser(description="Count false alarms over random right subjects.")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--dtype", choices=("float64", "float32", "bfloat16"), default="float64")
    options = parser.parse_args()
    torch.set_num_threads(1)
    verdicts: Counter[str] = Counter()
    for seed in range(options.first, options.first + options.count):
        configuration = draw(seed, options.dtype)
        report = configuration.check(seed)
        verdict = verdict_on(report)
        verdicts[verdict] += 1
        if verdict in ALARMS:
            print(f"{configuration.name}, {options.dtype}\n{report}", flush=True)
    print(f"{options.dtype}: {dict(verdicts)}")
    sys.exit(any(verdicts[alarm] for alarm in ALARMS))


if __name__ == "__main__":
    main()
