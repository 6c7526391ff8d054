"""Judging any computation done by both sides, a whole training run for example."""

import torch

from parity.bridge import check_device, to_numpy
from parity.report import Report
from parity.rounding.budget import SHAKES, measure
from parity.rounding.shaken_torch import ShakenTorch
from parity.rows import judge, unexpected


def compare(ours, theirs, inputs, title, device="cpu", seed=0, shake_twin=True):
    """Judge any computation done by both sides within what rounding explains.

    ours: {name: array} -> {name: array} in NumPy; theirs: the same on tensors, called on `device` in float64.
    inputs: {name: float64 array}, where both start. Without shake_twin their side is not shaken: quicker for long
    computations, and only stricter. Returns a Report with one row per name that theirs gives.
    """
    torch_device = check_device(device)

    def theirs_in_numpy(arrays):
        results = theirs({name: torch.tensor(array, device=torch_device) for name, array in arrays.items()})
        return {name: to_numpy(result) for name, result in results.items()}

    def theirs_shaken(arrays, directions):
        with ShakenTorch(directions):
            return theirs_in_numpy(arrays)

    base_ours, base_theirs = ours(inputs), theirs_in_numpy(inputs)
    shakes = SHAKES if shake_twin else 0
    budget = measure(ours, theirs_shaken, inputs, base_ours, base_theirs, seed, shakes)
    rows = [judge(name, "quantity", base_ours.get(name), base_theirs[name], budget[name]) for name in base_theirs]
    rows += [unexpected(name, "quantity", base_ours[name]) for name in base_ours.keys() - base_theirs.keys()]
    return Report(title, f"float64, torch on {torch_device}, seed {seed}", tuple(rows))
