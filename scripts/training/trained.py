"""A run that was trained, to be used: its network by hand, what its outputs mean, how its inputs were scaled."""

from pathlib import Path

import numpy as np

import scratch
from scripts.cli import Refusal
from scripts.training.by_hand import build
from scripts.training.folder import RunFolder
from scripts.training.options import completed
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
        weights = path / "checkpoints" / f"{checkpoint}.safetensors"
        try:
            arrays = scratch.load(weights)
            odd = next((name for name, array in arrays.items() if not np.isfinite(array).all()), None)
            if odd:
                raise ValueError(f"{odd} holds numbers that are not finite")
            scratch.load_state_dict(self.net, arrays)
        except (ImportError, TypeError, ValueError) as error:
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
