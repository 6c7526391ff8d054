"""Full-batch training by both sides from one start: losses, gradients and weights of every step."""

import numpy as np
import torch

import parity
import scratch


def by_hand(net, loss, x, target, lr, steps):
    """Trains net in place; the loss and the gradient before every step, the weights after it, {name: array}."""
    optimizer = scratch.optim.SGD(scratch.named_parameters(net), lr)
    losses, gradients, weights = [], [], []
    for _ in range(steps):
        output, caches = net.forward(x)
        J, doutput = loss(output, target)
        _, grads = net.backward(doutput, caches)
        optimizer.step(grads)
        losses.append(J)
        gradients.append(flat(grads, optimizer.params))
        weights.append(flat(optimizer.params, optimizer.params))
    return {"loss": np.stack(losses), "gradients": np.stack(gradients), "weights": np.stack(weights)}


def by_torch(module, loss, x, target, lr, steps):
    """The same with autograd and torch.optim.SGD."""
    optimizer = torch.optim.SGD(module.parameters(), lr)
    losses, gradients, weights = [], [], []
    for _ in range(steps):
        optimizer.zero_grad()
        J = loss(module(x), target)
        J.backward()
        optimizer.step()
        losses.append(J.detach())
        gradients.append(torch.cat([parameter.grad.reshape(-1) for parameter in module.parameters()]))
        weights.append(torch.cat([parameter.detach().reshape(-1) for parameter in module.parameters()]))
    return {"loss": torch.stack(losses), "gradients": torch.stack(gradients), "weights": torch.stack(weights)}


def flat(arrays, names):
    """The arrays in the order of names as one vector."""
    return np.concatenate([arrays[name].ravel() for name in names])


def differences(report):
    """One line: the largest differences over the run, by loss, gradients and weights."""
    return (f"largest difference over the run: {', '.join(f'{row.name} {row.largest:.1e}' for row in report.rows)}",)


def lockstep(build, build_twin, losses, data, lr, steps, title, device, seed):
    """The report of both trainings, and both trained networks.

    build() and build_twin() make the networks; losses: the loss by hand and in torch; data: training x and target.
    """
    loss, twin_loss = losses
    x, target = data
    net, module = build(), build_twin()
    start = scratch.state_dict(net)
    parity.to_torch(net, module)

    def ours(arrays):
        scratch.naming.replace(net, {name: array.copy() for name, array in arrays.items()})
        return by_hand(net, loss, x, target, lr, steps)

    def theirs(tensors):
        module.load_state_dict(tensors)
        inputs = torch.tensor(x, device=device), torch.tensor(target, device=device)
        return by_torch(module, twin_loss, *inputs, lr, steps)

    report = parity.compare(ours, theirs, start, title, device, seed)
    ours(start)  # the shaken runs moved the weights: train once more, unshaken
    return report, net, module
