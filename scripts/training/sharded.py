"""Checkpoints of weights that lie spread over ranks: each rank writes its own part (torch.distributed.checkpoint).

A checkpoint is a folder. It is written beside its place and renamed, and progress.json in it holds the SHA-256 of every
file. Its index is a pickle, which is code: so only a folder that its own hashes vouch for is opened, and that of a
stranger is never to be named to --resume. It is read by any number of ranks, one process included.
"""

import json
import os
import shutil
import warnings
from contextlib import contextmanager

from torch import distributed
from torch.distributed import checkpoint
from torch.distributed.checkpoint.state_dict import (
    get_model_state_dict,
    get_state_dict,
    set_model_state_dict,
    set_state_dict,
)

from scratch.tables import digest

SUFFIX = ".sharded"


def save(folder, name, side, progress):
    """Write the checkpoint `name`; of "last", the one before it stays as "previous"."""
    new, path, before = (folder / f"{stem}{SUFFIX}" for stem in (f".{name}", name, "previous"))
    if not side.ranks.rank:
        shutil.rmtree(new, ignore_errors=True)
    distributed.barrier()
    with quiet():
        checkpoint.save(state_of(side, progress["step"]), checkpoint_id=new)
    if not side.ranks.rank:
        hashes = {file.name: digest(file) for file in sorted(new.iterdir())}
        with open(new / "progress.json", "w", encoding="utf-8") as file:
            json.dump({"progress": progress, "sha256": hashes}, file)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.rmtree(before, ignore_errors=True)
            os.rename(path, before if name == "last" else folder / f".old{SUFFIX}")
            shutil.rmtree(folder / f".old{SUFFIX}", ignore_errors=True)
        os.rename(new, path)
    distributed.barrier()


def load(path, side, read):
    """The Progress of a checkpoint, which is put into the side; read: what takes it from plain data.

    Raises ValueError where it is damaged.
    """
    try:
        stored = json.loads((path / "progress.json").read_text(encoding="utf-8"))
        there = {file.name for file in path.iterdir()} - {"progress.json"}
        if there != stored["sha256"].keys():
            raise ValueError("files are missing in it, or others were added")
        damaged = [name for name, expected in stored["sha256"].items() if digest(path / name) != expected]
        if damaged:
            raise ValueError(f"{damaged[0]} does not fit its SHA-256: it was damaged or changed")
        progress = read(stored["progress"])
        state = state_of(side, progress.step)
        with quiet():
            checkpoint.load(state, checkpoint_id=path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, checkpoint.CheckpointException) as error:
        raise ValueError(f"not a usable checkpoint: {path}: {str(error).strip().splitlines()[0]}") from error
    if "optimizer" in state:
        model, optimizer = state["model"], state["optimizer"]
        set_state_dict(side.module, side.optimizer, model_state_dict=model, optim_state_dict=optimizer)
    else:
        set_model_state_dict(side.module, state["model"])
    return progress


def state_of(side, step):
    """The parts of weights and optimizer that this rank has. Before the first step an optimizer remembers nothing, and
    torch's get_state_dict would take a step of its own, which Adam counts.
    """
    if not step:
        return {"model": get_model_state_dict(side.module)}
    model, optimizer = get_state_dict(side.module, side.optimizer)
    return {"model": model, "optimizer": optimizer}


@contextmanager
def quiet():
    """torch warns of what one process does not need."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
