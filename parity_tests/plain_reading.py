"""The simplest reading of every kind of subject, to prove the table of mutants without parity.check.

inputs, weights, start = read(subject, inputs)     {row: array} of each
outputs, back = start(inputs | weights)            a list, and what runs backward on the same state, again and again
gradients = back(upstream)                         {row: array}; upstream holds one array per output
"""

import copy
import inspect

import numpy as np
import torch

import scratch
from scratch.naming import replace

LABELS = {"label", "labels", "target"}


def read(subject, inputs):
    """Inputs, weights, and a start that works on copies of the arrays it is given."""
    inputs = [np.array(value) for value in inputs]
    names, weights, start = reader(subject)(subject, inputs)
    return dict(zip(names, inputs, strict=True)), weights, lambda arrays: start(copied(arrays))


def reader(subject):
    if isinstance(subject, torch.nn.Module) or inspect.ismethod(subject):
        return read_torch
    if isinstance(subject, tuple):
        return read_pair
    if not hasattr(subject, "backward"):
        return read_loss
    return read_contract if len(names_of(subject.backward)) == 2 else read_lecture


def copied(arrays):
    return {name: np.array(array) for name, array in arrays.items()}


def names_of(function):
    return [name for name in inspect.signature(function).parameters if name != "ctx"]


def as_list(value):
    return list(value) if isinstance(value, tuple) else [value]


def paired(names, gradients):
    """{name: gradient}, without those that are None."""
    return {name: d for name, d in zip(names, as_list(gradients), strict=False) if d is not None}


def read_contract(layer, inputs):
    names, weights = names_of(layer.forward)[: len(inputs)], scratch.named_parameters(layer)

    def start(arrays):
        net = copy.deepcopy(layer)
        replace(net, {name: arrays[name] for name in weights})
        outputs, cache = net.forward(*(arrays[name] for name in names))

        def back(upstream):
            gradients, grads = net.backward(tuple(upstream) if isinstance(outputs, tuple) else upstream[0], cache)
            return paired(names, gradients) | grads

        return as_list(outputs), back

    return names, weights, start


def read_loss(loss, inputs):
    names = names_of(loss)[: len(inputs)]

    def start(arrays):
        J, d = loss(*(arrays[name] for name in names))
        return [J], lambda upstream: {names[0]: upstream[0] * d}

    return names, {}, start


def read_pair(pair, inputs):
    forward, backward = pair
    names = names_of(forward)[: len(inputs)]

    def start(arrays):
        arguments = [arrays[name] for name in names]
        returned = forward(*arguments)
        output, *cache = returned if isinstance(returned, tuple) else (returned,)
        return [output], lambda upstream: paired(names, backward(upstream[0], *(cache or arguments)))

    return names, {}, start


def read_lecture(net, inputs):
    call = "forward" if hasattr(net, "forward") else "predict"
    names, own_loss = names_of(getattr(net, call))[: len(inputs)], LABELS & set(names_of(net.backward))
    tried = copy.deepcopy(net)  # gradients may be attributes from the first backward on
    output = getattr(tried, call)(*(np.array(value) for value in inputs))
    tried.backward(1 if own_loss else np.ones_like(output))
    weights = {row: path for row, path, _ in places(tried)}

    def start(arrays):
        fresh = copy.deepcopy(net)
        for row, path in weights.items():
            put(fresh, path, arrays[row])
        output = getattr(fresh, call)(*(arrays[name] for name in names))
        if own_loss:  # its gradients are those of its own loss, here for the label 1
            J = np.sum(fresh.backward(1))
            return [J], lambda upstream: {row: upstream[0] * d for row, d in gradients(fresh).items()}

        def back(upstream):
            return paired(names, fresh.backward(upstream[0])) | gradients(fresh)

        return [output], back

    return names, {row: take(net, path) for row, path in weights.items()}, start


def gradients(net):
    return {row: np.array(take(net, path)) for row, _, path in places(net)}


def places(part, row="", path=()):
    """(row, path of a weight, path of its gradient) for every array that has a gradient beside it."""
    for name, value in vars(part).items():
        here = (*path, name)
        if isinstance(value, np.ndarray):
            named = (f"{name}_grad", f"grad_{name}", f"d{name}")
            yield from ((row + name, here, (*path, gradient)) for gradient in named if hasattr(part, gradient))
        elif name == "params":
            yield from ((row + key, (*here, key), (*path, "grads", key)) for key in value)
        elif hasattr(value, "grad"):
            yield row + name, (*here, "data"), (*here, "grad")
        elif hasattr(value, "backward"):
            yield from places(value, f"{row}{name}.", here)
        elif name == "layers":
            for i, layer in enumerate(value):
                yield from places(layer, f"{row}layers.{i}.", (*here, i))


def take(part, path):
    for key in path:
        part = part[key] if isinstance(part, dict | list) else getattr(part, key)
    return part


def put(part, path, array):
    holder = take(part, path[:-1])
    if isinstance(holder, dict):
        holder[path[-1]] = array
    else:
        setattr(holder, path[-1], array)


def read_torch(subject, inputs):
    is_module = isinstance(subject, torch.nn.Module)
    names = names_of(subject.forward if is_module else subject.__self__.forward)[: len(inputs)]
    weights = {n: p.detach().numpy().copy() for n, p in subject.named_parameters()} if is_module else {}

    def start(arrays):
        return start_torch(subject, names, arrays)

    return names, weights, start


def start_torch(function, names, arrays):
    """(outputs, back) of a function of tensors or a module, whose weights are the arrays that `names` leaves out."""
    tensors = {name: torch.tensor(array) for name, array in arrays.items()}
    floats = {name: t.requires_grad_() for name, t in tensors.items() if t.is_floating_point()}
    inputs, weights = tuple(tensors[name] for name in names), {n: t for n, t in tensors.items() if n not in names}
    is_module = isinstance(function, torch.nn.Module)
    outputs = as_list(torch.func.functional_call(function, weights, inputs) if is_module else function(*inputs))

    def back(upstream):
        g = [torch.from_numpy(u) for u in upstream]
        grads = torch.autograd.grad(outputs, list(floats.values()), g, retain_graph=True, allow_unused=True)
        return {name: d.numpy() for name, d in zip(floats, grads, strict=True) if d is not None}

    return [output.detach().numpy() for output in outputs], back
