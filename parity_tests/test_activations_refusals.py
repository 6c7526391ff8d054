"""Is what activations do not take refused by name?"""

import numpy as np
import pytest

import scratch
from parity_tests.test_activations import both

LIST, ROWS = np.arange(3), np.ones((2, 3))
REFUSED = {
    "slope": (lambda: scratch.LeakyReLU(np.nan), "LeakyReLU: expected negative_slope as a finite number, got nan"),
    "alpha": (lambda: scratch.ELU(np.inf), "ELU: expected alpha as a finite number, got inf"),
    "alpha-none": (lambda: scratch.ELU(None), "ELU: expected alpha as a finite number, got None"),
    "how": (lambda: scratch.GELU("erf"), 'GELU: expected approximate "none" or "tanh", got \'erf\''),
    "beta": (lambda: scratch.Softplus(0.0), "Softplus: expected beta as a positive finite number, got 0.0"),
    "threshold": (lambda: scratch.Softplus(1.0, np.nan), "Softplus: expected threshold as a finite number, got nan"),
    "dim-none": (lambda: scratch.Softmax(), "Softmax: dim must be given .* pass dim=-1 for the last axis"),
    "dim-float": (lambda: scratch.LogSoftmax(1.0), "LogSoftmax: expected dim as a whole number, got 1.0"),
    "dim-far": (lambda: scratch.Softmax(2)(ROWS), r"Softmax: dim 2 is not an axis of z, which has shape \(2, 3\)"),
    "dim-scalar": (lambda: scratch.Softmax(0)(np.array(1.0)), "dim 0 is not an axis of z"),
    "int": (lambda: scratch.GELU()(LIST), "GELU: expected z as float32 or float64, got int64"),
    "int-softmax": (lambda: scratch.Softmax(0)(LIST), "Softmax: expected z as float32 or float64, got int64"),
    "int-step": (lambda: scratch.Step()(LIST), "Step: expected z as float32 or float64, got int64"),
    "da": (lambda: both(scratch.SiLU(), ROWS, ROWS[0]), r"SiLU: expected da of shape \(2, 3\), got \(3,\)"),
    "da-log": (lambda: both(scratch.LogSoftmax(1), ROWS, ROWS[:1]), r"LogSoftmax: expected da of shape \(2, 3\)"),
    "mixed": (lambda: both(scratch.Softmax(1), ROWS, ROWS.astype("f")), "Softmax: da is float32 but z is float64"),
}
TYPE = {"dim-none", "dim-float", "int", "int-softmax", "int-step", "mixed"}  # TypeError, the others ValueError


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    call, message = REFUSED[name]
    with pytest.raises(TypeError if name in TYPE else ValueError, match=message):
        call()
