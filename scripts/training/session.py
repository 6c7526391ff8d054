"""One run from its options to its last line."""

import importlib.util
import json
import sys
import traceback
from pathlib import Path

import scratch
from scripts.cli import Refusal
from scripts.training import checkpoints, data, loop, task
from scripts.training.by_hand import build
from scripts.training.folder import Nothing, RunFolder
from scripts.training.going_on import check_data, found, go_on, stored_of
from scripts.training.options import check_used, completed, optimizer_of
from scripts.training.place import is_memory, peak, place, side_of
from scripts.training.ranks import FAILED, agreed, first_line, join, leave, of_environment, silent
from scripts.training.settings import mark_of, name_of, settings_of
from scripts.training.stopping import Stop
from scripts.training.telling import Telling


def start(given):
    """Train as asked, as one of several ranks where torchrun says so; the exit status."""
    ranks = of_environment()
    try:
        status = begin(given, ranks)
    except Refusal:
        raise
    except MemoryError:
        print(f"train.py: out of memory: {peak()}", file=sys.stderr, flush=True)
        status = FAILED
    except Exception as error:
        if not ranks.many:
            raise
        late = "imed out" in str(error)
        lost = "another rank is gone or hangs: " if late or "Connection" in str(error) else ""
        if not lost and not isinstance(error, OSError):  # a mistake of ours
            traceback.print_exc()
        print(f"train.py: rank {ranks.rank}: {lost}{first_line(error)}", file=sys.stderr, flush=True)
        for rank in silent(ranks, looks=late):
            print(f"train.py: rank {rank} gives no sign of life", file=sys.stderr, flush=True)
        status = FAILED
    return leave(status) if ranks.many else status


def begin(given, ranks):
    """Prepare data, task, device and side, then train."""
    path, checkpoint = found(given) if "resume" in given else (None, None)
    stored = stored_of(path, given) if path else {}
    options = completed(stored.get("options", {}) | given)
    options.fsdp = options.fsdp and (ranks.many or "fsdp" in given)  # what ranks began, one process may go on with
    optimizer_of(options)  # refuses what it has not
    device = place(options, ranks, again=path is not None)
    if ranks.many:
        join(ranks, device, options.timeout)
    prepared, chosen = prepare(options, stored, path)
    if path:
        check_data(stored, prepared, options)
    else:
        check_used(given, chosen.model, options.data)
    place_of_run = path or Path(options.runs) / (options.name or agreed(ranks, name_of(chosen, prepared)))
    with Telling(quiet=ranks.rank > 0) as telling:
        for line in (*prepared.notes, described(options, chosen, prepared, device, ranks)):
            telling.say(line)
        if options.dry_run:
            RunFolder(place_of_run).check(options.overwrite or path)
            telling.say(planned(options, chosen, prepared, place_of_run))
            return 0
        if importlib.util.find_spec("safetensors") is None:
            raise Refusal('weights are kept as .safetensors, which needs a package: pip install "handgrad[files]"')
        if options.backend == "both":
            from scripts.training.both import in_lockstep

            return in_lockstep(options, prepared, chosen, device, RunFolder(place_of_run), telling)
        folder = (Nothing if ranks.rank else RunFolder)(place_of_run)
        return run(options, folder, path is not None, checkpoint, prepared, chosen, device, ranks, telling)


def prepare(options, stored, path):
    """(Data, Task); of a run that goes on, whose config.json may hold anything, what cannot be is refused."""
    try:
        prepared = data.prepare(options, stored.get("data"))
        return prepared, task.choose(options, prepared)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        if not path:
            raise
        raise Refusal(f"{path.absolute()}: config.json is no run's: {type(error).__name__}: {error}") from error


