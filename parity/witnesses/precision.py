"""Full precision while a check runs: no TF32 or bfloat16 inside float32 products, no sums kept in 16 bits.

torch keeps each switch twice, as `allow_tf32` and its like and as `fp32_precision`, and raises where the two disagree;
a part whose `fp32_precision` is "none" follows the whole above it. So both are set, and put back as they were.
"""

import warnings
from contextlib import contextmanager

import torch

WHOLES = (("generic", "all"), ("cuda", "all"), ("mkldnn", "all"))
PARTS = tuple((backend, part) for backend in ("cuda", "mkldnn") for part in ("matmul", "conv", "rnn"))
SHORT_SUMS = [f"allow_{kind}_reduced_precision_reduction" for kind in ("fp16", "bf16")] + ["allow_fp16_accumulation"]
OFF = ("highest", False), dict.fromkeys(WHOLES, "none") | dict.fromkeys(PARTS, "ieee"), dict.fromkeys(SHORT_SUMS, False)


@contextmanager
def full_precision():
    """Switches all of it off and, afterwards, back to exactly what it was."""
    before = older_switches(), newer_switches(), sum_switches()
    switch((before[0] and OFF[0], *OFF[1:]))
    try:
        yield
    finally:
        switch(before)


def precision_note(device):
    """What a report says about it: something on CUDA devices alone."""
    return "TF32 off" if torch.device(device).type == "cuda" else ""


def older_switches():
    """(float32_matmul_precision, cudnn.allow_tf32); None where the newer ones say what these cannot."""
    try:
        with silence():
            return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    except RuntimeError:
        return None


def newer_switches():
    """{(backend, part): its own fp32_precision}; a part shows that of its whole, which is read and cleared first."""
    own = {}
    for place in (*WHOLES, *PARTS):
        own[place] = torch._C._get_fp32_precision_getter(*place)
        torch._C._set_fp32_precision_setter(*place, "none")
    return own


def sum_switches():
    """{switch: setting}; a setting of two is a pair (allowed, with split K)."""
    matmul = torch.backends.cuda.matmul
    split = {name: getattr(matmul, f"{name}_split_k", None) for name in SHORT_SUMS}
    return {name: getattr(matmul, name) if two is None else (getattr(matmul, name), two) for name, two in split.items()}


def switch(settings):
    older, newer, sums = settings
    with silence():
        if older is not None:
            torch.set_float32_matmul_precision(older[0])
            torch.backends.cudnn.allow_tf32 = older[1]
    for (backend, part), precision in newer.items():
        torch._C._set_fp32_precision_setter(backend, part, precision)
    for name, setting in sums.items():
        setattr(torch.backends.cuda.matmul, name, setting)


@contextmanager
def silence():
    """torch asks for the newer switches wherever an older one is touched."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
