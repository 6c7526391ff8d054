"""The folder of a run: its settings, its metrics, its environment, its checkpoints, and a lock on it."""

import csv
import json
import os
import shutil
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from scripts.cli import Refusal, prepare_folder, write_whole
from scripts.training.settings import environment

COLUMNS = ("step", "epoch", "loss", "lr", "gradient_norm", "test_loss", "test_metric", "seconds")
FILES = (
    "config.json",
    "metrics.csv",
    "environment.txt",
    "result.json",
    "failure.json",
    "lockstep.json",
    "lockstep.png",
)
FOLDERS = ("checkpoints", "figures", "tensorboard")


class RunFolder:
    """runs/NAME; metrics are appended a line at a time, and read back up to a step when a run goes on."""

    def __init__(self, path):
        self.path, self.checkpoints = Path(path), Path(path) / "checkpoints"
        self.before, self.replaced, self.made = self.path / ".before", self.path / ".replaced", False
        self.lock = FileLock(self.path / ".lock")
        self.file: IO | None = None
        self.board: Any = None

    def occupy(self):
        """Take the lock; a second run in the folder is refused."""
        try:
            self.lock.acquire(timeout=0)
        except Timeout:
            raise Refusal(f"{self.path.absolute()}: another process trains in this folder") from None

    def check(self, overwrite):
        """Refuse a folder with a run in it, unless it is to be replaced, and one with anything else; what is left of a
        run that was killed before it began is neither.
        """
        if self.exists():
            if not overwrite:
                raise Refusal(
                    f"{self.path.absolute()}: there is a run of that name; --overwrite replaces it, --resume goes on"
                )
        elif any(not begun(path.relative_to(self.path)) for path in self.path.glob("**/*")):
            raise Refusal(f"{self.path.absolute()}: it holds other files; take another --name")

    def create(self, overwrite, settings):
        """A new folder. One with a run in it is replaced only on request, and kept aside until `settle`; config.json
        comes last: with it there is a run.
        """
        if self.before.exists():  # a run was to be replaced, and that was broken off
            self.occupy()
            self.bring_back()
        self.check(overwrite)
        prepare_folder(self.path)
        self.occupy()
        shutil.rmtree(self.replaced, ignore_errors=True)
        if self.exists():
            self.before.mkdir()
            for part in (*FOLDERS, *reversed(FILES)):  # config.json last: once it is aside, all is
                if (self.path / part).exists():
                    os.rename(self.path / part, self.before / part)
        else:
            shutil.rmtree(self.checkpoints, ignore_errors=True)
        self.made = True
        prepare_folder(self.checkpoints)
        write_whole(
            self.path / "environment.txt", lambda path: path.write_text(environment(), "ascii", "backslashreplace")
        )
        self.write_json("config.json", settings)
        self.open_metrics()

    def sweep(self):
        """Take away files that a kill or a full disk left incomplete, and what is said of an end that is none now."""
        whole = (Path(name) for name in FILES)
        for path in (*self.checkpoints.glob(".*.tmp"), *self.path.glob(".*.tmp")):
            path.unlink()
        for path in (path for own in whole for path in self.path.glob(f".{own.stem}.????????{own.suffix}")):
            path.unlink()
        for path in (*self.checkpoints.glob(".*.sharded"), *self.path.glob(self.replaced.name)):
            shutil.rmtree(path)
        for name in ("failure.json", "result.json"):
            (self.path / name).unlink(missing_ok=True)

    def write_json(self, name, values):
        text = json.dumps(values, indent=1)  # in ASCII: names of files come in any encoding
        write_whole(self.path / name, lambda path: path.write_text(text + "\n", encoding="utf-8"))

    def settle(self):
        """The new run stands: the one that it replaces goes, under a name from which it cannot come back."""
        if self.before.exists():
            os.rename(self.before, self.replaced)
        shutil.rmtree(self.replaced, ignore_errors=True)

    def bring_back(self):
        """No run, or the one that was to be replaced, in place of what has been made of a new one."""
        if not self.before.exists():
            if self.made:
                (self.path / "config.json").unlink(missing_ok=True)
            return
        if (self.before / "config.json").exists():
            for part in FOLDERS:
                shutil.rmtree(self.path / part, ignore_errors=True)
            for part in FILES:
                (self.path / part).unlink(missing_ok=True)
        for kept in self.before.iterdir():
            os.rename(kept, self.path / kept.name)
        self.before.rmdir()

    def exists(self):
        return (self.path / "config.json").exists()

    def settings(self):
        """What config.json holds (Refusal where there is none that can be read)."""
        try:
            return json.loads((self.path / "config.json").read_text(encoding="utf-8"))
        except (OSError, RecursionError, ValueError) as error:
            raise Refusal(
                f"{self.path.absolute()}: no run is there: config.json: {getattr(error, 'strerror', None) or error}"
            ) from None

    def open_metrics(self, step=0, between=True):
        """Go on with metrics.csv at a step; later lines, and half a line, belong to what was lost.

        between: an epoch has just ended, so a line of its end stands at this very step.
        """
        path = self.path / "metrics.csv"
        rows = read_metrics(self.path) if path.exists() else []
        ended = [row for row in rows if between and row["step"] == step and row["test_loss"] is not None]
        kept = [row for row in rows if row["step"] < step] + ended

        def write(temporary):
            with open(temporary, "w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                writer.writerows(kept)

        write_whole(path, write)
        self.file = open(path, "a", newline="", encoding="utf-8")  # noqa: SIM115 - closed by close
        self.writer = csv.DictWriter(self.file, COLUMNS)

    def note(self, **values):
        """Append one line of metrics; what was not measured is empty."""
        self.writer.writerow(values)
        if self.file:
            self.file.flush()
        for name in COLUMNS[2:-1] if self.board else ():
            if values.get(name) is not None:
                self.board.add_scalar(name, values[name], values["step"])

    def open_board(self, step):
        """Write for TensorBoard, too, from a step on."""
        from torch.utils.tensorboard import SummaryWriter

        self.board = SummaryWriter(self.path / "tensorboard", purge_step=step)

    def close(self):
        if self.board:
            self.board.close()
        if self.file:
            self.file.close()
        self.lock.release()


def begun(path):
    """Whether a path in the folder of a run is of what is written before its first step, or hidden."""
    parts = path.parts
    if parts[0] == "checkpoints":
        return len(parts) == 1 or parts[1].startswith((".", "last."))
    return parts == ("environment.txt",) or parts[0].startswith(".")


class Nothing(RunFolder):
    """The folder as a rank other than the first has it: to read from."""

    def occupy(self):
        pass

    def create(self, overwrite, settings):
        pass

    def settle(self):
        pass

    def bring_back(self):
        pass

    def sweep(self):
        pass

    def write_json(self, name, values):
        pass

    def open_metrics(self, step=0, between=True):
        pass

    def note(self, **values):
        pass

    def open_board(self, step):
        pass

    def close(self):
        pass


def read_metrics(path):
    """The lines of a run's metrics.csv as {column: number or None}; half a line at its end is passed over."""
    try:
        with open(Path(path) / "metrics.csv", newline="", encoding="utf-8") as file:
            text = file.read()
    except UnicodeDecodeError as error:
        raise Refusal(f"{Path(path) / 'metrics.csv'}: it is no text: {error.reason}") from None
    whole = text[: text.rfind("\n") + 1]
    rows = csv.DictReader(whole.splitlines())
    if tuple(rows.fieldnames or ()) != COLUMNS:
        raise Refusal(f"{path}: metrics.csv has other columns than a run's: {', '.join(rows.fieldnames or ())}")
    try:
        read = [{name: number(row[name]) for name in COLUMNS} for row in rows]
        if any(row["step"] is None or row["epoch"] is None for row in read):
            raise ValueError("a line without its step or epoch")
        return read
    except (TypeError, ValueError) as error:
        raise Refusal(f"{Path(path) / 'metrics.csv'}: {error}; take that line out") from None


def number(text):
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() else float(text)
