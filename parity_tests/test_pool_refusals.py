"""Is what pooling and Flatten cannot take refused by name, with what was expected and what came?"""

import numpy as np
import pytest

import scratch
from parity_tests.test_pool import LAYERS, every_layer

X = np.ones((2, 3, 4, 5))
REFUSED = {
    "vector": (
        lambda: scratch.MaxPool1d(2)(X[0, 0, 0]),
        r"MaxPool1d: expected x of shape \(N, C, L\) or \(C, L\), .* got \(5,",
    ),
    "axes": (
        lambda: scratch.AvgPool2d(2)(X[0, 0]),
        r"AvgPool2d: expected x of shape \(N, C, H, W\) or \(C, H, W\), .* got \(4,",
    ),
    "no-pixels": (lambda: scratch.AdaptiveAvgPool2d(1)(X[..., :0]), r"only N may be 0, got \(2, 3, 4, 0\)"),
    "small": (lambda: scratch.MaxPool2d(5)(X), r"MaxPool2d: expected x with at least \(5, 5\) pixels, .* got \(4, 5\)"),
    "small-dilated": (
        lambda: scratch.MaxPool2d(2, dilation=4)(X),
        r"at least \(5, 5\) pixels, padding included, got \(4, 5\)",
    ),
    "small-average": (lambda: scratch.AvgPool2d((1, 6))(X), r"AvgPool2d: expected x with at least \(1, 6\) pixels"),
    "padding": (
        lambda: scratch.MaxPool2d(3, padding=2),
        r"padding of at most half of kernel_size \(3, 3\), got \(2, 2\)",
    ),
    "padding-average": (
        lambda: scratch.AvgPool1d(1, padding=1),
        r"AvgPool1d: expected padding of at most half of kernel",
    ),
    "kernel": (lambda: scratch.MaxPool1d(0), "MaxPool1d: expected kernel_size as a whole number from 1 up, got 0"),
    "stride": (lambda: scratch.AvgPool2d(2, 0), "expected stride as a whole number or 2 of them, from 1 up, got 0"),
    "dilation": (lambda: scratch.MaxPool2d(2, dilation=(1, 0)), r"expected dilation as .* got \(1, 0\)"),
    "divisor": (
        lambda: scratch.AvgPool2d(2, divisor_override=0),
        "divisor_override as a whole number other than 0, got 0",
    ),
    "output-size": (lambda: scratch.AdaptiveAvgPool2d((2, 0)), r"expected output_size as .* from 1 up, got \(2, 0\)"),
    "output-sizes": (
        lambda: scratch.AdaptiveAvgPool2d((2,)),
        r"AdaptiveAvgPool2d: expected output_size as .* got \(2,\)",
    ),
    "dy": (
        lambda: backward(scratch.MaxPool2d(2), X),
        r"MaxPool2d: expected dy of shape \(2, 3, 2, 2\), got \(2, 3, 4, 5\)",
    ),
    "dy-average": (lambda: backward(scratch.AvgPool2d(2), X), r"AvgPool2d: expected dy of shape \(2, 3, 2, 2\)"),
    "dy-adaptive": (lambda: backward(scratch.AdaptiveAvgPool2d(3), X), r"expected dy of shape \(2, 3, 3, 3\)"),
    "dy-flatten": (
        lambda: backward(scratch.Flatten(), X),
        r"Flatten: expected dy of shape \(2, 60\), got \(2, 3, 4, 5\)",
    ),
    "flatten-vector": (
        lambda: scratch.Flatten()(X[0, 0, 0]),
        r"Flatten\(\): expected x with axes 1 to -1, got shape \(5,\)",
    ),
    "flatten-order": (
        lambda: scratch.Flatten(2, 1)(X),
        r"Flatten\(start_dim=2, end_dim=1\): expected x with axes 2 to 1",
    ),
    "flatten-axis": (lambda: scratch.Flatten(1.0), r"Flatten: expected start_dim as a whole number, got 1\.0"),
}


def backward(layer, x):
    return layer.backward(x, layer.forward(x)[1])


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    call, message = REFUSED[name]
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert len(str(caught.value).splitlines()) == 1


@every_layer
def test_other_dtypes_are_refused(name):
    layer, shape = LAYERS[name]
    x = np.ones(shape)
    y, cache = layer.forward(x)
    who = type(layer).__name__
    for call, message in (
        (lambda: layer(x.astype(int)), f"{who}: expected x as float32 or float64, got int64"),
        (lambda: layer.backward(y.astype(int), cache), f"{who}: expected dy as float32 or float64, got int64"),
        (lambda: layer.backward(y.astype("f"), cache), f"{who}: dy is float32 but x is float64"),
    ):
        with pytest.raises(TypeError, match=message):
            call()


def test_return_indices_is_left_out():
    with pytest.raises(TypeError, match="return_indices"):
        scratch.MaxPool2d(2, return_indices=True)
    with pytest.raises(TypeError, match="positional"):
        scratch.MaxPool2d(2, 2, 0, 1, True)  # torch's fifth is return_indices, its sixth ceil_mode


def test_reprs_name_the_arguments():
    assert repr(scratch.MaxPool1d(3, 2, 1, dilation=2)) == "MaxPool1d((3,), stride=(2,), padding=(1,), dilation=(2,))"
    assert repr(scratch.MaxPool2d(2, ceil_mode=True)) == "MaxPool2d((2, 2), ceil_mode=True)"
    assert repr(scratch.AvgPool1d(2, count_include_pad=False)) == "AvgPool1d((2,), count_include_pad=False)"
    assert repr(scratch.AvgPool2d(2, 1, divisor_override=3)) == "AvgPool2d((2, 2), stride=(1, 1), divisor_override=3)"
    assert repr(scratch.AdaptiveAvgPool2d((None, 2))) == "AdaptiveAvgPool2d((None, 2))"
    assert repr(scratch.Flatten(0)) == "Flatten(start_dim=0)"
