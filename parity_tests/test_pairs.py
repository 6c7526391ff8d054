"""Are pairs of functions read in both styles, whatever their backward returns?"""

from functools import partial, wraps

import numpy as np
import pytest
from torch import nn

import parity


def affine(x, w, b):
    return x @ w + b


def back(dz, x, w, b):
    return dz @ w.T, x.T @ dz, dz.sum(axis=0)


def with_cache(x, w, b):
    return affine(x, w, b), (x, w, b)


def back_from_cache(dz, cache):
    return back(dz, *cache)


STYLES = {
    "arguments": (affine, back),
    "cache": (with_cache, back_from_cache),
    "cache-of-another-name": (with_cache, lambda dz, given: back(dz, *given)),
    "dict": (affine, lambda dz, x, w, b: dict(zip(("x", "w", "b"), back(dz, x, w, b), strict=True))),
    "dict-of-dx": (affine, lambda dz, x, w, b: dict(zip(("dx", "dw", "db"), back(dz, x, w, b), strict=True))),
    "list": (affine, lambda dz, *given: list(back(dz, *given))),
    "any-number": (lambda *given: affine(*given), lambda dz, *given: back(dz, *given)),
    "fixed": (partial(lambda x, w, b, scale: affine(x, w, b) * scale, scale=1.0), back),
    "keyword-alone": (lambda x, w, b, *, scale=1.0: affine(x, w, b) * scale, back),
}


@pytest.mark.parametrize("against", [None, lambda x, w, b: x @ w + b, nn.Linear(4, 3)], ids=["numeric", "f", "module"])
@pytest.mark.parametrize("style", STYLES)
def test_both_styles_are_read(style, against):
    report = parity.check(STYLES[style], (5, 4), (4, 3), (3,), against=against)
    assert report.ok, report
    assert [row.kind for row in report.rows] == ["output", "input", "input", "input"]


def spoiled(backward):
    """The same backward with every gradient off by a thousandth."""

    @wraps(backward)
    def off(*given):
        returned = backward(*given)
        if isinstance(returned, dict):
            return {key: gradient * 1.001 for key, gradient in returned.items()}
        if isinstance(returned, tuple | list):
            return tuple(None if gradient is None else gradient * 1.001 for gradient in returned)
        return returned * 1.001

    return off


@pytest.mark.parametrize("style", STYLES)
def test_a_wrong_gradient_is_seen_in_every_style(style):
    forward, backward = STYLES[style]
    report = parity.check((forward, spoiled(backward)), (5, 4), (4, 3), (3,))
    assert [row.verdict for row in report.rows] == ["pass", "fail", "fail", "fail"]


def tanh(x):
    return np.tanh(x)


def right_and_wrong(forward, backward, *inputs):
    """The report on a pair that passes, and does not once it is spoiled."""
    right = parity.check((forward, backward), *inputs)
    assert right.ok, right
    assert parity.check((forward, spoiled(backward)), *inputs).verdict == "fail"
    return right


def test_a_cache_that_is_the_input_itself():
    right_and_wrong(lambda x: (np.maximum(x, 0), x), lambda dy, x: dy * (x > 0), (5, 4))


@pytest.mark.parametrize(
    "backward",
    [lambda dy, y: dy * (1 - y * y), lambda dy, out: dy * (1 - out * out), lambda g, output: g * (1 - output * output)],
)
def test_backward_may_take_the_output(backward):
    right_and_wrong(tanh, backward, (5, 4))


def test_backward_may_take_inputs_and_the_output():
    right_and_wrong(lambda x, s: s * np.tanh(x), lambda dy, x, s, y: (dy * (s - y * y / s), dy * y / s), (5, 4), (5, 4))


def test_an_input_that_is_called_y_is_no_output():
    right_and_wrong(lambda y: y * y, lambda dz, y: 2 * dz * y, (5, 4))
    right_and_wrong(lambda p, y: (p - y) ** 2, lambda dz, p, y: (2 * dz * (p - y), -2 * dz * (p - y)), (5, 4), (5, 4))


