"""Where torch's initial weights come from, and in which dtype."""

from contextlib import contextmanager

import torch


@contextmanager
def drawn_from(rng):
    """Modules built inside draw from rng (a seed or a torch.Generator) and leave torch's global generator as it was.

    With None they draw from the global generator, as torch does anywhere.
    """
    if rng is None:
        yield
        return
    generator = rng if isinstance(rng, torch.Generator) else torch.Generator().manual_seed(rng)
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(generator.get_state())
        yield
        generator.set_state(torch.get_rng_state())


def torch_dtype(dtype):
    """torch.float64 for "float64" or torch.float64; anything but float32 and float64 is refused (TypeError)."""
    found = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if found not in (torch.float32, torch.float64):
        raise TypeError(f"expected dtype float32 or float64, got {dtype}")
    return found
