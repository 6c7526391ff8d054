"""Are shapes and arguments that do not fit a norm refused by name, with what was expected?"""

import numpy as np
import pytest

import scratch

ONES = np.ones((5, 4))
REFUSED = {
    "bn-axes": (lambda: scratch.BatchNorm1d(4)(np.ones((2, 4, 3, 3))), r"BatchNorm1d: expected x of shape \(N, 4\) or"),
    "bn-channels": (lambda: scratch.BatchNorm2d(3)(np.ones((2, 4, 3, 3))), r"\(N, 3, H, W\), got \(2, 4, 3, 3\)"),
    "bn-one": (lambda: scratch.BatchNorm1d(4)(ONES[:1]), r"more than one value per channel in training, .*\(1, 4\)"),
    "bn-none": (lambda: scratch.BatchNorm1d(4)(ONES[:0]), r"more than one value per channel in training"),
    "bn-by-batch": (
        lambda: scratch.BatchNorm1d(4, track_running_stats=False).eval()(ONES[:1]),
        "more than one value per channel",
    ),
    "bn-momentum": (lambda: scratch.BatchNorm1d(4, momentum=1.5), "expected momentum from 0 to 1 or None, got 1.5"),
    "bn-eps": (lambda: scratch.BatchNorm1d(4, eps=-1.0), "expected eps as a finite number from 0 up, got -1"),
    "bn-features": (lambda: scratch.BatchNorm2d(0), "num_features as a whole number from 1 up, got 0"),
    "ln-features": (lambda: scratch.LayerNorm(3)(ONES), r"LayerNorm: expected x of shape \(..., 3\), got \(5, 4\)"),
    "ln-turned": (lambda: scratch.LayerNorm(5)(ONES), r"did you mean x\.T\?"),
    "ln-axes": (lambda: scratch.LayerNorm((2, 4))(ONES[0]), r"expected x of shape \(..., 2, 4\), got \(4,\)"),
    "ln-shape": (lambda: scratch.LayerNorm(()), r"normalized_shape as numbers from 1 up, got \(\)"),
    "ln-none": (lambda: scratch.LayerNorm(None), "normalized_shape as numbers from 1 up, got None"),
    "rms-zero": (lambda: scratch.RMSNorm((4, 0)), "normalized_shape as a whole number from 1 up, got 0"),
    "gn-uneven": (lambda: scratch.GroupNorm(3, 4), "4 channels cannot be shared evenly among 3 groups"),
    "gn-channels": (lambda: scratch.GroupNorm(2, 6)(ONES), r"expected x of shape \(N, 6, ...\), got \(5, 4\)"),
    "gn-one": (lambda: scratch.GroupNorm(4, 4)(ONES[:1]), "expected more than one value in a group"),
    "dy": (lambda: scratch.RMSNorm(4).backward(ONES[0], scratch.RMSNorm(4).forward(ONES)[1]), r"dy of shape \(5, 4\)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    call, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        call()


def test_statistics_alone_fix_the_dtype():
    with pytest.raises(TypeError, match="x is float32 but running_mean is float64"):
        scratch.BatchNorm1d(4, affine=False)(ONES.astype(np.float32))


def test_reprs_name_the_arguments():
    assert repr(scratch.BatchNorm1d(4, momentum=None, affine=False)) == (
        "BatchNorm1d(4, eps=1e-05, momentum=None, affine=False)"
    )
    assert repr(scratch.LayerNorm(4, bias=False)) == "LayerNorm((4,), eps=1e-05, bias=False)"
    assert repr(scratch.LayerNorm((2, 4), elementwise_affine=False)) == (
        "LayerNorm((2, 4), eps=1e-05, elementwise_affine=False)"
    )
    assert repr(scratch.GroupNorm(2, 4)) == "GroupNorm(2, 4, eps=1e-05)"
    assert repr(scratch.RMSNorm(4)) == "RMSNorm((4,), eps=None)"
