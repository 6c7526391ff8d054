"""Devices: every test that takes `device` runs on the CPU and, where there is one, on a CUDA device."""

import pytest
import torch

NO_CUDA = "no CUDA device here"


@pytest.fixture(
    params=["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason=NO_CUDA))]
)
def device(request):
    return request.param
