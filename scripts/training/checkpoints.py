"""What a run can go on from: everything that changes while it trains, in files that are whole or not there.

A checkpoint is an .npz file as scratch.save writes it: arrays alone, nothing that could run, its SHA-256 within, put in
place at once. `weights/NAME` and `optimizer/NAME/KEY` are arrays; `progress` is JSON as bytes. Beside it lie the
weights once more, as .safetensors for anyone to load; it is written second, so a kill may leave it one save behind. The
order of rows is a function of seed and epoch and the step size one of the step, so neither has a state of its own.

Format 1 had no `run` in its progress: which config.json it belongs to.
"""

import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_type_hints

import numpy as np

import scratch
from scripts.cli import Refusal

FORMAT = 2
KINDS = (".npz", ".sharded")


@dataclass
class Progress:
    """How far a run is: steps taken, the epoch it is in and the batches of it that are done, the best of epochs; run:
    the mark of the settings that it was begun with, "" where a checkpoint has none.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    best: float | int | None = None
    seconds: float | int = 0.0
    run: str = ""


def save(folder, name, side, progress):
    """Write the checkpoint `name`; of "last", the one before it stays as "previous" until the next."""
    if side.sharded:
        from scripts.training import sharded

        sharded.save(folder, name, side, written(progress))
        save_weights(folder, name, side)
        return
    weights = side.weights()
    arrays = {f"weights/{key}": array for key, array in weights.items()}
    arrays |= {f"optimizer/{key}": array for key, array in side.optimizer_state().items()}
    if side.ranks.rank:
        return
    content = json.dumps(written(progress)).encode()
    arrays["progress"] = np.frombuffer(content, np.uint8)
    path = folder / f"{name}.npz"
    if name == "last" and path.exists():
        os.replace(path, folder / "previous.npz")
    scratch.save(path, arrays)
    scratch.save(folder / f"{name}.safetensors", weights)


def save_weights(folder, name, side):
    """Write the weights alone, for anyone to load."""
    weights = side.weights()
    if not side.ranks.rank:
        scratch.save(folder / f"{name}.safetensors", weights)


def load(path, side, run="", allow_nonfinite=False):
    """Put a checkpoint into a side and give its progress. run: the mark of its config.json, "" for any.

    Raises ValueError, "not a usable checkpoint: ...", with the side untouched.
    """
    path = Path(path)
    if path.is_dir():
        from scripts.training import sharded

        return sharded.load(path, side, run, allow_nonfinite)
    try:
        check_size(path, side)
        arrays = scratch.load(path)
        if "progress" not in arrays:
            raise ValueError("it has no progress, so it is no checkpoint of a run")
        progress = read(json.loads(arrays.pop("progress").tobytes()), run)
        check_fit({name: (array.shape, array.dtype) for name, array in arrays.items()}, side, progress.step)
        odd = next((name for name, array in arrays.items() if not np.isfinite(array).all()), None)
        if odd and not allow_nonfinite:
            raise ValueError(f"{odd} holds numbers that are not finite; --allow-nonfinite takes them")
        steps = {name: array for name, array in arrays.items() if name.startswith("optimizer/") and not array.shape}
        none = next((name for name, step in steps.items() if step < 0 or step % 1), None)
        if none:
            raise ValueError(f"{none} is {steps[none]}, which is no number of steps")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = str(error).removeprefix(f"not a usable weights file: {path}: ") or type(error).__name__
        raise ValueError(f"not a usable checkpoint: {path}: {why}") from error
    side.load_weights(under("weights/", arrays))
    side.load_optimizer_state(under("optimizer/", arrays))
    return progress


def check_size(path, side):
    """Refuse a file of many times what a side would write (ValueError), before it is read."""
    own = sum(array.nbytes for array in side.weights().values())
    most, size = 10 * own + (1 << 20), path.stat().st_size if path.is_file() else 0
    if size > most:
        raise ValueError(f"it has {size:,} bytes where this network's have at most {most:,}")


def written(progress):
    """The Progress as it stands in a checkpoint."""
    return {"format": FORMAT} | asdict(progress)


def read(stored, run=""):
    """The Progress in a checkpoint, of a format that is known, all of it numbers from 0 up, and of the run that has
    this mark (ValueError).
    """
    own, format = {name: value for name, value in stored.items() if name != "format"}, stored["format"]
    if type(format) is not int or format < 1:
        raise ValueError(f"it has format {format!r}, which there never was")
    if format > FORMAT:
        raise ValueError(f"it has format {format}, newer than this handgrad, which reads up to {FORMAT}")
    if format == 1:
        own["run"] = ""
    elif not own.get("run"):
        raise ValueError("it does not say of which run it is")
    kinds = get_type_hints(Progress)
    if own.keys() != kinds.keys():
        raise ValueError(f"its progress is of {', '.join(own)}, expected {', '.join(kinds)}")
    for name, kind in kinds.items():
        if not isinstance(own[name], kind) or isinstance(own[name], bool) or not in_range(name, own[name]):
            raise ValueError(f"its progress has {name} {own[name]!r}")
    if run and own["run"] and own["run"] != run:
        raise ValueError("it belongs to another config.json than the one here")
    return Progress(**own)


def under(prefix, arrays):
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def in_range(name, value):
    """Whether a value of a Progress can be one."""
    return value is None or isinstance(value, str) or (math.isfinite(value) and (name == "best" or value >= 0))


def check_fit(found, side, step):
    """Refuse what is of another network, or what another optimizer remembered (ValueError); {name: (shape, dtype)}."""
    own = {f"weights/{name}": (array.shape, array.dtype) for name, array in side.weights().items()}
    remembered = {f"optimizer/{name}": place for name, place in side.remembered().items()}
    if not step and not any(name.startswith("optimizer/") for name in found):
        remembered = {}  # before the first step some remember nothing yet
    expected = own | remembered
    odd = [name for name in sorted(found.keys() | expected.keys()) if not fits(found.get(name), expected.get(name))]
    if odd:
        weights = [name for name in odd if name.startswith("weights/")]
        of, odd = ("network", weights) if weights else ("optimizer", odd)
        more = f" and {len(odd) - 5} more" if len(odd) > 5 else ""
        names = ", ".join(name.partition("/")[2] for name in odd[:5])
        raise ValueError(f"it is of another {of}: {names}{more} differ in name, shape or dtype")


def fits(found, expected):
    """Whether an array is as expected; a dtype of None is that of any number."""
    if not found or not expected or found[0] != expected[0]:
        return False
    return found[1].kind in "iuf" if expected[1] is None else found[1] == expected[1]


def kept(folder):
    """The checkpoints in a folder, the newest first."""
    found = [path for path in folder.glob("*.*") if path.suffix in KINDS and not path.name.startswith(".")]
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.stem == "last"), reverse=True)


def is_finite(path):
    """Whether all numbers of a checkpoint are; of a sharded one, which is not read here, it is taken for granted."""
    try:
        return path.is_dir() or all(np.isfinite(array).all() for array in scratch.load(path).values())
    except ValueError:
        return False


def newest(folder, side, run, allow_nonfinite, say):
    """The progress and the path of the newest checkpoint of a run that can be used; a damaged one is told of and passed
    over.
    """
    reasons: list[str] = []
    for path in kept(folder):
        try:
            progress = load(path, side, run, allow_nonfinite)
        except ValueError as error:
            reasons.append(str(error))
            continue
        for reason in reasons:
            say(f"{reason}; the one before it is taken")
        return progress, path
    raise Refusal("\n".join(reasons[:2]) or f"{folder} holds no checkpoint to go on from")
