"""The perceptron on Iris: the classes are separable, so its rule stops by itself, after the same pass on both sides."""

import numpy as np
import torch

import parity
import scratch
import torch_ref
from parity.rows import judge
from scripts.experiments import Experiment


def run(device):
    """Passes over setosa against the rest until one has no miss, by both sides.

    Nothing is differentiated, so nothing is shaken: the misses are whole numbers and must be equal. The weights are
    sums of as many terms as there were misses; adding n terms in floating point is off by at most n u max|partial
    sum| with u = 2⁻⁵³ (N. Higham, Accuracy and Stability, 4.2), on either side.
    """
    table = scratch.data.iris_setosa()
    hand, twin = scratch.Perceptron(2), torch_ref.Perceptron(2, device=device)
    misses = hand.fit(table.x, table.target)
    twin_misses = twin.fit(torch.tensor(table.x, device=device), torch.tensor(table.target, device=device))
    theta, twin_theta = hand.theta(), parity.to_numpy(twin.theta())
    largest = sum(misses) * np.abs(table.x).max()  # no partial sum can be larger than the sum of all terms
    budget = 2 * sum(misses) * 2.0**-53 * largest
    rows = (
        judge("misses per pass", "quantity", np.array(misses, float), np.array(twin_misses, float), 0.0),
        judge("weights", "quantity", theta, twin_theta, budget),
    )
    report = parity.Report(f"{len(misses)} passes of the perceptron rule", f"float64, torch on {device}", rows)
    facts = (f"no miss in pass {len(misses)}, after {sum(misses):,} updates: the classes are separable",)
    values = {"passes": len(misses), "updates": sum(misses), "weights": theta.tolist(), "last misses": misses[-1]}
    return Experiment("Iris perceptron", (report,), facts, values)
