"""Checkpoints of weights that lie spread over ranks: each rank writes its own part (torch.distributed.checkpoint).

A checkpoint is a folder. It is written beside its place and renamed, and progress.json in it holds the SHA-256 of every
file. It is read by any number of ranks, one process included. torch keeps its index as a pickle, which could run code:
here it is read by names of torch's that hold data alone, and all that it may list is tensors.
"""

import json
import os
import pickle
import shutil
import warnings
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import distributed
from torch.distributed import checkpoint
from torch.distributed.checkpoint.metadata import Metadata, StorageMeta, TensorStorageMetadata
from torch.distributed.checkpoint.state_dict import (
    get_model_state_dict,
    get_state_dict,
    set_model_state_dict,
    set_state_dict,
)

from scratch.tables import digest
from scripts.training import checkpoints
from scripts.training.ranks import first_line

SUFFIX = ".sharded"
DAMAGED = OSError, ValueError, KeyError, TypeError, AttributeError, pickle.UnpicklingError, EOFError, RecursionError
DATA = {  # what an index of tensors is made of
    *(
        ("torch.distributed.checkpoint.metadata", name)
        for name in (
            *("Metadata", "MetadataIndex", "StorageMeta", "TensorStorageMetadata", "TensorProperties"),
            *("ChunkStorageMetadata", "_MEM_FORMAT_ENCODING"),
        )
    ),
    ("torch.distributed.checkpoint.filesystem", "_StorageInfo"),
    ("torch.serialization", "_get_layout"),
    ("torch", "Size"),
    *(("pathlib", name) for name in ("PosixPath", "WindowsPath")),
    *(("pathlib._local", name) for name in ("PosixPath", "WindowsPath")),
}


def save(folder, name, side, progress):
    """Write the checkpoint `name`; of "last", the one before it stays as "previous"."""
    new, path, before = (folder / f"{stem}{SUFFIX}" for stem in (f".{name}", name, "previous"))
    if not side.ranks.rank:
        shutil.rmtree(new, ignore_errors=True)
    distributed.barrier()
    with quiet():
        checkpoint.save(state_of(side, progress["step"])[0], checkpoint_id=new)
    if not side.ranks.rank:
        hashes = {file.name: digest(file) for file in sorted(new.iterdir())}
        with open(new / "progress.json", "w", encoding="utf-8") as file:
            json.dump({"progress": progress, "sha256": hashes}, file)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            aside = before if name == "last" else folder / f".old{SUFFIX}"
            shutil.rmtree(aside, ignore_errors=True)
            os.rename(path, aside)
        os.rename(new, path)
        shutil.rmtree(folder / f".old{SUFFIX}", ignore_errors=True)
    distributed.barrier()


def load(path, side, run="", allow_nonfinite=False):
    """As checkpoints.load; numbers that are not finite are seen when they are in the side already."""
    try:
        stored = json.loads((path / "progress.json").read_text(encoding="utf-8"))
        there = {file.name for file in path.iterdir()} - {"progress.json"}
        if there != stored["sha256"].keys():
            raise ValueError("files are missing in it, or others were added")
        damaged = [name for name, expected in stored["sha256"].items() if digest(path / name) != expected]
        if damaged:
            raise ValueError(f"{damaged[0]} does not fit its SHA-256: it was damaged or changed")
        progress, reader = checkpoints.read(stored["progress"], run), Reader(path)
        checkpoints.check_fit(reader.listed(), side, progress.step)
        state, groups = state_of(side, progress.step)
        with quiet():
            checkpoint.load(state, storage_reader=reader)
        if side.agree(not finite(state)) and not allow_nonfinite:
            raise ValueError("it holds numbers that are not finite; --allow-nonfinite takes them")
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        pickle.UnpicklingError,
        EOFError,
        RecursionError,
    ) as error:
        raise ValueError(f"not a usable checkpoint: {path}: {first_line(error)}") from error
    except checkpoint.CheckpointException as error:
        raise ValueError(
            f"not a usable checkpoint: {path}: {first_line(next(iter(error.failures.values()))[0])}"
        ) from error
    if "optimizer" in state:
        optimizer = {"state": state["optimizer"], "param_groups": groups}
        set_state_dict(side.module, side.optimizer, model_state_dict=state["model"], optim_state_dict=optimizer)
    else:
        set_model_state_dict(side.module, state["model"])
    return progress


class Names(pickle.Unpickler):
    """What reads an index: a name that is not of DATA is refused, so nothing in it can run."""

    def find_class(self, module, name):
        found = super().find_class(module, name) if (module, name) in DATA or module == "torch" else None
        if found is None or (module == "torch" and not isinstance(found, torch.dtype) and found is not torch.Size):
            raise pickle.UnpicklingError(f"its index names {module}.{name}, which is no data")
        return found


class Reader(checkpoint.FileSystemReader):
    """torch's reader of such folders, with an index that cannot run anything."""

    def read_metadata(self, *args, **kwargs):
        with open(Path(self.path) / ".metadata", "rb") as file:
            metadata = Names(file).load()
        if not isinstance(metadata, Metadata) or not isinstance(metadata.state_dict_metadata, dict):
            raise pickle.UnpicklingError("its index is none of torch's")
        for name, what in metadata.state_dict_metadata.items():
            if not isinstance(what, TensorStorageMetadata):
                raise pickle.UnpicklingError(f"{name} in it is no tensor")
        if metadata.storage_meta is None:
            metadata.storage_meta = StorageMeta()
        metadata.storage_meta.load_id = self.load_id
        return metadata

    def listed(self):
        """{name as in other checkpoints: (shape, dtype)} of what the index lists."""
        found = {}
        for name, what in self.read_metadata().state_dict_metadata.items():
            kind, _, rest = name.partition(".")
            path = rest if kind == "model" else "/".join(rest.rpartition(".")[::2])
            dtype = torch.empty(0, dtype=what.properties.dtype).numpy().dtype
            found[f"{'weights' if kind == 'model' else kind}/{path}"] = tuple(what.size), dtype
        return found


def state_of(side, step):
    """(this rank's parts of the weights and of what the optimizer remembers, the optimizer's groups). Before the first
    step an optimizer remembers nothing, and torch's get_state_dict would take a step of its own, which Adam counts.
    """
    if not step:
        return {"model": get_model_state_dict(side.module)}, []
    model, optimizer = get_state_dict(side.module, side.optimizer)
    return {"model": model, "optimizer": optimizer["state"]}, optimizer["param_groups"]


def finite(state):
    """Whether all numbers of this rank's parts are."""
    parts = [*state["model"].values(), *(part for own in state.get("optimizer", {}).values() for part in own.values())]
    local = (part.to_local() if hasattr(part, "to_local") else part for part in parts)
    return all(bool(torch.isfinite(part).all()) for part in local)


@contextmanager
def quiet():
    """torch warns of what one process does not need."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
