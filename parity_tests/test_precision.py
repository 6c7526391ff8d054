"""Is nothing computed in less than was asked for during a check, and is every switch as it was afterwards?"""

import pytest
import torch

from parity.witnesses.precision import full_precision, precision_note


def switches():
    matmul, newer = torch.backends.cuda.matmul, [("generic", "all"), ("cuda", "matmul"), ("cuda", "conv")]
    newer += [("cuda", "all"), ("cuda", "rnn"), ("mkldnn", "matmul"), ("mkldnn", "conv")]
    sums = ("fp16_reduced_precision_reduction", "bf16_reduced_precision_reduction", "fp16_accumulation")
    return [
        *(torch._C._get_fp32_precision_getter(*place) for place in newer),
        *(getattr(matmul, f"allow_{name}") for name in sums),
    ]


def older():
    return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32


SETTINGS = {
    "as it is": lambda: None,
    "medium": lambda: torch.set_float32_matmul_precision("medium"),
    "high": lambda: torch.set_float32_matmul_precision("high"),
    "cudnn": lambda: setattr(torch.backends.cudnn, "allow_tf32", False),
    "newer": lambda: setattr(torch.backends, "fp32_precision", "tf32"),
    "one part": lambda: setattr(torch.backends.cudnn.conv, "fp32_precision", "tf32"),
    "short sums": lambda: setattr(torch.backends.cuda.matmul, "allow_fp16_accumulation", True),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_full_precision_inside_and_all_as_it_was_afterwards(name):
    with full_precision():  # the outer one puts back what the test sets
        SETTINGS[name]()
        before = switches()
        with full_precision():
            inside = switches()
        assert switches() == before
        assert set(inside) <= {"none", "ieee", False}


def test_the_older_switches_can_be_read_inside_and_are_put_back():
    before = older()
    with full_precision():
        torch.set_float32_matmul_precision("high")
        with full_precision():
            assert older() == ("highest", False, False)
        assert older() == ("high", False, True)
    assert older() == before


def test_an_error_inside_puts_them_back_too():
    before = switches()
    with pytest.raises(KeyError), full_precision():
        raise KeyError
    assert switches() == before


def test_the_note_is_for_cuda_alone():
    assert (precision_note("cpu"), precision_note("cuda"), precision_note("cuda:1")) == ("", "TF32 off", "TF32 off")
