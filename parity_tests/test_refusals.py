"""Is bad input refused by name, with what was expected, what came and what to do?"""

import numpy as np
import pytest
import torch

import scratch
import torch_ref
from scratch import losses

LINEAR = scratch.Linear(4, 3, rng=0)
X = np.ones((5, 4))
DZ = np.ones((5, 3))
Y, T = np.full((5, 1), 0.5), np.ones(5)
LOGITS = np.zeros((2, 3))


def backward(layer, x, dy):
    return layer.backward(dy, layer.forward(x)[1])


REFUSED = {
    # shapes
    "features": (
        lambda: LINEAR(np.ones((2, 28))),
        ValueError,
        r"Linear: expected x of shape \(\.\.\., 4\), got \(2, 28",
    ),
    "transposed": (lambda: LINEAR(np.ones((4, 9))), ValueError, r"did you mean x\.T\?"),
    "column": (lambda: scratch.Linear(1, 2)(np.ones(7)), ValueError, r"got \(7,\); did you mean x\[:, None\]\?"),
    "scalar": (lambda: LINEAR(np.array(1.0)), ValueError, r"got \(\)"),
    "neuron-3d": (lambda: scratch.Neuron(4)(np.ones((2, 5, 4))), ValueError, r"Neuron: expected x of shape \(N, 4\)"),
    "dz": (lambda: backward(LINEAR, X, np.ones((1, 3))), ValueError, r"expected dz of shape \(5, 3\), got \(1, 3\)"),
    "da": (lambda: backward(scratch.Tanh(), X, np.ones(4)), ValueError, r"Tanh: expected da of shape \(5, 4\)"),
    "n1-n": (
        lambda: losses.mse(Y, T),
        ValueError,
        r"mse: expected target of shape \(5, 1\), got \(5,\); did you mean t",
    ),
    "n-n1": (
        lambda: losses.bce(T, Y),
        ValueError,
        r"bce: expected target of shape \(5,\), got \(5, 1\); did you mean t",
    ),
    "labels": (lambda: losses.cross_entropy(LOGITS, np.array([0, 1, 2])), ValueError, r"shape \(2,\), got \(3,\)"),
    "logits-1d": (lambda: losses.cross_entropy(np.zeros(3), np.array([0])), ValueError, r"output of shape \(N, K\)"),
    # dtypes
    "integers": (
        lambda: LINEAR(np.ones((5, 4), int)),
        TypeError,
        "expected x as float32 or float64, got int64; convert",
    ),
    "booleans": (lambda: LINEAR(X > 0), TypeError, "got bool"),
    "half": (lambda: scratch.Sigmoid()(X.astype(np.float16)), TypeError, "Sigmoid: expected z as .* got float16"),
    "longdouble": (lambda: scratch.Tanh()(X.astype(np.longdouble)), TypeError, "got (float128|longdouble|float96)"),
    "object": (lambda: LINEAR(X.astype(object)), TypeError, "got object"),
    "swapped": (lambda: LINEAR(X.astype(">f8")), TypeError, "got >f8"),
    "list": (lambda: LINEAR([[1.0] * 4]), TypeError, "expected x as a NumPy array, got list; pass np.asarray"),
    "tensor": (lambda: LINEAR(torch.ones(5, 4)), TypeError, r"got Tensor; pass x\.detach\(\)\.cpu\(\)\.numpy\(\)"),
    "mixed": (lambda: LINEAR(X.astype("f")), TypeError, "x is float32 but weight is float64; convert one of them"),
    "mixed-dz": (lambda: backward(LINEAR, X, DZ.astype("f")), TypeError, "dz is float32 but weight is float64"),
    "mixed-loss": (lambda: losses.mse(Y, Y.astype("f")), TypeError, "output is float64 but target is float32"),
    "int32-labels": (
        lambda: losses.cross_entropy(LOGITS, np.array([0, 1], np.int32)),
        TypeError,
        "expected target as an int64 array, got int32",
    ),
    "float-labels": (lambda: losses.cross_entropy(LOGITS, np.array([0.0, 1.0])), TypeError, "got float64"),
    "int-target": (
        lambda: losses.bce(Y, np.ones((5, 1), int)),
        TypeError,
        "bce: expected target as float32 or float64",
    ),
    "new-dtype": (lambda: scratch.Linear(2, 2, dtype="float16"), TypeError, "expected dtype float32 or float64"),
    # values
    "label-high": (lambda: losses.cross_entropy(LOGITS, np.array([0, 3])), ValueError, r"target\[1\] is 3; .* 0\.\.2"),
    "label-negative": (lambda: losses.cross_entropy(LOGITS, np.array([-7, 0])), ValueError, r"target\[0\] is -7"),
    "logit-inf": (lambda: losses.bce_with_logits(np.array([0, np.inf]), np.ones(2)), ValueError, r"output\[1\] is inf"),
    "logit-nan": (
        lambda: losses.cross_entropy(LOGITS + np.nan, np.array([0, 1])),
        ValueError,
        r"output\[0, 0\] is nan",
    ),
    "logits-as-y": (
        lambda: losses.bce(Y * 3, Y),
        ValueError,
        r"output\[0, 0\] is 1\.5; .*for logits use bce_with_logits",
    ),
    "target-2": (lambda: losses.bce_with_logits(Y, Y * 4), ValueError, "labels are 0 or 1"),
    "half-label": (
        lambda: scratch.LogisticNeuron(4).fit(X, T / 2),
        ValueError,
        r"target\[0\] is 0\.5; labels are 0 or 1",
    ),
    "empty-mean": (lambda: losses.mse(np.ones((0, 3)), np.ones((0, 3))), ValueError, "mean over an empty batch"),
    "empty-fit": (lambda: scratch.Perceptron(4).fit(X[:0], T[:0]), ValueError, "an empty batch has no loss"),
    "nan-fit": (lambda: scratch.LogisticNeuron(4).fit(X * np.nan, T), ValueError, r"x\[0, 0\] is nan"),
    "reduction": (lambda: losses.mse(Y, Y, "avg"), ValueError, "expected reduction .* got 'avg'"),
    # arguments
    "one-size": (lambda: scratch.models.mlp((4,)), ValueError, r"mlp: expected at least two sizes .* got \(4,\)"),
    "one-size-torch": (
        lambda: torch_ref.models.mlp((4,)),
        ValueError,
        r"mlp: expected at least two sizes .* got \(4,\)",
    ),
    "no-features": (lambda: scratch.Linear(0, 3), ValueError, "Linear: expected in_features as a whole number from 1"),
    "sizes": (
        lambda: scratch.models.mlp(4, 3),
        TypeError,
        r"mlp: expected sizes as one tuple, \(4, 16, 3\) say, got 4",
    ),
    "a net as a path": (lambda: scratch.save(scratch.Linear(2, 2), "x.npz"), TypeError, "save: expected a path first"),
    "a net as its state": (
        lambda: scratch.load_state_dict(scratch.Linear(2, 2), scratch.Linear(2, 2)),
        TypeError,
        r"load_state_dict: expected \{name: array\}, got a Linear; pass scratch.state_dict",
    ),
    "torch-dtype": (lambda: torch_ref.models.mlp((4, 3), dtype="int8"), TypeError, "expected dtype .* got int8"),
    "layers-in-a-list": (
        lambda: scratch.Sequential([LINEAR]),
        TypeError,
        "expected layers .* got a list at 0",
    ),
    "layer-class": (
        lambda: scratch.Sequential(LINEAR, scratch.ReLU),
        TypeError,
        "argument 1 is the class ReLU; pass",
    ),
    "activation-object": (lambda: scratch.models.mlp((2, 3, 1), scratch.ReLU()), TypeError, r"got ReLU\(\)"),
    "activation-object-torch": (lambda: torch_ref.models.mlp((2, 3, 1), torch.nn.ReLU()), TypeError, r"got ReLU\(\)"),
    "sgd-net": (
        lambda: scratch.optim.SGD(LINEAR, 0.1),
        TypeError,
        r"expected params as scratch\.named_param",
    ),
    "lr": (lambda: scratch.optim.SGD({}, lr=-1.0), ValueError, "expected lr as a positive finite number, got -1"),
    "grads-shape": (
        lambda: scratch.optim.SGD({"V": X, "W": X}, 0.1).step({"V": X, "W": X[0]}),
        ValueError,
        r"SGD: expected W of shape \(5, 4\), got \(4,\)",
    ),
    "nan-target": (lambda: losses.mse(Y, Y * np.nan), ValueError, r"mse: target\[0, 0\] is nan"),
    "matrix": (lambda: losses.mse(X.view(np.matrix), X.view(np.matrix)), TypeError, "as a NumPy array, got matrix"),
    "masked": (lambda: LINEAR(np.ma.masked_equal(X, 1)), TypeError, "as a NumPy array, got MaskedArray"),
    "half-a-step": (lambda: scratch.LogisticNeuron(4).fit(X, T, max_steps=2.5), ValueError, "max_steps as a whole"),
    "every-0": (lambda: scratch.LogisticNeuron(4).fit(X, T, every=0), ValueError, "every as a whole number from 1 up"),
    "perceptron-lr": (lambda: scratch.Perceptron(4).fit(X, T, lr=np.inf), ValueError, "lr as a positive finite number"),
    "state-text": (
        lambda: scratch.load_state_dict(LINEAR, {"weight": X[:3], "bias": np.array(["1", "2", "3"])}),
        TypeError,
        "load_state_dict: expected bias as real numbers",
    ),
    "grads": (
        lambda: scratch.optim.SGD({"W": X}, 0.1).step({"V": X}),
        ValueError,
        "parameters and gradients differ in V, W",
    ),
    "label-of-example": (lambda: scratch.data.worked_example(2), ValueError, "expected label 0 or 1, got 2"),
    "constant-column": (lambda: scratch.data.standardise(X), ValueError, "column 0 is constant"),
    "state-names": (
        lambda: scratch.load_state_dict(LINEAR, {"weight": X[:3], "b": T}),
        ValueError,
        "load_state_dict: missing bias; unexpected b",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message) as caught:
        call()
    assert len(str(caught.value).splitlines()) == 1


def test_an_update_is_whole_or_not_at_all():
    first, second = np.zeros(2), np.zeros(3)
    with pytest.raises(ValueError, match="expected second"):
        scratch.optim.SGD({"first": first, "second": second}, 0.1).step({"first": np.ones(2), "second": np.ones(1)})
    assert not first.any()


def test_nan_is_not_hidden_by_relu():
    assert np.isnan(scratch.ReLU()(np.array([np.nan])))[0]


def test_an_empty_batch_gives_an_empty_result():
    net = scratch.models.mlp((4, 5, 3), rng=0)
    y, caches = net.forward(np.ones((0, 4)))
    dx, grads = net.backward(y, caches)
    assert (y.shape, dx.shape) == ((0, 3), (0, 4))
    assert not any(gradient.any() for gradient in grads.values())


@pytest.mark.parametrize(
    "x",
    [
        np.asfortranarray(np.arange(20.0).reshape(5, 4)),
        np.arange(20.0).reshape(5, 4)[::-1, ::-1],
        np.arange(40.0).reshape(5, 8)[:, ::2],
    ],
    ids=["fortran", "reversed", "strided"],
)
def test_any_memory_layout_gives_the_same_numbers(x):
    net = scratch.models.mlp((4, 5, 3), rng=0)
    readonly = x.copy()
    readonly.flags.writeable = False
    y, caches = net.forward(x)
    expected, expected_caches = net.forward(readonly)
    assert y == pytest.approx(expected, rel=1e-15)
    dx, _ = net.backward(np.ones_like(y), caches)
    assert dx == pytest.approx(net.backward(np.ones_like(y), expected_caches)[0], rel=1e-14)
