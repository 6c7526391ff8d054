"""The same training by both sides in lockstep: each step judged, the drift drawn."""

import json
from itertools import islice

import parity
import scratch
from scripts.cli import write_whole
from scripts.training import by_hand, in_torch, loop
from scripts.training.checkpoints import Progress
from scripts.training.options import optimizer_of
from scripts.training.settings import settings_of


def in_lockstep(options, data, task, device, folder, telling):
    """Train both sides for all epochs; 0 if every step agrees, else 1."""
    folder.create(options.overwrite, settings_of(options, task, data))
    try:
        report = compare(options, data, task, device, folder, telling)
        scratch.save(folder.checkpoints / "last.safetensors", report.net)
    finally:
        folder.close()
    print(json.dumps({"run": str(folder.path), "agree": report.ok, "steps": len(report.steps), "began": report.began}))
    return 0 if report.ok else 1


def compare(options, data, task, device, folder, telling):
    """The LockstepReport of both sides, told and kept in the folder."""
    report = judged(options, data, task, device)
    telling.say(str(report))
    text = json.dumps(report.to_dict(), indent=1)
    write_whole(folder.path / "lockstep.json", lambda path: path.write_text(text + "\n", encoding="utf-8"))
    report.plot(folder.path / "lockstep.png")
    return report


def judged(options, data, task, device):
    """The LockstepReport of the first --lockstep steps by both sides from one start; of all where none are named."""
    steps = loop.steps_per_epoch(options, data) * options.epochs
    taken = min(options.lockstep or steps, steps)
    return parity.lockstep(
        by_hand.build(task, options.seed, options.dtype),
        in_torch.build(task, options.dtype),
        islice(all_batches(data, task, options), taken),
        optimizer_of(options),
        taken,
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
