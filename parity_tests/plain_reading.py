"""The simplest reading and judging of every kind of subject, to prove the table of mutants without parity.check.

inputs, weights, run = read(subject, inputs)            {row: array} of each
outputs, gradients = run(inputs | weights, upstream)    a list, {row: gradient}; gradients only with an upstream
"""

import copy
import inspect

import numpy as np
import torch

import scratch
from scratch.naming import replace

LABELS = {"label", "labels", "target"}


def names_of(function):
    return [p.name for p in inspect.signature(function).parameters.values() if p.name != "ctx"]


def as_list(value):
    return list(value) if isinstance(value, tuple | list) else [value]


def like(several, upstream):
    """The upstream gradients as the subject takes them: a tuple only where it has several outputs."""
    return tuple(upstream) if isinstance(several, tuple) else upstream[0]


def paired(names, gradients):
    return {name: d for name, d in zip(names, as_list(gradients), strict=False) if d is not None}


def read(subject, inputs):
    names, weights, run = reader(subject)(subject, inputs)

    def run_on_copies(arrays, upstream=None):
        return run({name: np.array(a) for name, a in arrays.items()}, upstream and [np.array(g) for g in upstream])

    return dict(zip(names, inputs, strict=True)), weights, run_on_copies


def reader(subject):
    if isinstance(subject, torch.nn.Module) or inspect.ismethod(subject):
        return read_torch
    if isinstance(subject, tuple):
        return read_pair
    if not hasattr(subject, "backward"):
        return read_loss
    return read_contract if len(names_of(subject.backward)) == 2 else read_lecture


def read_contract(layer, inputs):
    names, weights = names_of(layer.forward)[: len(inputs)], scratch.named_parameters(layer)

    def run(arrays, upstream=None):
        net = copy.deepcopy(layer)
        replace(net, {name: arrays[name] for name in weights})
        outputs, cache = net.forward(*(arrays[name] for name in names))
        if upstream is None:
            return as_list(outputs), None
        gradients, grads = net.backward(like(outputs, upstream), cache)
        return as_list(outputs), paired(names, gradients) | grads

    return names, weights, run


def read_loss(loss, inputs):
    names = names_of(loss)[: len(inputs)]

    def run(arrays, upstream=None):
        J, d = loss(*(arrays[name] for name in names))
        return [J], None if upstream is None else {names[0]: upstream[0] * d}

    return names, {}, run


def read_pair(pair, inputs):
    forward, backward = pair
    names = names_of(forward)[: len(inputs)]

    def run(arrays, upstream=None):
        arguments = [arrays[name] for name in names]
        returned = forward(*arguments)
        outputs, *cache = returned if isinstance(returned, tuple) else (returned,)
        if upstream is None:
            return as_list(outputs), None
        return as_list(outputs), paired(names, backward(like(outputs, upstream), *(cache or arguments)))

    return names, {}, run


def read_lecture(net, inputs):
    call = next(name for name in ("forward", "predict", "__call__") if hasattr(net, name))
    names = names_of(getattr(net, call))[: len(inputs)]
    own_loss = bool(LABELS & set(names_of(net.backward)))
    tried = copy.deepcopy(net)
    out = getattr(tried, call)(*(np.array(value) for value in inputs))
    tried.backward(1 if own_loss else np.ones_like(out))
    weights = {row: path for row, path, _ in places(tried)}

    def run(arrays, upstream=None):
        fresh = copy.deepcopy(net)
        for row, path in weights.items():
            put(fresh, path, arrays[row])
        outputs = as_list(getattr(fresh, call)(*(arrays[name] for name in names)))
        returned = fresh.backward(1) if own_loss else None
        outputs = [np.sum(returned)] if own_loss else outputs
        if upstream is None:
            return outputs, None
        if own_loss:
            return outputs, {row: upstream[0] * take(fresh, path) for row, _, path in places(fresh)}
        returned = fresh.backward(upstream[0])
        return outputs, paired(names, returned) | {row: take(fresh, path) for row, _, path in places(fresh)}

    return names, {row: take(net, path) for row, path in weights.items()}, run


def places(part, row="", path=()):
    """(row, path of a weight, path of its gradient) for every array that has a gradient beside it."""
    for name, value in vars(part).items():
        here = (*path, name)
        if isinstance(value, np.ndarray):
            for gradient in (f"{name}_grad", f"grad_{name}", f"d{name}"):
                if hasattr(part, gradient):
                    yield row + name, here, (*path, gradient)
        elif isinstance(value, dict) and name in ("params", "parameters"):
            gradients = (*path, "grads" if name == "params" else "gradients")
            yield from ((row + key, (*here, key), (*gradients, key)) for key in value)
        elif hasattr(value, "grad"):
            yield row + name, (*here, "data"), (*here, "grad")
        elif hasattr(value, "backward"):
            yield from places(value, f"{row}{name}.", here)
        elif isinstance(value, list):
            for i, item in enumerate(value):
                if hasattr(item, "backward"):
                    yield from places(item, f"{row}{name}.{i}.", (*here, i))


def take(part, path):
    for key in path:
        part = part[key] if isinstance(part, dict | list) else getattr(part, key)
    return part


def put(part, path, array):
    holder = take(part, path[:-1])
    if isinstance(holder, dict):
        holder[path[-1]] = array.copy()
    else:
        setattr(holder, path[-1], array.copy())


def read_torch(subject, inputs):
    is_module = isinstance(subject, torch.nn.Module)
    names = names_of(subject.forward if is_module else subject.__self__.forward)[: len(inputs)]
    weights = {n: p.detach().numpy().copy() for n, p in subject.named_parameters()} if is_module else {}

    def run(arrays, upstream=None):
        tensors = {name: torch.tensor(array) for name, array in arrays.items()}
        floats = {name: t.requires_grad_() for name, t in tensors.items() if t.is_floating_point()}
        arguments = [tensors[name] for name in names]
        outputs = (
            torch.func.functional_call(copy.deepcopy(subject), {n: tensors[n] for n in weights}, tuple(arguments))
            if is_module
            else subject(*arguments)
        )
        values = [output.detach().numpy() for output in as_list(outputs)]
        if upstream is None:
            return values, None
        g = [torch.tensor(u) for u in upstream]
        grads = torch.autograd.grad(as_list(outputs), list(floats.values()), g, allow_unused=True)
        return values, {n: d.numpy() for n, d in zip(floats, grads, strict=True) if d is not None}

    return names, weights, run


def numerical(run, arrays, upstream, rows, step=1e-6):
    """{row: gradient of Σ upstream · outputs}, by central differences."""

    def objective(changed):
        return sum(np.sum(g * y) for g, y in zip(upstream, run(arrays | changed)[0], strict=True))

    def along(name, index):
        moved = [arrays[name].astype(float) for _ in range(2)]
        moved[0][index] += step
        moved[1][index] -= step
        return (objective({name: moved[0]}) - objective({name: moved[1]})) / (2 * step)

    shapes = {name: np.shape(arrays[name]) for name in rows}
    return {
        name: np.array([along(name, index) for index in np.ndindex(shape)]).reshape(shape)
        for name, shape in shapes.items()
    }


def error(ours, truth):
    """The largest difference relative to the largest entry; inf for what is absent, misshapen or not finite."""
    if ours is None or np.shape(ours) != np.shape(truth) or not np.isfinite(ours).all():
        return np.inf
    return float(np.max(np.abs(ours - truth)) / np.max(np.abs(truth))) if np.any(truth) else np.inf
