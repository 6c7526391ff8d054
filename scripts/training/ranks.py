"""Many processes that train one network: which of them this is, and what they agree on. torchrun starts them."""

import os
import sys
import time
from dataclasses import dataclass
from datetime import timedelta

from scripts.cli import Refusal

FAILED = 3
VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Ranks:
    """rank of `world`; local: its number on this machine."""

    rank: int = 0
    world: int = 1
    local: int = 0

    @property
    def many(self):
        return self.world > 1

    def share(self, N):
        """(first, last) of the rows of a batch of N that are this rank's: as even as can be, none maybe."""
        return self.rank * N // self.world, (self.rank + 1) * N // self.world


def of_environment():
    """The Ranks that torchrun's variables tell; leftovers of another program are refused before anybody waits."""
    there = [name for name in VARIABLES if os.environ.get(name)]
    if not there:
        return Ranks()
    missing = [name for name in VARIABLES if name not in there]
    if missing:
        raise Refusal(f"{there[0]} is set but not {missing[0]}: start with torchrun, or unset {', '.join(there)}")
    try:
        rank, world, local, port = (
            int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_PORT")
        )
    except ValueError:
        raise Refusal(f"{', '.join(VARIABLES)} are not numbers and a machine: start with torchrun") from None
    if not 0 <= rank < world or not 0 < port < 65536 or local < 0:
        raise Refusal(f"RANK {rank} of WORLD_SIZE {world} at port {port} is none: start with torchrun, or unset them")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "FATAL")  # else a page of torch's own stands before our line
    return Ranks(rank, world, local)


def join(ranks, device, timeout):
    """Meet the other ranks, within a time; gloo on CPU, nccl on CUDA."""
    import torch
    from torch import distributed

    backend = "nccl" if torch.device(device).type == "cuda" else "gloo"
    try:
        distributed.init_process_group(backend, timeout=timedelta(seconds=timeout))
    except (RuntimeError, ValueError) as error:
        address = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        raise Refusal(
            f"rank {ranks.rank}: no other rank met at {address} in {timeout:g} s: {first_line(error)}"
        ) from None


def agreed(ranks, text):
    """The text of the first rank, on all of them."""
    if not ranks.many:
        return text
    from torch import distributed

    texts = [text]
    distributed.broadcast_object_list(texts)
    return texts[0]


def silent(ranks, looks, seconds=2.0):
    """The ranks that give no sign of life where all have met: each that gives up leaves one there, and may look."""
    from torch import distributed

    wait = timedelta(seconds=seconds)
    place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    try:
        store = distributed.TCPStore(*place, is_master=False, wait_for_workers=False, timeout=wait)
        store.set(f"handgrad/{ranks.rank}", "here")
        if not looks:
            return []
        time.sleep(seconds)
        return [rank for rank in range(ranks.world) if not store.check([f"handgrad/{rank}"])]
    except RuntimeError:  # the process that kept the place is gone: torchrun, or else rank 0
        return [0] if looks else []


def leave(status):
    """End this process, once every rank is here unless this one failed. Not by way of Python's end: threads of gloo
    that still run then abort the process now and again, which torchrun takes for a failure.
    """
    from torch import distributed

    if status != FAILED:
        distributed.barrier()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def first_line(error):
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
