"""No harm: what a subject or a twin changes in the whole process is put back when a check is over."""

import os
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def undisturbed():
    """NumPy's and torch's global generators, NumPy's error handling and the working folder, put back afterwards."""
    state, folder = np.random.get_state(), os.getcwd()  # noqa: NPY002 (the subject may use what we do not)
    try:
        with np.errstate(), torch.random.fork_rng():
            yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
        os.chdir(folder)
