"""Devices: every test that takes `device` runs on the CPU and, where there is one, on a CUDA device."""

import signal

import pytest
import torch

torch.set_num_threads(1)  # the arrays here are small: a second thread would only wait, or spin on a busy machine
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background of a shell: children would ignore it too
    signal.signal(signal.SIGINT, signal.default_int_handler)
NO_CUDA = "no CUDA device here"


@pytest.fixture(
    params=["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason=NO_CUDA))]
)
def device(request):
    return request.param
