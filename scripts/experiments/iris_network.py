"""A network on Iris: all four measurements, three species, trained by both sides from the same start in lockstep."""

import numpy as np
import torch
from torch.nn.functional import cross_entropy

import scratch
import torch_ref
from scripts.experiments import Experiment
from scripts.experiments.training import by_hand, differences, lockstep

SIZES, LR, STEPS, HELD_OUT = (4, 16, 3), 0.5, 100, 0.2


def prepare(seed):
    """The table, the rows to train on and those held out, and both standardised by the rows to train on."""
    table = scratch.data.iris()
    train, test = scratch.data.split(table.target, HELD_OUT, seed)
    return table, train, test, *scratch.data.standardise(table.x[train], table.x[test])


def train_by_hand(seed):
    """The network trained by hand alone, with what a picture of its decisions needs."""
    table, train, _, x_train, _ = prepare(seed)
    net = scratch.models.mlp(SIZES, rng=seed)
    by_hand(net, scratch.losses.cross_entropy, x_train, table.target[train], LR, STEPS)
    return {"net": net, "table": table, "train": train}


def run(device, seed, quick):
    """Full-batch gradient descent by both sides; accuracy of each on held-out rows."""
    table, train, test, x_train, x_test = prepare(seed)
    steps = STEPS // 5 if quick else STEPS
    report, net, module = lockstep(
        lambda: scratch.models.mlp(SIZES, rng=seed),
        lambda: torch_ref.models.mlp(SIZES, device=device),
        (scratch.losses.cross_entropy, cross_entropy),
        (x_train, table.target[train]),
        LR,
        steps,
        f"{steps} steps of the {'-'.join(map(str, SIZES))} network",
        device,
        seed,
    )
    hand = int(np.sum(net(x_test).argmax(axis=1) == table.target[test]))
    with torch.no_grad():
        predicted = module(torch.tensor(x_test, device=device)).argmax(dim=1).cpu().numpy()
    twin = int(np.sum(predicted == table.target[test]))
    facts = (
        f"{len(train)} flowers to train, {len(test)} held out, every species in its share",
        f"right on held-out flowers: {hand} of {len(test)} by hand, {twin} of {len(test)} by torch",
    )
    facts += differences(report)
    values = {"held out": len(test), "right by hand": hand, "right by torch": twin}
    return Experiment("Iris network", (report,), facts, values, {"net": net, "table": table, "train": train})
