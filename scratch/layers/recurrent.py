"""What RNN, LSTM and GRU share: layers upon layers of one cell, each read in one direction or in both."""

import warnings
from typing import NamedTuple

import numpy as np

from scratch.checks import check_count, check_dtype_name, check_features, check_float, check_precision, check_shape
from scratch.init import uniform_fan_in
from scratch.layers.base import Layer
from scratch.layers.dropout import check_probability, kept


class Call(NamedTuple):
    """What backward needs of a forward."""

    layers: list  # of [Steps of each way through time]
    factors: list  # what dropout multiplied the inputs of each layer by, or None
    shapes: tuple  # of the outputs
    batched: bool
    given: bool  # whether the states to start from were
    paired: bool = False  # and in a pair, as torch has it


class Recurrent(Layer):
    """Layers of one cell: the states h_t of a layer are the inputs of the next.

    With bidirectional each layer has weights of its own for either way through time, and both h_t stand side by side.

    Given ∂J/∂output and ∂J/∂h_n:   layers from the last to the first. dh_t is what the layer above says by its inputs
    (for the last layer: ∂J/∂output); after the last step comes ∂J/∂h_n. dx is added over both ways.
    """

    def __init__(self, cell, sizes, bias, batch_first, dropout, bidirectional, rng, dtype):
        owner = type(self).__name__
        check_arguments(
            owner, sizes, {"bias": bias, "batch_first": batch_first, "bidirectional": bidirectional}, dropout
        )
        self.cell, (self.input_size, self.hidden_size, self.num_layers), self.bias = cell, sizes, bias
        self.batch_first, self.dropout, self.bidirectional = batch_first, float(dropout), bidirectional
        self.rng = np.random.default_rng(rng)
        input_size, hidden_size, num_layers = sizes
        draw, height = uniform_fan_in(hidden_size, self.rng, check_dtype_name(owner, dtype)), cell.gates * hidden_size
        for layer in range(num_layers):
            features = hidden_size * self.ways if layer else input_size
            shapes = (height, features), (height, hidden_size), *2 * ((height,) if bias else None,)
            for way in range(self.ways):
                for name, shape in zip(names(layer, way), shapes, strict=True):
                    setattr(self, name, None if shape is None else draw(shape))
                    self.params = (*self.params, name)

    @property
    def ways(self):
        return 2 if self.bidirectional else 1

    def forward(self, x, h0=None):
        return self.through_layers(x, (h0,))

    def through_layers(self, x, given):
        """forward, for any number of states: ((output, h_n, …), Call)."""
        batched = check_sequence(self, x)
        y = self.columns(x, batched)
        place = self.num_layers, self.ways, y.shape[2], self.hidden_size
        check_starts(type(self).__name__, self.cell.states, given, x, outside(place, batched))
        starts = [np.zeros(place, x.dtype) if start is None else start.reshape(place) for start in given]
        layers, factors = [], []
        with np.errstate(over="ignore", divide="ignore"):  # 1/(1 + ∞) and 1/0 are the limits that are meant
            for layer in range(self.num_layers):
                dropping = layer and self.training and self.dropout
                factors.append(kept(self.rng, y.shape, self.dropout, y.dtype) if dropping else None)
                y = y * factors[-1] if dropping else y
                layers.append([self.steps(y, layer, way, starts) for way in range(self.ways)])
                y = side_by_side([steps.h[steps.own] for steps in layers[-1]])
        last = ([getattr(s, state)[s.last].T for ways in layers for s in ways] for state in self.cell.states)
        outputs = self.rows(y, batched), *(np.array(ends).reshape(outside(place, batched)) for ends in last)
        return outputs, Call(layers, factors, tuple(output.shape for output in outputs), batched, given[0] is not None)

    def steps(self, x, layer, way, starts):
        """One layer in one direction: its first way reads time as it runs, its second backwards."""
        weights = [getattr(self, name) for name in names(layer, way)]
        return self.cell(x, weights, [start[layer, way].T for start in starts], backwards=way == 1)

    def backward(self, doutputs, call):
        dy, *dends = check_upstream(self, doutputs, call)
        dh, H = dy if dy is None else self.columns(dy, call.batched), self.hidden_size
        place = self.num_layers, self.ways, call.layers[0][0].v.shape[2], H
        dends = [dend.reshape(place) for dend in dends]
        dstarts = [np.empty(place, call.layers[-1][0].dtype) for _ in dends]
        grads: dict = {}
        with np.errstate(over="ignore", divide="ignore"):
            for layer in reversed(range(self.num_layers)):
                parts = []
                for way, steps in enumerate(call.layers[layer]):
                    fresh = [np.array(dend[layer, way].T, steps.dtype, order="C") for dend in dends]
                    dx, dpast, dweights = steps.backward(dh if dh is None else dh[:, way * H : (way + 1) * H], *fresh)
                    parts.append(dx)
                    grads |= zip(names(layer, way), dweights, strict=True)
                    for dstart, d in zip(dstarts, dpast, strict=True):
                        dstart[layer, way] = d.T
                dh = np.add(*parts) if self.bidirectional else parts[0]
                dh = dh if call.factors[layer] is None else dh * call.factors[layer]
        grads = {name: grads[name] for name in self.params if getattr(self, name) is not None}
        dx, shaped = self.rows(dh, call.batched), tuple(d.reshape(outside(place, call.batched)) for d in dstarts)
        if not call.given:
            return dx, grads
        return (dx, shaped) if call.paired else (dx, *shaped), grads

    def columns(self, x, batched):
        """(T, F, N), a view, of x as it comes: (T, N, F), with batch_first (N, T, F), of one sample (T, F)."""
        return x.transpose((1, 2, 0) if self.batch_first else (0, 2, 1)) if batched else x[:, :, None]

    def rows(self, y, batched):
        """The inverse of columns, as a fresh array."""
        y = y.transpose((2, 0, 1) if self.batch_first else (0, 2, 1)) if batched else y[:, :, 0]
        return np.array(y, order="C")

    def __repr__(self):
        default = {"num_layers": 1, "nonlinearity": "tanh", "bias": True, "dropout": 0.0}
        shown = ("num_layers", "nonlinearity", "bias", "batch_first", "dropout", "bidirectional")
        given = {name: getattr(self, name, default.get(name)) for name in shown}
        text = [f", {name}={value!r}" for name, value in given.items() if value != default.get(name, False)]
        return f"{type(self).__name__}({self.input_size}, {self.hidden_size}{''.join(text)})"


