"""The same training by both sides in lockstep: each step judged, the drift drawn."""

import json
from itertools import islice
from pathlib import Path

import parity
import scratch
from scripts.cli import Refusal, write_whole
from scripts.training import by_hand, in_torch, loop
from scripts.training.checkpoints import Progress
from scripts.training.folder import RunFolder, name_of, settings_of
from scripts.training.options import optimizer_of


def in_lockstep(options, data, task, device, telling):
    """Train both sides for all epochs; 0 if every step agrees, else 1."""
    if options.clip or options.schedule == "warmup":
        raise Refusal("--backend both takes no --clip and no warmup: both sides take plain steps")
    folder = RunFolder(Path(options.runs) / (options.name or name_of(options, task, data)))
    folder.create(options.overwrite, settings_of(options, task, data))
    steps = -(-len(data.train) // options.batch_size) * options.epochs
    try:
        report = judged(options, data, task, device, steps)
        telling.say(str(report))
        text = json.dumps(report.to_dict(), indent=1)
        write_whole(folder.path / "lockstep.json", lambda path: path.write_text(text + "\n", encoding="utf-8"))
        report.plot(folder.path / "lockstep.png")
        scratch.save(folder.checkpoints / "last.safetensors", report.net)
    finally:
        folder.close()
    print(json.dumps({"run": str(folder.path), "agree": report.ok, "steps": len(report.steps), "began": report.began}))
    return 0 if report.ok else 1


def judged(options, data, task, device, steps):
    """The LockstepReport of the first steps of a training, taken by both sides from one start."""
    return parity.lockstep(
        by_hand.build(task, options.seed, options.dtype),
        in_torch.build(task, options.dtype),
        islice(all_batches(data, task, options), steps),
        optimizer_of(options),
        steps,
        task.loss,
        schedule_of(options, steps),
        device=device,
        seed=options.seed,
    )


def all_batches(data, task, options):
    """The batches of one epoch after the other."""
    for epoch in range(options.epochs):
        for rows in loop.batches(data, options, Progress(epoch=epoch)):
            yield loop.batch_of(data, task, rows)


def schedule_of(options, steps):
    """The schedule as lockstep takes it: a name that both sides have, with its options."""
    if options.schedule == "constant":
        return None
    made = loop.schedule(options, steps, loop.Plain(options.lr))
    return type(made).__name__, {name: getattr(made, name) for name in made.options}