def test_functions_may_share_variables():
    kept = {}

    def forward(x):
        kept["y"] = np.tanh(x)
        return kept["y"]

    right_and_wrong(forward, lambda dy: dy * (1 - kept["y"] ** 2), (5, 4))


def both(x):
    return np.sin(x), x * x


def test_two_outputs_have_two_upstream_gradients():
    together = right_and_wrong(both, lambda dy, x: dy[0] * np.cos(x) + 2 * x * dy[1], (5, 4))
    right_and_wrong(both, lambda da, db, x: da * np.cos(x) + 2 * x * db, (5, 4))
    right_and_wrong(lambda x: list(both(x)), lambda dy, x: dy[0] * np.cos(x) + 2 * x * dy[1], (5, 4))
    right_and_wrong(
        lambda x: (both(x), np.cos(x)), lambda dy, cache: dy[0] * cache + 2 * np.arccos(cache) * dy[1], positive()
    )
    assert [row.name for row in together.rows] == ["output 0", "output 1", "x"]


def positive():
    return np.random.default_rng(0).uniform(0.3, 2.8, (5, 4))


def embedding(index, table):
    return table[index]


def scattered(dy, index, table):
    gradient = np.zeros_like(table)
    np.add.at(gradient, index, dy)
    return None, gradient


@pytest.mark.parametrize("backward", [scattered, lambda dy, i, t: scattered(dy, i, t)[1]], ids=["None", "left out"])
def test_integer_inputs_have_no_gradient(backward):
    report = right_and_wrong(embedding, backward, np.array([0, 2, 2, 1]), (4, 3))
    assert [row.name for row in report.rows] == ["output", "table"]
    assert report.unjudged == ()


def test_a_gradient_by_integers_that_nobody_can_judge_is_said():
    report = parity.check((lambda x, w: x @ w, lambda dy, x, w: (-7 * dy @ w.T, x.T @ dy)), [[1, 2], [3, 4]], (2, 3))
    assert report.unjudged == report.integers == ("x",)
    assert "not judged: x holds integers; give floats, or a shape such as (4,) for random ones" in str(report)
    assert report.to_dict()["integers"] == ["x"]


def test_what_has_no_gradient_is_said():
    report = right_and_wrong(
        lambda z, t: np.mean((z - t) ** 2), lambda g, z, t: (2 * g * (z - t) / z.size, None), (5, 4), (5, 4)
    )
    assert report.unjudged == ("t",)
    assert "not judged, since backward gives no gradient: t" in str(report)


def test_scalars_and_plain_numbers_are_taken():
    right_and_wrong(lambda x: x * x, lambda dy, x: 2 * dy * x, 1.5)
    right_and_wrong(lambda x: np.sum(x * x), lambda dy, x: 2 * dy * x, [1.0, -2.0, 3.0])
    right_and_wrong(lambda x: float(np.sum(x * x)), lambda dy, x: 2 * dy * x, (3, 2))


def test_strange_gradients_are_named():
    cases = {
        "returns a gradient by 'z'; arguments: x": lambda dy, x: {"z": dy},
        "forward takes 1 inputs": lambda dy, x: (dy, dy),
        "the gradient by x an array of object": lambda dy, x: dy.astype(object),
        "missing 1 required positional argument": lambda dy, x, w: dy,
    }
    for message, backward in cases.items():
        report = parity.check((tanh, backward), (5, 4))
        assert report.verdict == "error"
        assert message in str(report)


@pytest.mark.parametrize("constant", [np.ones_like, np.floor])
def test_a_gradient_that_should_be_0_has_no_factor_that_makes_it_right(constant):
    report = parity.check((constant, lambda dy, x: 2 * x * dy), (5, 4))
    assert report.verdict == "fail"
    assert "constant-factor" not in {finding.code for finding in report.causes}
