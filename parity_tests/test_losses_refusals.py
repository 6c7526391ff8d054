"""Is what losses do not take refused by name, in one line?"""

from functools import partial

import numpy as np
import pytest
import torch

import torch_ref
from parity_tests.test_losses import LABELS
from scratch import losses

ONE, Z, LABEL = np.ones((2, 3)), np.zeros((2, 3)), LABELS[:2]
CE, NLL, WEIGHTED = losses.cross_entropy, losses.nll, partial(losses.bce_with_logits, Z, ONE)
REFUSED = {
    "delta": (lambda: losses.huber(ONE, ONE, delta=0.0), "huber: expected delta as a positive finite number"),
    "signs": (lambda: losses.hinge(ONE, Z), r"hinge: target\[0, 0\] is 0\.0; .* make 2 \* target - 1"),
    "signs-2": (lambda: losses.perceptron(ONE, 2 * ONE), r"perceptron: target\[0, 0\] is 2\.0"),
    "smoothing": (lambda: CE(Z, LABEL, label_smoothing=1.5), "expected label_smoothing in 0..1, got 1.5"),
    "smoothing-nan": (lambda: CE(Z, LABEL, label_smoothing=np.nan), "expected label_smoothing in 0..1, got nan"),
    "shares": (lambda: CE(Z, 2 * ONE), r"target\[0, 0\] is 2\.0; .* in 0\.\.1; class probabilities are"),
    "shares-nan": (lambda: CE(Z, ONE * np.nan), r"target\[0, 0\] is nan"),
    "shares-1d": (lambda: CE(Z[0], ONE[0]), r"expected output of shape \(N, K\), .* got \(3,\)"),
    "type-shares": (lambda: CE(Z, ONE.astype("f")), "output is float64 but target is float32"),
    "label": (lambda: NLL(Z, np.array([0, 3])), r"nll: target\[1\] is 3; .* 0\.\.2; output has 3 classes"),
    "label-negative": (lambda: CE(Z, np.array([-1, 0])), r"target\[0\] is -1"),
    "label-kept": (lambda: CE(Z, np.array([-1, 7]), ignore_index=-1), r"target\[1\] is 7"),
    "type-ignore": (lambda: NLL(Z, LABEL, ignore_index=0.5), "expected ignore_index as a whole number, got 0.5"),
    "no-classes": (lambda: NLL(np.ones((2, 0)), LABEL), r"expected output of shape \(N, K\), .* got \(2, 0\)"),
    "nll-inf": (lambda: NLL(Z - np.inf, LABEL), r"nll: output\[0, 0\] is -inf"),
    "weight": (lambda: WEIGHTED(pos_weight=np.ones(2)), r"pos_weight of shape \(\) or \(3,\), got \(2,\)"),
    "weight-negative": (lambda: WEIGHTED(pos_weight=np.array(-1.0)), "weights are 0 or more"),
    "type-weight": (lambda: WEIGHTED(pos_weight=2.0), "expected pos_weight as a NumPy array, got float"),
    "type-weight-single": (lambda: WEIGHTED(pos_weight=np.ones(3, "f")), "pos_weight is float32 but output is float64"),
    "reduction": (lambda: NLL(Z, LABEL, reduction="avg"), "nll: expected reduction .* got 'avg'"),
    "reduction-torch": (lambda: torch_ref.losses.hinge(torch.ones(2), torch.ones(2), "avg"), "got 'avg'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    call, message = REFUSED[name]
    with pytest.raises(TypeError if name.startswith("type") else ValueError, match=message) as caught:
        call()
    assert len(str(caught.value).splitlines()) == 1