def run(options, folder, again, checkpoint, prepared, chosen, device, ranks, telling):
    """Train one side in its folder, from the start or, again, from a checkpoint."""
    progress, loss, metric, ended = checkpoints.Progress(), None, None, ""
    try:
        side = side_of(options, chosen, device, ranks)
        if again:
            progress = go_on(folder, checkpoint, side, options, prepared, telling)
        else:
            set_up(folder, side, options, chosen, prepared, progress)
        if options.tensorboard:
            folder.open_board(progress.step)
        if options.lockstep and not progress.step:
            status, ended = first_steps(options, prepared, chosen, device, folder, telling)
        if not ended:
            with Stop() as stop:
                status = loop.train(side, prepared, chosen, options, folder, progress, stop, telling)
            loss, metric = loop.evaluate(side, prepared, chosen, prepared.test, progress.step)
            ended = "finished" if status == 0 else "stopped"
            if status:
                telling.say(f"saved at step {progress.step}; --resume {folder.path} goes on")
    except loop.NotFinite as error:
        folder.write_json("failure.json", {"why": str(error), "rows": error.rows.tolist()})
        telling.say(f"train.py: {error}\n  {last_good(folder)}; the rows of the batch are in failure.json")
        status, ended = 3, "not finite"
    except (MemoryError, RuntimeError) as error:
        if options.deterministic and "deterministic" in str(error):
            raise Refusal(f"--deterministic: {str(error).partition(',')[0]}; it trains without the flag") from None
        if not is_memory(error):
            raise
        who = f"rank {ranks.rank}: " if ranks.many else ""
        why = f"{who}out of memory with --batch-size {options.batch_size}: {peak()}; take a smaller one"
        telling.say(f"train.py: {why}\n  {last_good(folder)}", always=True)
        status, ended = 3, "out of memory"
    finally:
        if ended:
            result = {"run": str(folder.path), "ended": ended, "backend": options.backend, "device": str(device)}
            result |= {"steps": progress.step, "epochs": progress.epoch}
            result |= {"test_loss": loss, f"test_{chosen.metric}": metric, f"best_{chosen.metric}": progress.best}
            if folder.exists():
                folder.write_json("result.json", result)
        folder.close()
    telling.end()
    if not ranks.rank:
        print(json.dumps(result), flush=True)
    return status


def set_up(folder, side, options, chosen, prepared, progress):
    """The folder of a new run, with a checkpoint before the first step; a disk that takes neither is refused."""
    settings = settings_of(options, chosen, prepared)
    progress.run = mark_of(settings)
    try:
        folder.create(options.overwrite, settings)
        checkpoints.save(folder.checkpoints, "last", side, progress)
        folder.settle()
    except OSError as error:
        folder.bring_back()
        raise Refusal(f"cannot write to {folder.path.absolute()}: {error.strerror or error}") from None


def first_steps(options, prepared, chosen, device, folder, telling):
    """Take the first steps by both sides; (0, "") where the training is to take them once more and go on."""
    from scripts.training import both

    report = both.compare(options, prepared, chosen, device, folder, telling)
    return (0, "") if report.ok else (1, "the sides disagree") if report.parted else (3, "undecided")


def described(options, chosen, prepared, device, ranks):
    """What is about to be trained, in one line."""
    sizes = ", ".join(f"{name} {value}" for name, value in chosen.sizes.items())
    rows = f"{len(prepared.train)} rows to train on, {len(prepared.test)} held out"
    side = {"scratch": "by hand", "torch": "in torch", "both": "by hand and in torch"}[options.backend]
    many = f" of {ranks.world} ranks{', sharded' if options.fsdp else ''}" if ranks.many else ""
    where = f"{options.dtype}, on {device}{many}"
    return f"{prepared.name}: {rows}; {chosen.model} ({sizes}), {chosen.loss}; {side}, {where}"


def planned(options, chosen, prepared, folder):
    """What a training would take, in one line."""
    steps = loop.steps_per_epoch(options, prepared)
    weights = sum(array.size for array in scratch.named_parameters(build(chosen, 0, "float32")).values())
    schedule = "" if options.schedule == "constant" else f", {options.schedule}"
    how = f"{options.epochs} epochs of {steps} steps, {options.optimizer} at {options.lr:g}{schedule}"
    return f"{how}; {weights:,} weights; would be kept in {folder}; nothing is written"


def last_good(folder):
    """Where the newest checkpoint of a run is."""
    good = next(filter(checkpoints.is_finite, checkpoints.kept(folder.checkpoints)), None)
    return f"last good checkpoint: {good}" if good else "no good checkpoint has been kept yet"
