"""Is what a convolution cannot take refused by name, with what was expected, what came and what was meant?"""

import numpy as np
import pytest

import scratch
from parity_tests.test_conv import LAYERS, every_layer

CONV = scratch.Conv2d(3, 2, 3, rng=0)
X = np.ones((2, 3, 4, 5))
REFUSED = {
    "channels": (
        lambda: CONV(X[:, :2]),
        r"Conv2d: expected x of shape \(N, 3, H, W\) or \(3, H, W\), .* got \(2, 2, 4",
    ),
    "channels-last": (lambda: CONV(np.ones((2, 4, 5, 3))), r"did you mean np\.moveaxis\(x, -1, -3\)\?"),
    "grey-images": (
        lambda: scratch.Conv2d(1, 2, 3)(np.ones((6, 8, 8))),
        r"got \(6, 8, 8\); did you mean x\[:, None\]\?",
    ),
    "grey-image": (lambda: scratch.Conv2d(1, 2, 3)(np.ones((8, 8))), r"got \(8, 8\); did you mean x\[None\]\?"),
    "axes": (lambda: CONV(np.ones((2, 3, 4, 5, 1))), r"or \(3, H, W\), only N may be 0, got \(2, 3, 4, 5, 1\)$"),
    "no-pixels": (lambda: CONV(np.ones((2, 3, 0, 5))), r"only N may be 0, got \(2, 3, 0, 5\)"),
    "small": (
        lambda: CONV(np.ones((2, 3, 2, 5))),
        r"Conv2d: expected x with at least \(3, 3\) pixels, .* got \(2, 5\)",
    ),
    "dz": (
        lambda: CONV.backward(X, CONV.forward(X)[1]),
        r"Conv2d: expected dz of shape \(2, 2, 2, 3\), got \(2, 3, 4, 5\)",
    ),
    "dz-transpose": (
        lambda: (up := scratch.ConvTranspose2d(3, 2, 3)).backward(X, up.forward(X)[1]),
        r"ConvTranspose2d: expected dz of shape \(2, 2, 6, 7\), got",
    ),
    "channels-transpose": (
        lambda: scratch.ConvTranspose2d(2, 3, 3)(X),
        r"ConvTranspose2d: expected x of shape \(N, 2, H",
    ),
    "all-cut-off": (
        lambda: scratch.ConvTranspose2d(3, 1, 1, padding=2)(X),
        r"expected less padding than \(2, 2\) for x of",
    ),
    "kernel": (
        lambda: scratch.Conv2d(1, 1, 0),
        "expected kernel_size as a whole number or 2 of them, from 1 up, got 0",
    ),
    "kernel-of-three": (lambda: scratch.Conv2d(1, 1, (3, 3, 3)), r"or 2 of them, from 1 up, got \(3, 3, 3\)"),
    "kernel-half": (
        lambda: scratch.Conv1d(1, 1, 1.5),
        r"Conv1d: expected kernel_size as a whole number from 1 up, got 1\.5",
    ),
    "stride": (lambda: scratch.Conv1d(1, 1, 3, stride=0), "expected stride as a whole number from 1 up, got 0"),
    "dilation": (lambda: scratch.Conv1d(1, 1, 3, dilation=True), "expected dilation as .* got True"),
    "padding": (lambda: scratch.Conv2d(1, 1, 3, padding=-1), "expected padding as .* from 0 up, got -1"),
    "padding-word": (
        lambda: scratch.Conv2d(1, 1, 3, padding="full"),
        "expected padding as numbers, 'same' or .* got 'full'",
    ),
    "same-strided": (lambda: scratch.Conv2d(1, 1, 3, 2, "same"), r"keeps the size only with stride 1, got \(2, 2\)"),
    "padding-mode": (
        lambda: scratch.Conv2d(1, 1, 3, padding_mode="reflect"),
        "Conv2d: expected padding_mode 'zeros', the only one here, got 'reflect'",
    ),
    "mode-transpose": (lambda: scratch.ConvTranspose2d(1, 1, 3, padding_mode="circular"), "got 'circular'"),
    "groups": (lambda: scratch.Conv2d(3, 2, 3, groups=2), "expected in_channels as a multiple of groups = 2, got 3"),
    "groups-out": (
        lambda: scratch.Conv2d(2, 3, 3, groups=2),
        "expected out_channels as a multiple of groups = 2, got 3",
    ),
    "no-channels": (lambda: scratch.Conv2d(0, 3, 3), "expected in_channels as a whole number from 1 up, got 0"),
    "output-padding": (
        lambda: scratch.ConvTranspose2d(1, 1, 3, 2, output_padding=2),
        r"expected output_padding smaller than stride \(2, 2\) or dilation \(1, 1\), got \(2, 2\)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    call, message = REFUSED[name]
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert len(str(caught.value).splitlines()) == 1


@every_layer
def test_other_dtypes_are_refused(name):
    ours, _, shape = LAYERS[name]
    layer, x = ours(), np.ones(shape)
    z, cache = layer.forward(x)
    who = type(layer).__name__
    for call, message in (
        (lambda: layer(x.astype(int)), f"{who}: expected x as float32 or float64, got int64"),
        (lambda: layer(x.astype("f")), f"{who}: x is float32 but weight is float64"),
        (lambda: layer.backward(z.astype("f"), cache), f"{who}: dz is float32 but weight is float64"),
        (lambda: type(layer)(1, 1, 1, dtype="float16"), f"{who}: expected dtype float32 or float64, got float16"),
    ):
        with pytest.raises(TypeError, match=message):
            call()


def test_reprs_name_the_arguments():
    assert repr(scratch.Conv1d(2, 4, 3, groups=2, bias=False)) == "Conv1d(2, 4, (3,), groups=2, bias=False)"
    assert repr(scratch.Conv2d(1, 8, 3, padding="same")) == "Conv2d(1, 8, (3, 3), padding='same')"
    assert repr(scratch.Conv2d(1, 8, 3, 2, dilation=2)) == "Conv2d(1, 8, (3, 3), stride=(2, 2), dilation=(2, 2))"
    up = scratch.ConvTranspose2d(4, 2, 3, 2, 1, 1)
    assert repr(up) == "ConvTranspose2d(4, 2, (3, 3), stride=(2, 2), padding=(1, 1), output_padding=(1, 1))"
    again = eval(repr(up), {"ConvTranspose2d": scratch.ConvTranspose2d})
    assert repr(again) == repr(up)
