"""A run that was trained, to be used: its network by hand, what its outputs mean, how its inputs were scaled."""

import json
from pathlib import Path

import numpy as np

import scratch
from scripts.cli import Refusal
from scripts.training.by_hand import build
from scripts.training.checkpoints import read, under
from scripts.training.folder import RunFolder
from scripts.training.options import completed
from scripts.training.settings import mark_of
from scripts.training.task import Task


class Trained:
    """net, task, features, classes of runs/NAME, whichever side trained it."""

    def __init__(self, path, checkpoint="last"):
        path = Path(path)
        stored = RunFolder(path).settings()
        try:
            self.options, kept = vars(completed(stored["options"])), stored["data"]
            self.task = Task(**stored["task"] | {"classes": tuple(kept["classes"])})
            self.source = kept
            self.features, self.classes = tuple(kept["features"]), tuple(kept["classes"])
            self.scaling = {name: [np.array(part) for part in pair] for name, pair in kept["scaling"].items()}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Refusal(f"{path}: config.json is no run's: {error}") from None
        self.dtype = "float64" if self.options["dtype"] == "float64" else "float32"
        try:
            self.net = build(self.task, 0, self.dtype)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Refusal(f"{path}: config.json is no run's: {error}") from None
        whole, weights = (path / "checkpoints" / f"{checkpoint}.{kind}" for kind in ("npz", "safetensors"))
        weights = whole if whole.exists() else weights  # of shards and of a lockstep there are weights alone
        try:
            arrays = scratch.load(weights)
            if weights == whole:
                read(json.loads(arrays.pop("progress").tobytes()), mark_of(stored))
                arrays = under("weights/", arrays)
            odd = next((name for name, array in arrays.items() if not np.isfinite(array).all()), None)
            if odd:
                raise ValueError(f"{odd} holds numbers that are not finite")
            scratch.load_state_dict(self.net, arrays)
        except (ImportError, KeyError, RecursionError, TypeError, ValueError) as error:
            why = str(error).removeprefix(f"not a usable weights file: {weights}: ")
            raise Refusal(f"not a usable checkpoint: {weights}: {why}") from None

    def outputs(self, x):
        """What the network gives for rows as they stand in a table; a regression's in the units of its target."""
        if "x" in self.scaling:
            mean, deviation = self.scaling["x"]
            x = (x - mean) / deviation
        output = self.net.eval()(self.task.x(x.astype(self.dtype)))
        if "target" in self.scaling:
            mean, deviation = self.scaling["target"]
            output = output * deviation + mean
        return output
