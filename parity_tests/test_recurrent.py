"""Are RNN, LSTM and GRU torch's, in every form they take, with all states and at the edges?"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import parity
import scratch
from parity_tests.beside_torch import assert_close

drawn = settings(max_examples=25, deadline=None, derandomize=True)
RNG = np.random.default_rng(11)
KINDS = ("RNN", "LSTM", "GRU")
each_kind = pytest.mark.parametrize("kind", KINDS)
SUMS = 1e-11  # of an array's largest entry, as in beside_torch


def both(kind, *arguments, **options):
    return getattr(scratch, kind)(*arguments, rng=1, **options), getattr(nn, kind)(*arguments, **options)


def states_of(kind, *shape):
    return tuple(RNG.normal(size=shape) for _ in range(2 if kind == "LSTM" else 1))


def beside_torch(ours, twin, x, *states):
    """Outputs and all gradients of both, random upstream gradients into every output; returns ours."""
    twin = parity.to_torch(ours, twin.double()).train(ours.training)
    twin.zero_grad()
    given = [torch.tensor(array, requires_grad=True) for array in (x, *states)]
    output, end = twin(given[0], tuple(given[1:]) if len(states) == 2 else given[1] if states else None)
    theirs = [output, *(end if isinstance(end, tuple) else (end,))]
    outputs, call = ours.forward(x, *states)
    rng = np.random.default_rng(0)
    upstream = tuple(rng.normal(size=y.shape) for y in outputs)
    torch.autograd.backward(theirs, [torch.from_numpy(g) for g in upstream])
    dinputs, grads = ours.backward(upstream, call)
    for y, t in zip(outputs, theirs, strict=True):
        assert_close(y, t, SUMS, 1.0)
    for d, t in zip(dinputs if states else (dinputs,), given, strict=True):
        assert_close(d, t.grad, SUMS, 1.0)
    assert list(grads) == [name for name, _ in twin.named_parameters()]
    for name, parameter in twin.named_parameters():
        assert_close(grads[name], parameter.grad, SUMS, 1.0)
    return outputs, dinputs, grads


SIZE = st.integers(1, 4)


@drawn
@given(st.data(), st.sampled_from([*KINDS, "relu"]), SIZE, SIZE, SIZE, SIZE, st.integers(1, 3))
def test_they_are_torchs(data, kind, steps, batch, features, size, layers):
    names = ("bias", "batch_first", "bidirectional")
    options = {name: data.draw(st.booleans(), name) for name in names} | {"num_layers": layers}
    kind, options = ("RNN", options | {"nonlinearity": "relu"}) if kind == "relu" else (kind, options)
    batched, known = data.draw(st.booleans(), "batched"), data.draw(st.booleans(), "states")
    places = layers * (2 if options["bidirectional"] else 1)
    shape = (batch, steps, features) if options["batch_first"] else (steps, batch, features)
    x = RNG.normal(size=shape if batched else (steps, features))
    states = states_of(kind, places, *((batch,) if batched else ()), size) if known else ()
    beside_torch(*both(kind, features, size, **options), x, *states)


@each_kind
def test_arguments_stand_in_torchs_order(kind):
    more = ("tanh",) if kind == "RNN" else ()
    arguments = (3, 2, 2, *more, False, True, 0.0, True)
    ours, twin = both(kind, *arguments)
    assert {name: a.shape for name, a in scratch.state_dict(ours).items()} == {
        name: tuple(t.shape) for name, t in twin.state_dict().items()
    }
    beside_torch(ours, twin, RNG.normal(size=(2, 3, 3)), *states_of(kind, 4, 2, 2))


@each_kind
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize(
    "other",
    [
        np.asfortranarray,
        lambda x: np.repeat(x, 2, axis=2)[:, :, ::2],
        lambda x: np.ascontiguousarray(x[::-1, ::-1, ::-1])[::-1, ::-1, ::-1],
        lambda x: np.ascontiguousarray(x.swapaxes(0, 1)).swapaxes(0, 1),
    ],
    ids=["fortran", "strided", "reversed", "swapped"],
)
def test_any_memory_layout_gives_the_same_numbers(kind, batch_first, other):
    ours, _ = both(kind, 3, 4, batch_first=batch_first, bidirectional=True)
    x, states = RNG.normal(size=(2, 2, 3)), states_of(kind, 2, 2, 4)
    readonly = [other(a) for a in (x, *states)]
    for array in readonly:
        array.flags.writeable = False
    outputs, call = ours.forward(x, *states)
    found, later = ours.forward(*readonly)
    assert all((a == b).all() and b.flags.c_contiguous for a, b in zip(outputs, found, strict=True))
    dinputs, grads = ours.backward(outputs, call)
    again, gradients = ours.backward(tuple(map(other, outputs)), later)
    assert all((a == b).all() for a, b in zip(dinputs, again, strict=True))
    assert all((grads[name] == gradients[name]).all() and gradients[name].flags.c_contiguous for name in grads)


@each_kind
@pytest.mark.parametrize("size", [1e-8, 1e-3, 30.0, 1e3, 1e8])
def test_tiny_saturated_and_huge_inputs(kind, size):
    """Warnings are errors here."""
    x, states = size * RNG.normal(size=(4, 3, 2)), states_of(kind, 1, 3, 3)
    beside_torch(*both(kind, 2, 3), x, *states)
    ours = getattr(scratch, kind)(2, 3, rng=1, dtype="float32")
    outputs, call = ours.forward(*(a.astype(np.float32) for a in (x, *states)))
    dinputs, grads = ours.backward(tuple(map(np.ones_like, outputs)), call)
    arrays = (*outputs, *dinputs, *grads.values())
    assert all(a.dtype == np.float32 and np.isfinite(a).all() for a in arrays)
    moved = x.astype(complex)
    moved[0, 0, 0] += 1e-30j
    assert all(np.isfinite(y).all() for y in ours_in_double(ours)(moved, *states))


def ours_in_double(ours):
    other = type(ours)(ours.input_size, ours.hidden_size)
    scratch.load_state_dict(other, scratch.state_dict(ours))
    return other


@pytest.mark.parametrize("sign", [1, -1])
@each_kind
def test_saturated_units_keep_their_digits(kind, sign):
    """Sums of ±12: there, 1 − σ and 1 − tanh² are off by 1 % and by all of themselves in float32.

    A rounding of s, 12 · 6e-8, moves σ and the slopes by a share of 7e-7, and a few of them meet in a product.
    """
    x = np.full((1, 2, 1), 12.0 * sign)
    found = {}
    for dtype in ("float64", "float32"):
        layer = getattr(scratch, kind)(1, 2, rng=1, dtype=dtype)
        layer.weight_ih_l0[...], layer.weight_hh_l0[...] = 1, 0.1
        layer.bias_ih_l0[...] = layer.bias_hh_l0[...] = 0
        outputs, call = layer.forward(x.astype(dtype))
        dx, grads = layer.backward(tuple(map(np.ones_like, outputs)), call)
        found[dtype] = [*outputs, dx, *grads.values()]
    for exact, short in zip(*found.values(), strict=True):
        np.testing.assert_allclose(short, exact, rtol=1e-5)
    assert all(np.abs(a).max() > 0 for a in found["float64"][2:3])


@each_kind
def test_any_number_of_calls_may_be_pending_and_outputs_are_the_callers(kind):
    ours, twin = both(kind, 3, 3, 2)
    x, states = RNG.normal(size=(4, 2, 3)), states_of(kind, 2, 2, 3)
    first, call = ours.forward(x, *states)
    kept = [y.copy() for y in first]
    second, later = ours.forward(first[0], *first[1:])  # the same layer on what it gave, as text goes on
    last, _ = ours.backward(tuple(map(np.ones_like, second)), later)
    expected = ours.backward(tuple(last), call)
    for y in first:
        y[...] = 0
    again, grads = ours.backward(tuple(last), call)
    assert all((a == b).all() for a, b in zip(expected[0], again, strict=True))
    assert all((expected[1][name] == grads[name]).all() for name in grads)
    twin = parity.to_torch(ours, twin.double())
    leaves = [torch.tensor(a, requires_grad=True) for a in (x, *states)]
    y, end = twin(leaves[0], tuple(leaves[1:]) if kind == "LSTM" else leaves[1])
    z, final = twin(y, end)
    (z.sum() + sum(e.sum() for e in (final if kind == "LSTM" else (final,)))).backward()
    assert_close(kept[0], y, SUMS, 1.0)
    for d, leaf in zip(again, leaves, strict=True):
        assert_close(d, leaf.grad, SUMS, 1.0)
    _, of_second = ours.backward(tuple(map(np.ones_like, second)), later)
    for name, parameter in twin.named_parameters():
        assert_close(grads[name] + of_second[name], parameter.grad, SUMS, 1.0)


@each_kind
def test_a_sequence_in_two_parts_is_the_whole(kind):
    ours, _ = both(kind, 2, 3, 2)
    x = RNG.normal(size=(6, 2, 2))
    whole, *ends = ours(x)
    first, *states = ours(x[:4])
    second, *last = ours(x[4:], *states)
    np.testing.assert_allclose(np.concatenate([first, second]), whole, rtol=1e-13)
    assert all(np.allclose(a, b, rtol=1e-13) for a, b in zip(ends, last, strict=True))


@each_kind
def test_an_empty_batch_gives_empty_results(kind):
    outputs, dinputs, grads = beside_torch(*both(kind, 3, 2, bidirectional=True), np.ones((4, 0, 3)))
    assert outputs[0].shape == (4, 0, 4)
    assert dinputs.shape == (4, 0, 3)
    assert not any(g.any() for g in grads.values())


@each_kind
def test_none_is_a_gradient_of_zeros(kind):
    ours, _ = both(kind, 3, 2, 2, bidirectional=True)
    outputs, call = ours.forward(RNG.normal(size=(3, 2, 3)), *states_of(kind, 4, 2, 2))
    for k in range(len(outputs)):
        upstream = [np.ones_like(y) if i == k else np.zeros_like(y) for i, y in enumerate(outputs)]
        expected, weights = ours.backward(tuple(upstream), call)
        found, grads = ours.backward(tuple(g if i == k else None for i, g in enumerate(upstream)), call)
        assert all((a == b).all() and a.any() for a, b in zip(expected, found, strict=True))
        assert all((weights[name] == grads[name]).all() for name in weights)


def test_states_of_an_lstm_may_come_in_a_pair_as_in_torch():
    ours, _ = both("LSTM", 3, 2)
    x, (h0, c0) = RNG.normal(size=(3, 2, 3)), states_of("LSTM", 1, 2, 2)
    outputs, call = ours.forward(x, (h0, c0))
    expected, other = ours.forward(x, h0, c0)
    assert all((a == b).all() for a, b in zip(outputs, expected, strict=True))
    dx, (dh0, dc0) = ours.backward(outputs, call)[0]
    assert all((a == b).all() for a, b in zip((dx, dh0, dc0), ours.backward(outputs, other)[0], strict=True))
