"""Are the layers in which mistakes are planted right, and does nothing find a cause in them?"""

import numpy as np
import pytest

from parity.diagnosis.structure import structural
from parity.witnesses.numeric import Numeric
from parity_tests import structures as right
from parity_tests import structures_in_steps as steps
from parity_tests.diagnosed import trial_of

INDEX = np.array([3, 1, 3, 0, 1, 3])
LABELS = np.array([0, 2, 1, 2, 2, 0])
SUBJECTS = {
    "dense": (right.Dense(), (6, 4)),
    "softmax": (right.Softmax(), (4, 3)),
    "log-softmax": (right.LogSoftmax(), (4, 3)),
    "cross-entropy": (right.CrossEntropy(), (6, 3), LABELS),
    "cross-entropy of one-hot": (right.cross_entropy_of_one_hot, (6, 3), np.eye(3)[LABELS]),
    "layer norm": (right.LayerNorm(), (4, 5)),
    "batch norm": (right.BatchNorm(), (4, 5)),
    "RMS norm": (right.RMSNorm(), (4, 5)),
    "embedding": (right.Embedding(), INDEX),
    "conv1d": (steps.Conv1d(stride=2, padding=1), (2, 2, 7)),
    "max pool": (steps.MaxPool2d(), (2, 5, 4)),
    "RNN": (steps.RNN(), (3, 4, 2)),
    "LSTM": (steps.LSTM(), (2, 3, 2)),
    "attention": (steps.Attention(), (2, 4, 3)),
    "residual": (right.Residual(), (5, 4)),
    "tied": (right.Tied(), (5, 4)),
}


@pytest.mark.parametrize("name", SUBJECTS)
def test_they_are_right(name):
    subject, *inputs = SUBJECTS[name]
    trial = trial_of(subject, subject, inputs)
    wanted = [key for key in trial.truth if key[0] != "output"]
    numeric = Numeric(trial.hand, wanted).run(trial.arrays, trial.upstream)
    for key in wanted:
        # where the forward takes no complex numbers, central differences keep some nine digits
        np.testing.assert_allclose(trial.truth[key], numeric[key], rtol=1e-6, atol=1e-8)
    assert structural(trial) == []
