"""Are arguments that are no array read as people write them: options, dicts and lists of weights, several outputs?"""

import numpy as np
import pytest
import torch

import parity

W, B = np.array([[0.4, -1.1], [0.7, 0.3], [-0.6, 1.2]]), np.array([0.5, -0.8])


def names(report):
    assert report.ok, report
    return [row.name for row in report.rows]


def batch_norm(x, gamma, beta, options):
    """Of CS231n: statistics are written to the dict that the caller gave."""
    mu, std = x.mean(axis=0), np.sqrt(x.var(axis=0) + options.get("eps", 1e-5))
    assert options["mode"] == "train"
    assert "running_mean" not in options
    options["running_mean"] = mu
    scaled = (x - mu) / std
    return gamma * scaled + beta, (scaled, gamma, std)


def batch_norm_back(dout, cache):
    scaled, gamma, std = cache
    d = dout * gamma
    return (d - d.mean(0) - scaled * (d * scaled).mean(0)) / std, (dout * scaled).sum(0), dout.sum(0)


def test_options_are_handed_through_and_stay_as_they_are():
    options = {"mode": "train", "eps": 1e-3}
    report = parity.check((batch_norm, batch_norm_back), (5, 3), (3,), (3,), options)
    assert names(report) == ["output", "x", "gamma", "beta"]
    assert "options as given" in report.conditions
    assert options == {"mode": "train", "eps": 1e-3}


class Switched:
    def forward(self, x, training, name=None):
        assert training is True
        assert name in (None, "first")
        return 2 * x

    def backward(self, dout):
        return 2 * dout


@pytest.mark.parametrize("rest", [(True,), (True, None), (True, "first")])
def test_an_object_is_given_what_is_no_number_as_it_is(rest):
    assert names(parity.check(Switched(), (5, 3), *rest)) == ["output", "x"]


class ByName(Switched):
    """A label that is no number."""

    def forward(self, x):
        self.x = x
        return x

    def backward(self, label):
        assert label == "setosa"
        return np.sum(self.x**2)


def test_a_label_may_be_a_word():
    assert "label as given" in parity.check(ByName(), (5, 3), "setosa").conditions


def test_a_loss_is_given_what_is_no_number_as_it_is():
    def loss(z, target, reduction):
        assert reduction == "sum"
        return ((z - target) ** 2).sum(), 2 * (z - target)

    assert names(parity.check(loss, (5, 3), (5, 3), "sum")) == ["output", "z"]


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, mode, bias):
        assert mode == "twice"
        assert bias is None
        return 2 * x

    @staticmethod
    def backward(ctx, dy):
        return 2 * dy, None, None


def test_a_torch_function_is_given_what_is_no_number_as_it_is():
    report = parity.check(Doubled.apply, (5, 3), "twice", None)
    assert names(report) == ["output", "x"]
    assert "mode, bias as given" in report.conditions


def dense(x, params):
    return np.tanh(x @ params["W"] + params["b"])


def dense_back(dy, x, params):
    g = dy * (1 - dense(x, params) ** 2)
    return g @ params["W"].T, {"W": x.T @ g, "b": g.sum(axis=0)}


def flat_back(dy, x, params):
    dx, grads = dense_back(dy, x, params)
    return {"dx": dx, "dZ": dy, "dW": grads["W"], "db": grads["b"]}


def forgetful_back(dy, x, params):
    return {"dx": dense_back(dy, x, params)[0], "dWW": dy}


@pytest.mark.parametrize("params", [{"W": W, "b": B}, {"W": (3, 2), "b": (2,)}], ids=["arrays", "shapes"])
@pytest.mark.parametrize("back", [dense_back, flat_back])
def test_weights_in_a_dict_are_arrays_of_their_own(back, params):
    report = parity.check((dense, back), (5, 3), params)
    assert names(report) == ["output", "x", "params.W", "params.b"]


def test_a_twin_is_given_the_same_arguments():
    def twin(x, params):
        return torch.tanh(x @ params["W"] + params["b"])

    report = parity.check((dense, dense_back), (5, 3), {"W": W, "b": B}, against=twin)
    assert names(report) == ["output", "x", "params.W", "params.b"]


def test_a_key_that_names_nothing_is_refused():
    report = parity.check((dense, forgetful_back), (5, 3), {"W": W, "b": B})
    assert "backward returns a gradient by 'dWW'; arguments: x, params.W, params.b" in str(report)


