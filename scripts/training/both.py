"""The same training by both sides in lockstep: each step judged, the drift drawn."""

import json
from dataclasses import dataclass
from typing import Any

import parity
import scratch
from scripts.cli import write_whole
from scripts.training import by_hand, in_torch, loop
from scripts.training.checkpoints import Progress
from scripts.training.options import optimizer_of
from scripts.training.settings import settings_of


def in_lockstep(options, data, task, device, folder, telling):
    """Train both sides for all epochs; 0 if every step agrees, 1 if one does not, 3 if that cannot be decided."""
    folder.create(options.overwrite, settings_of(options, task, data))
    folder.settle()
    try:
        report = compare(options, data, task, device, folder, telling)
        scratch.save(folder.checkpoints / "last.safetensors", report.net)
    finally:
        folder.close()
    print(json.dumps({"run": str(folder.path), "agree": report.ok, "steps": len(report.steps), "began": report.began}))
    return 0 if report.ok else 1 if report.parted else 3


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
        Batches(data, task, options),
        optimizer_of(options),
        taken,
        task.loss,
        schedule_of(options, steps),
        device=device,
        seed=options.seed,
    )


@dataclass(frozen=True)
class Batches:
    """The batches of one epoch after the other, each made when it is its turn."""

    data: Any
    task: Any
    options: Any

    def __iter__(self):
        for epoch in range(self.options.epochs):
            for rows in loop.batches(self.data, self.options, Progress(epoch=epoch)):
                yield loop.batch_of(self.data, self.task, rows)


def schedule_of(options, steps):
    """The schedule as lockstep takes it: a name that both sides have, with its options."""
    if options.schedule == "constant":
        return None
    made = loop.schedule(options, steps, loop.Plain(options.lr))
    return type(made).__name__, {name: getattr(made, name) for name in made.options}
