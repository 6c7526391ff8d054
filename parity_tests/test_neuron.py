"""Part 1 of the lecture by itself: step, perceptron rule, descent until the step is small, and what they refuse."""

import numpy as np
import pytest

import scratch

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
AND, XOR = np.array([0.0, 0, 0, 1]), np.array([0.0, 1, 1, 0])


def test_the_step_is_0_at_0():
    assert scratch.Step()(np.array([-1.0, -0.0, 0.0, 1e-300])).tolist() == [0, 0, 0, 1]


def test_no_gradient_passes_a_step():
    y, cache = scratch.Step().forward(X)
    with pytest.raises(TypeError, match="no gradient passes through a step"):
        scratch.Step().backward(y, cache)


def test_the_perceptron_learns_what_is_separable():
    perceptron = scratch.Perceptron(2)
    misses = perceptron.fit(X, AND)
    assert misses[-1] == 0
    assert perceptron(X).tolist() == AND.tolist()


def test_the_perceptron_gives_up_on_what_is_not():
    misses = scratch.Perceptron(2).fit(X, XOR, max_epochs=50)
    assert len(misses) == 50
    assert all(misses)


def test_the_perceptron_rule_on_one_row():
    perceptron = scratch.Perceptron(2)
    assert perceptron.learn(np.array([2.0, -3.0]), 1.0, 0.5)
    assert perceptron.theta().tolist() == [1.0, -1.5, 0.5]
    assert not perceptron.learn(np.array([2.0, -3.0]), 1.0, 0.5)
    assert perceptron.theta().tolist() == [1.0, -1.5, 0.5]


def test_without_a_bias():
    neuron = scratch.LogisticNeuron(2, bias=False, rng=0)
    J, grads = neuron.loss(X, AND)
    assert list(grads) == ["weight"]
    neuron.fit(X, AND, max_steps=100)
    assert neuron.loss(X, AND)[0] < J
    assert scratch.Perceptron(2, bias=False).fit(X[1:], np.array([1.0, 0, 0]))[-1] == 0


def test_watch_sees_the_start_and_every_nth_step():
    seen = []
    steps = scratch.LogisticNeuron(2, rng=0).fit(
        X, AND, max_steps=25, every=10, watch=lambda step, theta: seen.append((step, theta))
    )
    assert steps == 25
    assert [step for step, _ in seen] == [0, 10, 20, 25]
    assert len({theta.tobytes() for _, theta in seen}) == 4


def test_the_gradient_points_uphill():
    """The lecture's `gradient` returns the ascent direction of the likelihood; here descent subtracts dJ/dθ."""
    neuron = scratch.LogisticNeuron(2, rng=0)
    J, grads = neuron.loss(X, AND)
    neuron.weight = neuron.weight + 1e-4 * grads["weight"]
    assert neuron.loss(X, AND)[0] > J


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": float("nan")}, "expected lr as a positive finite number, got nan"),
        ({"threshold": 0.0}, "expected threshold as a positive finite number, got 0.0"),
        ({"lr": 1e308, "max_steps": 100}, "diverged within 100 steps; lower lr"),
    ],
)
def test_a_descent_that_cannot_end_is_refused(options, message):
    with pytest.raises(ValueError, match=message), np.errstate(all="ignore"):
        scratch.LogisticNeuron(2, rng=0).fit(1e3 * X, XOR, **options)
