"""What is kept of how a run was begun: its options, what they made of task and data, versions and machine."""

import hashlib
import json
import os
import platform
import re
import sys
from dataclasses import asdict
from datetime import datetime
from importlib import metadata
from uuid import uuid4

from scripts.cli import Refusal
from scripts.training.options import ON_RESUME

PACKAGES = ("numpy", "torch", "scikit-learn", "matplotlib", "rich", "safetensors")


def settings_of(options, task, data):
    """What config.json holds: enough to go on, and to use what was trained."""
    left_out = {"resume", "overwrite", "dry_run", "config", "debug", "runs", "name"}
    kept = {name: value for name, value in vars(options).items() if name not in left_out}
    if data.source:
        kept["data"] = data.source["path"]
    scaling = {name: [part.tolist() for part in pair] for name, pair in data.scaling.items()}
    columns = {"features": data.features, "classes": data.classes, "scaling": scaling}
    own = {"id": uuid4().hex, "options": kept, "task": asdict(task)}
    return own | {"data": data.source | {"name": data.name} | columns}


def name_of(task, data):
    """A name from model, data and time, of letters that any file system takes."""
    own = re.sub(r"[^\w.+-]", "_", data.name.encode("utf-8", "replace").decode())[:30]
    return f"{task.model}-{own}-{datetime.now():%Y%m%d-%H%M%S}"


def mark_of(settings):
    """A mark of a run and of the settings that it cannot change: its checkpoints hold it, too. Raises Refusal for what
    are no settings.
    """
    try:
        options = {name: value for name, value in settings["options"].items() if name not in {*ON_RESUME, "data"}}
        kept = {name: settings["data"][name] for name in ("scaling", "classes", "features")}
        kept |= {"id": settings.get("id", ""), "options": options, "task": settings["task"]}
    except (AttributeError, KeyError, TypeError) as error:
        raise Refusal(f"config.json is no run's: {type(error).__name__}: {error}") from None
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


def environment():
    """Versions and machine, one line each."""
    lines = [
        f"python {sys.version.split()[0]}",
        f"platform {platform.platform()}",
        f"machine {platform.machine()}, {os.cpu_count()} CPUs",
    ]
    for package in PACKAGES:
        try:
            lines.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            lines.append(f"{package} absent")
    return "\n".join([*lines, f"command {' '.join(sys.argv)}"]) + "\n"