def dict_loss(x, params):
    return 0.5 * np.sum((x @ params["W"] + params["b"]) ** 2)


def dict_gradient(x, params):
    z = x @ params["W"] + params["b"]
    return {"W": x.T @ z, "b": z.sum(axis=0)}


def test_weights_in_a_list_with_the_gradient_of_a_loss():
    def loss(params, x, y):
        w, b = params
        return np.mean((x @ w + b - y) ** 2)

    def gradient(params, x, y):
        w, b = params
        r = 2 * (x @ w + b - y) / y.size
        return [x.T @ r, r.sum(axis=0)]

    report = parity.check((loss, gradient), [W, B], (5, 3), (5, 2))
    assert names(report) == ["output", "params.0", "params.1"]
    assert "from its own loss" in report.conditions
    assert "read as a loss and its gradient" in report.conditions

    partial = parity.check(
        (dict_loss, lambda x, params: {"dW": dict_gradient(x, params)["W"]}), (5, 3), {"W": W, "b": B}
    )
    assert partial.unjudged == ("x", "params.b")

    def averaged(params, x, y):
        dw, db = gradient(params, x, y)
        return [dw, db / 5]

    report = parity.check((loss, averaged), [W, B], (5, 3), (5, 2))
    assert [row.name for row in report.rows if row.verdict == "fail"] == ["params.1"]


def test_a_bias_may_start_as_a_plain_number():
    def forward(x, params):
        return x @ params["w"] + params["b"]

    def backward(dy, x, params):
        return x.T @ dy, dy.sum()

    pair = forward, lambda *given: {"dw": backward(*given)[0], "db": backward(*given)[1]}
    assert names(parity.check(pair, (5, 3), {"w": (3,), "b": 0})) == ["output", "params.w", "params.b"]


def test_a_gradient_by_what_is_handed_through_is_refused():
    def forward(x, options):
        return x * options["scale"]

    report = parity.check((forward, lambda dy, x, options: (dy * 2, {"scale": dy.sum()})), (5, 3), {"scale": 2})
    assert "a gradient by options, which is handed through; give it float arrays" in str(report)


def test_a_gradient_that_is_built_otherwise_is_named():
    report = parity.check((dense, lambda dy, x, params: (dy @ W.T, [x.T @ dy])), (5, 3), {"W": W, "b": B})
    assert "the gradient by params must be a dict with keys W, b, as params is; got a list of 1" in str(report)


def step(x, h, w):
    c = np.tanh(x * w + h)
    return c * h, c, (x, h, w, c)


def step_back(dn, dc, cache):
    x, h, w, c = cache
    slope = (dc + dn * h) * (1 - c * c)
    return slope * w, slope + dn * c, (slope * x).sum(axis=0)


def together(x, h, w):
    *outputs, cache = step(x, h, w)
    return tuple(outputs), cache


STEPS = {
    "each alone": (step, step_back),
    "outputs in a tuple": (together, step_back),
    "both in a tuple": (together, lambda d, cache: step_back(*d, cache)),
    "gradients in a tuple": (step, lambda d, cache: step_back(*d, cache)),
    "cache first": (step, lambda cache, dn, dc: step_back(dn, dc, cache)),
}


@pytest.mark.parametrize("pair", STEPS.values(), ids=STEPS)
def test_several_outputs_before_a_cache(pair):
    report = parity.check(pair, (5, 3), (5, 3), (3,))
    assert names(report) == ["output 0", "output 1", "x", "h", "w"]
    assert "read as a pair of functions with a cache" in report.conditions


def test_a_cache_may_come_first():
    pair = (lambda x, w: (x * w, (x, w)), lambda cache, dout: (dout * cache[1], (dout * cache[0]).sum(axis=0)))
    assert names(parity.check(pair, (5, 3), (3,))) == ["output", "x", "w"]


def test_outputs_of_several_shapes_are_no_fault_of_the_subject():
    report = parity.check((lambda x, h: ((x, h), [x, h, 3]), lambda a, b, c, d: a), (5, 3), (4, 2))
    assert report.verdict == "error"
    assert "inhomogeneous" not in str(report)
    assert "expected arrays of numbers, got for the output a tuple" in str(report)
