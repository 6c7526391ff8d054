"""A regression by both sides: progression of diabetes from ten measurements, mean squared error."""

import torch
from torch.nn.functional import mse_loss

import scratch
import torch_ref
from scripts.experiments import Experiment
from scripts.experiments.training import differences, lockstep
from scripts.training.task import r_squared

SIZES, LR, HELD_OUT = (10, 16, 1), 0.02, 0.2


def run(device, seed, quick):
    """Standardised by the training rows, full-batch gradient descent; R² on held-out rows."""
    table = scratch.data.diabetes()
    train, test = scratch.data.split(table.target, HELD_OUT, seed, stratify=False)
    x_train, x_test = scratch.data.standardise(table.x[train], table.x[test])
    target_train, target_test = scratch.data.standardise(table.target[train], table.target[test])
    steps = 20 if quick else 100
    report, net, module = lockstep(
        lambda: scratch.models.mlp(SIZES, rng=seed),
        lambda: torch_ref.models.mlp(SIZES, device=device),
        (scratch.losses.mse, mse_loss),
        (x_train, target_train),
        LR,
        steps,
        f"{steps} steps of the {'-'.join(map(str, SIZES))} network",
        device,
        seed,
    )
    with torch.no_grad():
        predicted = module(torch.tensor(x_test, device=device)).cpu().numpy()
    hand, twin = (r_squared(output, target_test) for output in (net(x_test), predicted))
    facts = (
        f"{len(train)} patients to train, {len(test)} held out",
        f"R² on held-out patients: {hand:.4f} by hand, {twin:.4f} by torch",
    )
    return Experiment(
        "Diabetes regression", (report,), facts + differences(report), {"R2 by hand": hand, "R2 by torch": twin}
    )
