"""Going on with a run: which one is meant, what it was begun with, and its newest checkpoint."""

from pathlib import Path

from scratch.tables import digest
from scripts.cli import Refusal
from scripts.training import checkpoints
from scripts.training.config import checked
from scripts.training.folder import RunFolder
from scripts.training.options import ON_RESUME, completed
from scripts.training.settings import mark_of


def found(given):
    """(folder, checkpoint or None) of the run that is to go on."""
    try:
        return find(given.get("runs", "runs"), given["resume"])
    except OSError as error:
        raise Refusal(f"--resume {given['resume']}: {error.strerror}: {error.filename}") from None


def find(runs, wanted):
    """(folder of a run, the checkpoint that is named or None) of --resume: a folder, a checkpoint in it, or last."""
    if wanted == "last":
        begun = [path.parent for path in Path(runs).glob("*/config.json")]
        folders = [folder for folder in begun if checkpoints.kept(folder / "checkpoints")]
        if not folders:
            raise Refusal(f"--resume last: {Path(runs).absolute()} holds no run to go on with")
        return max(folders, key=lambda folder: max(p.stat().st_mtime_ns for p in folder.glob("*.*"))), None
    path = Path(wanted)
    if not path.is_dir() and not path.is_file() and (Path(runs) / wanted).is_dir():
        path = Path(runs) / wanted
    if (path / "config.json").is_file():
        return path, None
    if path.exists() and (path.parent.parent / "config.json").is_file():
        return path.parent.parent, path
    raise Refusal(f"--resume {wanted}: not a usable checkpoint: {path.absolute()}: no folder of a run, no file in one")


def stored_of(path, given):
    """What config.json of a run holds; options that would make another run of it are refused."""
    for name in ("name", "overwrite"):
        if given.get(name):
            raise Refusal(f"--{name} does not go with --resume, which goes on in {path}")
    stored = RunFolder(path).settings()
    try:
        entries = {name: value for name, value in stored["options"].items() if value is not None}
        own = vars(completed(checked(entries, path / "config.json")))
        stored["data"]["scaling"]
    except (KeyError, TypeError, AttributeError):
        raise Refusal(f"{path}: no run to go on with: config.json lacks options or data") from None
    stored["options"] = own
    if own["backend"] == "both":
        raise Refusal(f"{path} was trained in lockstep, which begins anew: leave out --resume")
    if "data" in given and (Path(given["data"]).absolute() == Path(own["data"]) or is_moved(given["data"], stored)):
        own["data"] = given["data"]
    changed = [name for name, value in given.items() if name not in ON_RESUME and own[name] != value]
    if changed:
        flags = ", ".join(f"--{name.replace('_', '-')} {own[name]}" for name in changed)
        raise Refusal(
            f"{path} was begun with {flags}; a run goes on as it began, or take a new --name without --resume"
        )
    return stored


def is_moved(path, stored):
    """Whether a file is the one that a run was begun with, by its SHA-256."""
    return Path(path).is_file() and digest(path) == stored["data"].get("sha256")


def check_data(stored, prepared, options):
    """Refuse to go on with a data file that has changed (Refusal)."""
    before, now = stored["data"].get("sha256"), prepared.source.get("sha256")
    if before != now and not options.allow_changed_data:
        raise Refusal(
            f"{options.data} has changed since the run began; --allow-changed-data goes on with what it is now"
        )


def go_on(folder, checkpoint, side, options, prepared, telling):
    """The Progress of the run's checkpoint, which is put into the side."""
    try:
        folder.occupy()
        folder.bring_back()
    except OSError as error:
        raise Refusal(f"cannot write to {folder.path.absolute()}: {error.strerror}") from None
    again = folder.settings()
    allow, run = options.allow_nonfinite, mark_of(again)
    named = checkpoint is not None
    if named:
        try:
            progress = checkpoints.load(checkpoint, side, run, allow)
        except ValueError as error:
            raise Refusal(str(error)) from error
    else:
        progress, checkpoint = checkpoints.newest(folder.checkpoints, side, run, allow, telling.say)
    progress.run = run  # an older format says of none
    done = (progress.epoch, progress.batch) > (options.epochs, 0)
    if done or (named and progress.epoch == options.epochs):
        raise Refusal(f"{folder.path}: {progress.epoch} epochs are done; name more with --epochs")
    kept = ("epochs", "log_interval", "checkpoint_interval", "device", "compile", "tensorboard", "timeout")
    again["options"] |= {name: getattr(options, name) for name in kept}
    again["data"] |= prepared.source
    if prepared.source:
        again["options"]["data"] = prepared.source["path"]
    folder.sweep()
    folder.write_json("config.json", again)
    if checkpoint.stem == "last":
        checkpoints.save_weights(folder.checkpoints, "last", side)  # a kill may have come between
    else:  # from now on the newest, so that what came after it is not gone on with
        checkpoints.save(folder.checkpoints, "last", side, progress)
    folder.open_metrics(progress.step, progress.batch == 0)
    telling.say(f"{folder.path}: on from step {progress.step} in epoch {progress.epoch}")
    return progress
