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
    return {"options": kept, "task": asdict(task), "data": data.source | {"name": data.name} | columns}


def name_of(task, data):
    """A name from model, data and time, of letters that any file system takes."""
    own = re.sub(r"[^\w.+-]", "_", data.name.encode("utf-8", "replace").decode())[:30]
    return f"{task.model}-{own}-{datetime.now():%Y%m%d-%H%M%S}"


def mark_of(settings):
    """A mark of the settings that a run cannot change: its checkpoints hold it, too."""
    options = {name: value for name, value in settings["options"].items() if name not in {*ON_RESUME, "data"}}
    kept = {"options": options, "task": settings["task"], "scaling": settings["data"]["scaling"]}
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
