"""One run from its options to its last line."""

import contextlib
import importlib.util
import json
import os
import sys
from pathlib import Path

import scratch
from scripts.cli import Refusal, choose_device
from scripts.training import checkpoints, data, loop, task
from scripts.training.by_hand import ByHand, build
from scripts.training.folder import Nothing, RunFolder, find, name_of, settings_of
from scripts.training.options import ON_RESUME, check_used, checked, completed, optimizer_of
from scripts.training.ranks import first_line, join, leave, of_environment
from scripts.training.stopping import Stop
from scripts.training.telling import Telling


def start(given):
    """Train as asked, as one of several ranks where torchrun says so; the exit status."""
    ranks = of_environment()
    if not ranks.many:
        return begin(given, ranks)
    try:
        return leave(begin(given, ranks))
    except Refusal:
        raise
    except Exception as error:
        lost = "another rank is gone or hangs: " if "Connection" in str(error) or "imed out" in str(error) else ""
        print(f"train.py: rank {ranks.rank}: {lost}{first_line(error)}", file=sys.stderr, flush=True)
        return 3


def begin(given, ranks):
    """Prepare data, task, device and side, then train."""
    path, checkpoint = find(given.get("runs", "runs"), given["resume"]) if "resume" in given else (None, None)
    stored = stored_of(path, given) if path else {}
    options = completed(stored.get("options", {}) | given)
    options.fsdp = options.fsdp and (ranks.many or "fsdp" in given)  # what ranks began, one process may go on with
    optimizer_of(options)  # refuses what it has not
    device = place(options, ranks)
    if ranks.many:
        join(ranks, device, options.timeout)
    prepared = data.prepare(options)
    chosen = task.choose(options, prepared)
    if path:
        check_data(stored, prepared, options)
    else:
        check_used(given, chosen.model, options.data)
    place_of_run = path or Path(options.runs) / (options.name or name_of(chosen, prepared))
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
        side = side_of(options, chosen, device, ranks)
        folder = (Nothing if ranks.rank else RunFolder)(place_of_run)
        return run(options, folder, path is not None, checkpoint, side, prepared, chosen, telling)


def run(options, folder, again, checkpoint, side, prepared, chosen, telling):
    """Train one side in its folder, from the start or, again, from a checkpoint."""
    progress, loss, metric, ended = checkpoints.Progress(), None, None, ""
    try:
        if again:
            progress = go_on(folder, checkpoint, side, options, telling)
        else:
            folder.create(options.overwrite, settings_of(options, chosen, prepared))
            checkpoints.save(folder.checkpoints, "last", side, progress)
        if options.tensorboard:
            folder.open_board()
        if (
            options.lockstep
            and not progress.step
            and not agree(options, prepared, chosen, side.device, folder, telling)
        ):
            status, ended = 1, "the sides disagree"
        else:
            with Stop() as stop:
                status = loop.train(side, prepared, chosen, options, folder, progress, stop, telling)
            loss, metric = loop.evaluate(side, prepared, chosen, prepared.test, progress.step)
            ended = "finished" if status == 0 else "stopped"
    except loop.NotFinite as error:
        folder.write_json("failure.json", {"why": str(error), "rows": error.rows.tolist()})
        telling.say(f"train.py: {error}\n  {last_good(folder)}; the rows of the batch are in failure.json")
        status, ended = 3, "not finite"
    except (MemoryError, RuntimeError) as error:
        if options.deterministic and "deterministic" in str(error):
            raise Refusal(f"--deterministic: {str(error).partition(',')[0]}; it trains without the flag") from None
        if not isinstance(error, MemoryError) and "out of memory" not in str(error).lower():
            raise
        telling.say(f"train.py: out of memory with --batch-size {options.batch_size}: {peak()}; take a smaller one")
        telling.say(f"  {last_good(folder)}")
        status, ended = 3, "out of memory"
    finally:
        if ended:
            result = {"run": str(folder.path), "ended": ended, "backend": options.backend, "device": str(side.device)}
            result |= {"steps": progress.step, "epochs": progress.epoch}
            result |= {"test_loss": loss, f"test_{chosen.metric}": metric}
            folder.write_json("result.json", result)
        folder.close()
    telling.end()
    if not side.ranks.rank:
        print(json.dumps(result), flush=True)
    return status


def agree(options, prepared, chosen, device, folder, telling):
    """Whether both sides agree in the first steps, which the training then takes once more."""
    from scripts.training import both

    return both.compare(options, prepared, chosen, device, folder, telling).ok


