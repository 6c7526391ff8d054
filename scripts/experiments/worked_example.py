"""The lecture's worked example: every quantity by both sides, then 100 steps of gradient descent for either label."""

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy

import parity
import scratch
import torch_ref
from scratch.losses import bce
from scripts.experiments import Experiment, as_report

STEPS, LR = 100, 0.1
# The lecture's names of the entries. Its W is inputs × hidden units, the transpose of the weight that both sides hold.
ENTRIES = {
    "z": ("z1", "z2", "z3"),
    "h": ("h1", "h2", "h3"),
    "a": ("a",),
    "y": ("y",),
    "J": ("J",),
    "dJ/dy": ("dJ/dy",),
    "dJ/da": ("dJ/da",),
    "dJ/dV": ("dJ/dV1", "dJ/dV2", "dJ/dV3"),
    "dJ/dh": ("dJ/dh1", "dJ/dh2", "dJ/dh3"),
    "dJ/dz": ("dJ/dz1", "dJ/dz2", "dJ/dz3"),
    "dJ/dW": ("dJ/dW11", "dJ/dW12", "dJ/dW13", "dJ/dW21", "dJ/dW22", "dJ/dW23"),
    "dJ/dx": ("dJ/dx1", "dJ/dx2"),
}


def by_hand(arrays, target):
    """Forward, loss and backward through the lecture's net in NumPy, every intermediate value kept."""
    net = scratch.models.lecture_net(dtype=arrays["x"].dtype)
    linear1, sigmoid1, linear2, sigmoid2 = net.layers
    linear1.weight, linear2.weight = arrays["W"], arrays["V"]
    z, cache1 = linear1.forward(arrays["x"])
    h, cache2 = sigmoid1.forward(z)
    a, cache3 = linear2.forward(h)
    y, cache4 = sigmoid2.forward(a)
    J, dy = bce(y, target)
    da, _ = sigmoid2.backward(dy, cache4)
    dh, dV = linear2.backward(da, cache3)
    dz, _ = sigmoid1.backward(dh, cache2)
    dx, dW = linear1.backward(dz, cache1)
    gradients = (dy, da, dV["weight"], dh, dz, dW["weight"].T, dx)
    return dict(zip(ENTRIES, (z, h, a, y, J, *gradients), strict=True))


def by_torch(tensors, target):
    """The same through torch.nn; autograd gives every derivative, those of the intermediate values included."""
    net = torch_ref.models.lecture_net(dtype=tensors["x"].dtype, device=tensors["x"].device)
    net.load_state_dict({"0.weight": tensors["W"], "2.weight": tensors["V"]})
    linear1, sigmoid1, linear2, sigmoid2 = net
    x = tensors["x"].clone().requires_grad_()
    z = linear1(x)
    h = sigmoid1(z)
    a = linear2(h)
    y = sigmoid2(a)
    J = binary_cross_entropy(y, torch.full_like(y, target))
    dy, da, dV, dh, dz, dW, dx = torch.autograd.grad(J, (y, a, linear2.weight, h, z, linear1.weight, x))
    return dict(zip(ENTRIES, (z, h, a, y, J, dy, da, dV, dh, dz, dW.T, dx), strict=True))


def start(dtype="float64"):
    """{name: array}: the lecture's x, W and V, the weights as both sides hold them (one neuron per row)."""
    weights = scratch.state_dict(scratch.models.lecture_net(dtype=dtype))
    x, _ = scratch.data.worked_example()
    return {"x": x.astype(dtype), "W": weights["0.weight"], "V": weights["2.weight"]}


def named_entries(results):
    """{the lecture's name of the entry: number}, in the lecture's order."""
    flat = {name: np.ravel(parity.to_numpy(a) if torch.is_tensor(a) else a) for name, a in results.items()}
    return {entry: float(v) for name, array in flat.items() for entry, v in zip(ENTRIES[name], array, strict=True)}


def tensors(arrays, device):
    return {name: torch.tensor(array, device=device) for name, array in arrays.items()}


def float32_errors(device):
    """Largest relative error of the entries of dJ/dW in float32, by hand and by torch, against float64 by hand."""
    arrays, (_, target) = start("float32"), scratch.data.worked_example()
    truth = by_hand(start(), target)["dJ/dW"]
    hand = by_hand(arrays, target.astype("float32"))["dJ/dW"]
    torch_ = parity.to_numpy(by_torch(tensors(arrays, device), 1.0)["dJ/dW"])
    return tuple(float(np.max(np.abs(found / truth - 1))) for found in (hand, torch_))


def descend(label, device, seed):
    """STEPS gradient steps for one label by both sides: the LockstepReport."""
    net, module = scratch.models.lecture_net(), torch_ref.models.lecture_net()
    example = scratch.data.worked_example(label)
    return parity.lockstep(net, module, [example], ("SGD", {"lr": LR}), STEPS, "bce", device=device, seed=seed)


def series_by_hand(label):
    """Loss and score before each of the STEPS steps for one label, by hand alone."""
    net, (x, target) = scratch.models.lecture_net(), scratch.data.worked_example(label)
    optimizer = scratch.optim.SGD(scratch.named_parameters(net), lr=LR)
    losses, scores = [], []
    for _ in range(STEPS):
        y, caches = net.forward(x)
        J, dy = bce(y, target)
        optimizer.step(net.gradients(dy, caches))
        losses.append(J)
        scores.append(y[0, 0])
    return {"loss": np.stack(losses), "score": np.stack(scores)}


def entries_by_hand():
    """{the lecture's name of the entry: number}, all by hand."""
    return named_entries(by_hand(start(), scratch.data.worked_example()[1]))


def run(device, seed):
    """The comparison of every quantity, and of 100 steps for label 1 and label 0."""
    _, target = scratch.data.worked_example()

    def ours(arrays):
        return by_hand(arrays, target)

    def theirs(tensors):
        return by_torch(tensors, 1.0)

    reports = [parity.compare(ours, theirs, start(), "every quantity", device, seed)]
    values = {"hand": entries_by_hand(), "torch": named_entries(theirs(tensors(start(), device)))}
    facts, series = [], {}
    for label in (1, 0):
        reports.append(as_report(descend(label, device, seed), f"{STEPS} steps, label {label}", device))
        series[label] = series_by_hand(label)
        loss = [float(series[label]["loss"][step - 1]) for step in (1, 10, 100)]
        values[f"loss before step 1, 10, 100, label {label}"] = loss
        facts.append(f"label {label}: loss before step 1, 10, 100 is {', '.join(f'{J:#.12g}' for J in loss)}")
    hand32, torch32 = float32_errors(device)
    values["float32 error of dJ/dW"] = {"hand": hand32, "torch": torch32}
    facts.append(
        f"in float32 the largest relative error of dJ/dW is {hand32:.1e} by hand, with σ(−z) for 1 − h, "
        f"and {torch32:.1e} in torch"
    )
    return Experiment("Worked example", tuple(reports), tuple(facts), values, series)