def names(layer, way):
    """The names of a layer's weights, those of the second way through time with a suffix."""
    return [f"{kind}_l{layer}{('', '_reverse')[way]}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]


def side_by_side(parts):
    """Both ways' features side by side."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def outside(place, batched):
    """The shape of states as torch has it, layers and ways on one axis, of (layers, ways, N, H)."""
    layers, ways, *batch, size = place
    return layers * ways, *(batch if batched else ()), size


def check_sequence(layer, x):
    """Refuse what is no sequence (time, batch, features) or (time, features); whether it is a batch of them."""
    owner = type(layer).__name__
    check_float(owner, "x", x)
    if x.ndim not in (2, 3):
        axes = "(N, T, {0})" if layer.batch_first else "(T, N, {0})"
        expected = f"{axes} or (T, {{0}})".format(layer.input_size)
        guess = "; did you mean x[..., None]?" if layer.input_size == 1 and x.ndim == 1 else ""
        raise ValueError(f"{owner}: expected x of shape {expected}, got {x.shape}{guess}")
    check_features(owner, x, layer.input_size)
    if x.shape[1 if layer.batch_first and x.ndim == 3 else 0] == 0:
        raise ValueError(f"{owner}: expected at least one step of time, got x of shape {x.shape}")
    check_precision(owner, "x", x, "weight_ih_l0", layer.weight_ih_l0)
    return x.ndim == 3


def check_starts(owner, states, given, x, shape):
    """Refuse starts that do not fit, and one without the other."""
    if len({start is None for start in given}) == 2:
        raise TypeError(f"{owner}: {' and '.join(f'{state}0' for state in states)} come together or not at all")
    for state, start in zip(states, given, strict=True):
        if start is not None:
            check_float(owner, f"{state}0", start)
            check_shape(owner, f"{state}0", start, shape)
            check_precision(owner, f"{state}0", start, "x", x)


def check_upstream(layer, doutputs, call):
    """The gradients by the outputs, by the last states zeros for None; refuses what does not fit the outputs."""
    owner, steps = type(layer).__name__, call.layers[0][0]
    wanted = ("doutput", *(f"d{state}_n" for state in layer.cell.states))
    if not isinstance(doutputs, tuple | list) or len(doutputs) != len(wanted):
        got = f"{len(doutputs)} of them" if isinstance(doutputs, tuple | list) else type(doutputs).__name__
        raise TypeError(f"{owner}: expected ({', '.join(wanted)}), None for what J does not depend on, got {got}")
    for name, shape, d in zip(wanted, call.shapes, doutputs, strict=True):
        if d is not None:
            check_float(owner, name, d)
            check_shape(owner, name, d, shape)
            check_precision(owner, name, d, "x", steps.v)
    dy, *dends = doutputs
    return dy, *(np.zeros(s, steps.dtype) if d is None else d for s, d in zip(call.shapes[1:], dends, strict=True))


def check_arguments(owner, sizes, switches, dropout):
    """Refuse sizes that are no positive whole numbers, switches that are none, and what is no probability."""
    for name, size in zip(("input_size", "hidden_size", "num_layers"), sizes, strict=True):
        check_count(owner, 1, **{name: 0 if size is None else size})
    for name, switch in switches.items():
        if not isinstance(switch, bool | np.bool):
            raise TypeError(f"{owner}: expected {name} as True or False, got {switch!r}")
    if isinstance(dropout, bool) or not isinstance(dropout, int | float | np.number):
        raise TypeError(f"{owner}: expected dropout as a probability from 0 to 1, got {dropout!r}")
    check_probability(owner, "dropout", dropout)
    if dropout and sizes[2] == 1:
        warnings.warn(f"{owner}: dropout acts between layers; with num_layers=1 it does nothing", stacklevel=4)