def go_on(folder, checkpoint, side, options, telling):
    """The Progress of the run's checkpoint, which is put into the side."""
    folder.occupy()
    allow = options.allow_nonfinite
    if checkpoint:
        try:
            progress = checkpoints.load(checkpoint, side, allow)
        except ValueError as error:
            raise Refusal(str(error)) from error
    else:
        progress = checkpoints.newest(folder.checkpoints, side, allow, telling.say)
    if progress.epoch > options.epochs or (checkpoint and progress.epoch == options.epochs):
        raise Refusal(f"{folder.path}: {progress.epoch} epochs are done; name more with --epochs")
    again = folder.settings()
    again["options"] |= {name: getattr(options, name) for name in ("epochs", "log_interval", "checkpoint_interval")}
    folder.write_json("config.json", again)
    folder.open_metrics(progress.step, progress.batch == 0)
    telling.say(f"{folder.path}: on from step {progress.step} in epoch {progress.epoch}")
    return progress


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
    if "data" in given and Path(given["data"]).absolute() == Path(own["data"]):
        given["data"] = own["data"]
    changed = [name for name, value in given.items() if name not in ON_RESUME and own[name] != value]
    if changed:
        flags = ", ".join(f"--{name.replace('_', '-')} {own[name]}" for name in changed)
        raise Refusal(
            f"{path} was begun with {flags}; a run goes on as it began, or take a new --name without --resume"
        )
    return stored


def place(options, ranks):
    """The device, once what does not go together is refused."""
    if ranks.many and options.backend != "torch":
        raise Refusal(f"--backend {options.backend} is one process's: under torchrun take --backend torch")
    judged = options.backend == "both" or options.lockstep
    if judged and (ranks.many or options.clip or options.schedule == "warmup" or options.dtype == "bfloat16"):
        raise Refusal(
            "in lockstep one process takes plain steps on both sides: leave out --clip, --schedule warmup and bfloat16"
        )
    if options.fsdp and not ranks.many:
        raise Refusal("--fsdp spreads weights over ranks: start with torchrun --nproc-per-node N scripts/train.py ...")
    by_hand = options.backend == "scratch"
    if options.tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise Refusal('--tensorboard needs a package: pip install "handgrad[tensorboard]"')
    for name in ("compile", "fsdp"):
        if by_hand and getattr(options, name):
            raise Refusal(f"--{name} is torch's: take --backend torch")
    if options.dtype == "bfloat16" and options.backend != "torch":
        raise Refusal("--dtype bfloat16 is torch's: take --backend torch, or float32")
    if by_hand and options.device not in ("auto", "cpu"):
        raise Refusal(f"--device {options.device}: by hand is computed on the CPU; take --backend torch, or cpu")
    if options.deterministic:
        make_deterministic()
    if by_hand:
        return "cpu"
    name = f"cuda:{ranks.local}" if ranks.many and options.device == "cuda" else options.device
    device = choose_device(name, options.dtype)
    return f"cuda:{ranks.local}" if ranks.many and name == "auto" and device.type == "cuda" else device


def make_deterministic():
    """One thread and deterministic kernels; the workspace of cuBLAS is fixed before CUDA starts."""
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    threadpool_limits(1)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def side_of(options, chosen, device, ranks):
    """The side that trains."""
    if options.backend == "scratch":
        return ByHand(chosen, options)
    from scripts.training.in_torch import InTorch

    return InTorch(chosen, options, device, ranks)


def check_data(stored, prepared, options):
    """Refuse to go on with a data file that has changed (Refusal)."""
    before, now = stored["data"].get("sha256"), prepared.source.get("sha256")
    if before != now and not options.allow_changed_data:
        raise Refusal(
            f"{options.data} has changed since the run began; --allow-changed-data goes on with what it is now"
        )


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
    found = [path for path in folder.checkpoints.glob("*.*") if path.suffix in checkpoints.KINDS]
    newest = max(found, key=lambda path: path.stat().st_mtime_ns, default=None)
    return f"last good checkpoint: {newest}" if newest else "no checkpoint has been kept yet"


def peak():
    """The largest memory that this process has taken, and its GPU."""
    import resource

    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    text = f"{size / 2**20:,.0f} MiB taken at most"
    with contextlib.suppress(ImportError, RuntimeError, AssertionError):
        import torch

        if torch.cuda.is_initialized():
            text += f", {torch.cuda.max_memory_allocated() / 2**20:,.0f} MiB on the GPU"
    return text
