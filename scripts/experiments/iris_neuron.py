"""The lecture's neuron on Iris: setosa against the rest from the sepals, gradient descent until the step is small."""

import numpy as np
import torch

import parity
import scratch
import torch_ref
from scripts.experiments import Experiment

RECORD_EVERY = 4000  # steps between the points of the path at which both sides are compared


def place(neuron, theta):
    """The neuron with θ = (w, b) put into it."""
    neuron.weight, neuron.bias = theta[:-1].copy(), theta[-1:].reshape(()).copy()
    return neuron


def place_in_torch(neuron, theta):
    with torch.no_grad():
        neuron.weight.copy_(theta[:-1])
        neuron.bias.copy_(theta[-1])
    return neuron


def descend_to_the_stop(table, progress=lambda step: None):
    """Descent by hand from θ = (1, 1, 1): the neuron, the number of steps, the points (step, θ) along the path."""
    neuron, path = place(scratch.LogisticNeuron(2), np.ones(3)), []

    def watch(step, theta):
        path.append((step, theta))
        progress(step)

    steps = neuron.fit(table.x, table.target, every=RECORD_EVERY, watch=watch)
    path.append((steps, neuron.theta()))
    return neuron, steps, path


def gradients_along(path, table, device, seed):
    """Loss and gradient by both sides at every point of the path."""
    x, target = torch.tensor(table.x, device=device), torch.tensor(table.target, device=device)

    def ours(arrays):
        found = [place(scratch.LogisticNeuron(2), theta).loss(table.x, table.target) for theta in arrays["theta"]]
        gradients = [np.append(grads["weight"], grads["bias"]) for _, grads in found]
        return {"loss": np.stack([J for J, _ in found]), "gradient": np.stack(gradients)}

    def theirs(tensors):
        neuron = torch_ref.LogisticNeuron(2, device=device)
        found = [place_in_torch(neuron, theta).loss(x, target) for theta in tensors["theta"]]
        gradients = [torch.cat([grads["weight"], grads["bias"][None]]) for _, grads in found]
        return {"loss": torch.stack([J for J, _ in found]), "gradient": torch.stack(gradients)}

    title = f"loss and gradient at {len(path)} points of the path"
    arrays = {"theta": np.stack([theta for _, theta in path])}
    return parity.compare(ours, theirs, arrays, title, device, seed)


def first_steps(steps, table, device, seed):
    """θ after each of the first steps, trained by both sides from θ = (1, 1, 1)."""

    def ours(arrays):
        path: list = []
        neuron = place(scratch.LogisticNeuron(2), arrays["theta"])
        neuron.fit(table.x, table.target, max_steps=steps, every=1, watch=lambda _, theta: path.append(theta))
        return {"theta": np.stack(path)}

    def theirs(tensors):
        path: list = []
        neuron = place_in_torch(torch_ref.LogisticNeuron(2, device=device), tensors["theta"])
        x, target = torch.tensor(table.x, device=device), torch.tensor(table.target, device=device)
        neuron.fit(x, target, max_steps=steps, every=1, watch=lambda _, theta: path.append(theta))
        return {"theta": torch.stack(path)}

    title = f"the first {steps} steps of descent"
    return parity.compare(ours, theirs, {"theta": np.ones(3)}, title, device, seed, shake_twin=False)


def run(device, seed, quick, progress):
    """Descent to the stop by hand; torch compared along the whole path and over the first 2,000 steps."""
    table = scratch.data.iris_setosa()
    neuron, steps, path = descend_to_the_stop(table, progress)
    theta = neuron.theta()
    accuracy = float(np.mean((neuron(table.x) > 0.5) == (table.target == 1)))
    facts = (
        f"stops after {steps:,} steps of 0.1, the first that is at most 5e-5 long",
        f"θ = ({', '.join(f'{t:.5f}' for t in theta)}), bias last; accuracy {accuracy:.1%} on the 150 flowers",
    )
    reports = (
        gradients_along(path[::10] if quick else path, table, device, seed),
        first_steps(200 if quick else 2000, table, device, seed),
    )
    values = {"steps": steps, "theta": theta.tolist(), "accuracy": accuracy}
    return Experiment("Iris neuron", reports, facts, values, {"neuron": neuron, "table": table})
