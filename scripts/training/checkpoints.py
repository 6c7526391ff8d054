"""What a run can go on from: everything that changes while it trains, in files that are whole or not there.

A checkpoint is an .npz file as scratch.save writes it: arrays alone, nothing that could run, its SHA-256 within, put in
place at once. `weights/NAME` and `optimizer/NAME/KEY` are arrays; `progress` is JSON as bytes. Beside it lie the
weights once more, as .safetensors for anyone to load. The order of rows is a function of seed and epoch and the step
size one of the step, so neither has a state of its own.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_type_hints

import numpy as np

import scratch
from scripts.cli import Refusal

FORMAT = 1
KINDS = (".npz", ".sharded")


@dataclass
class Progress:
    """How far a run is: steps taken, the epoch it is in and the batches of it that are done, the best of epochs."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    best: float | int | None = None
    seconds: float | int = 0.0


def save(folder, name, side, progress):
    """Write the checkpoint `name`; of "last", the one before it stays as "previous" until the next."""
    if side.sharded:
        from scripts.training import sharded

        sharded.save(folder, name, side, written(progress))
        weights = side.weights()
        if not side.ranks.rank:
            scratch.save(folder / f"{name}.safetensors", weights)
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


def load(path, side, allow_nonfinite=False):
    """Put a checkpoint into a side and give its progress. Raises ValueError, "not a usable checkpoint: ...", with the
    side untouched.
    """
    path = Path(path)
    if path.is_dir():
        from scripts.training import sharded

        return sharded.load(path, side, read)
    try:
        arrays = scratch.load(path)
        progress = read(json.loads(arrays.pop("progress").tobytes()))
        weights, remembered = under("weights/", arrays), under("optimizer/", arrays)
        compare(weights, side.weights())
        compare_remembered(remembered, side, progress.step)
        odd = next((name for name, array in arrays.items() if not np.isfinite(array).all()), None)
        if odd and not allow_nonfinite:
            raise ValueError(f"{odd} holds numbers that are not finite; --allow-nonfinite takes them")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = str(error).removeprefix(f"not a usable weights file: {path}: ") or type(error).__name__
        raise ValueError(f"not a usable checkpoint: {path}: {why}") from error
    side.load_weights(weights)
    side.load_optimizer_state(remembered)
    return progress


def written(progress):
    """The Progress as it stands in a checkpoint."""
    return {"format": FORMAT} | asdict(progress)


def read(stored):
    """The Progress in a checkpoint, of a format that is known and all of it numbers from 0 up (ValueError)."""
    own = {name: value for name, value in stored.items() if name != "format"}
    if stored["format"] > FORMAT:
        raise ValueError(f"it has format {stored['format']}, newer than this handgrad, which reads {FORMAT}")
    kinds = get_type_hints(Progress)
    if own.keys() != kinds.keys():
        raise ValueError(f"its progress is of {', '.join(own)}, expected {', '.join(kinds)}")
    for name, kind in kinds.items():
        if not isinstance(own[name], kind) or (name != "best" and own[name] < 0):
            raise ValueError(f"its progress has {name} {own[name]!r}")
    return Progress(**own)


def under(prefix, arrays):
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def compare(found, own):
    """Refuse weights of another network (ValueError), naming what differs."""
    odd = sorted(
        name
        for name in found.keys() | own.keys()
        if name not in found or name not in own or (found[name].shape, found[name].dtype) != described(own[name])
    )
    if odd:
        more = f" and {len(odd) - 5} more" if len(odd) > 5 else ""
        raise ValueError(f"it is of another network: {', '.join(odd[:5])}{more} differ in name, shape or dtype")


def described(array):
    return array.shape, array.dtype


def compare_remembered(found, side, step):
    """Refuse what another optimizer remembered, or one of other weights (ValueError)."""
    expected = side.remembered()
    if not found and not step:  # before the first step some remember nothing yet
        return
    for path in sorted(found.keys() | expected.keys()):
        if path not in found or path not in expected or found[path].shape != expected[path]:
            why = (
                "not there"
                if path not in found
                else "nothing that it remembers"
                if path not in expected
                else "misshapen"
            )
            raise ValueError(f"it is of another optimizer or network: {path} is {why}")


def newest(folder, side, allow_nonfinite, say):
    """The progress of the newest checkpoint of a run that can be used; a damaged one is told of and passed over."""
    reasons: list[str] = []
    found = [path for path in folder.glob("*.*") if path.suffix in KINDS and not path.name.startswith(".")]
    for path in sorted(found, key=lambda path: (path.stem == "last", path.stat().st_mtime_ns), reverse=True):
        try:
            progress = load(path, side, allow_nonfinite)
        except ValueError as error:
            reasons.append(str(error))
            continue
        for reason in reasons:
            say(f"{reason}; the one before it is taken")
        return progress
    raise Refusal("\n".join(reasons[:2]) or f"{folder} holds no checkpoint to go on from")
