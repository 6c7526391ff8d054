"""The loop: epochs of batches, a step each, measured, kept and stopped without losing anything."""

import time
from dataclasses import dataclass

import numpy as np

import scratch
from scripts.training import checkpoints

CHUNK = 1024  # rows that are evaluated at once
BETWEEN = 1.0  # seconds between two checkpoints at ends of epochs


class NotFinite(Exception):
    """A loss, or the outputs that it is of, is no number: where it was seen, and the rows of that batch."""

    def __init__(self, text, rows):
        super().__init__(text)
        self.rows = rows


def steps_per_epoch(options, data):
    return -(-len(data.train) // options.batch_size)


def batches(data, options, progress):
    """The numbers of the rows of each batch in the rest of an epoch."""
    rows, size = data.order(options.seed, progress.epoch), options.batch_size
    return (rows[start : start + size] for start in range(progress.batch * size, len(rows), size))


def batch_of(data, task, rows):
    """(x, target) of rows, as the model and the loss take them."""
    return task.x(data.x[rows]), task.target(data.target[rows], data.x.dtype)


def step_size(options, steps):
    """t -> the step size of step t, in closed form: both sides are given the same number."""
    made = schedule(options, steps, Plain(options.lr))
    return made.at if made else lambda t: options.lr


def schedule(options, steps, optimizer):
    """The schedule that options ask for, of an optimizer; None for a constant step size."""
    left = options.schedule_steps
    if options.schedule == "step":
        return scratch.optim.StepLR(optimizer, left or max(1, steps // 3))
    if options.schedule == "cosine":
        return scratch.optim.CosineAnnealingLR(optimizer, left or max(1, steps))
    return scratch.optim.LinearWarmup(optimizer, left or max(1, steps // 10)) if options.schedule == "warmup" else None


@dataclass
class Plain:
    """What a schedule asks of an optimizer."""

    lr: float
    initial_lr: float | None = None


def train(side, data, task, options, folder, progress, stop, screen):
    """Train to the last epoch, or until asked to stop; the exit status that it asked for, or 0."""
    per_epoch = steps_per_epoch(options, data)
    rate = step_size(options, per_epoch * options.epochs)
    began, saved = time.monotonic() - progress.seconds, time.monotonic()
    asked, first = 0, progress.step
    while progress.epoch < options.epochs and not asked:
        for rows in batches(data, options, progress):
            lr, measured = rate(progress.step), progress.step % options.log_interval == 0
            loss, length = one_step(side, batch_of(data, task, rows), lr, measured, progress.step, rows)
            progress.batch += 1
            progress.seconds = time.monotonic() - began
            if measured:
                numbers = {"step": progress.step, "epoch": progress.epoch, "loss": loss, "lr": lr}
                folder.note(**numbers, gradient_norm=length, seconds=round(progress.seconds, 3))
                screen.line(numbers, per_epoch * options.epochs)
            progress.step += 1
            if options.checkpoint_interval and progress.step % options.checkpoint_interval == 0:
                checkpoints.save(folder.checkpoints, f"step-{progress.step:08}", side, progress)
            asked = side.agree(stop.status)
            if asked:
                break
        else:
            progress.epoch, progress.batch = progress.epoch + 1, 0
            loss, metric = evaluate(side, data, task, data.test, progress.step)
            numbers = {"step": progress.step, "epoch": progress.epoch, "test_loss": loss}
            folder.note(**numbers, test_metric=metric, seconds=round(progress.seconds, 3))
            screen.line(numbers | {f"test {task.metric}": metric}, per_epoch * options.epochs)
            if metric is not None and (progress.best is None or metric > progress.best):
                progress.best = metric
                checkpoints.save(folder.checkpoints, "best", side, progress)
            if side.agree(time.monotonic() - saved > BETWEEN) and progress.epoch < options.epochs:
                checkpoints.save(folder.checkpoints, "last", side, progress)
                saved = time.monotonic()
    if progress.step > first:
        checkpoints.save(folder.checkpoints, "last", side, progress)
    return asked


def one_step(side, batch, lr, measured, step, rows):
    """(loss, length of the gradient or None); NotFinite where the loss is none, the weights as they were."""
    try:
        return side.step(*batch, lr, measured)
    except FloatingPointError as error:
        raise NotFinite(f"step {step}: {error}; {first_not_finite(side, batch[0])}", rows) from None


def evaluate(side, data, task, rows, step):
    """(loss, metric) over rows, CHUNK at a time, after so many steps; None for a metric that is none."""
    total, predicted = 0.0, []
    for start in range(0, len(rows), CHUNK):
        some = rows[start : start + CHUNK]
        x, target = batch_of(data, task, some)
        output = side.outputs(x)
        if not np.isfinite(output).all():
            raise NotFinite(f"step {step}, rows held out: {first_not_finite(side, x)}", some)
        loss = side.losses(output, target)
        if not np.isfinite(loss):
            raise NotFinite(f"step {step}, rows held out: the loss is {loss}", some)
        total += loss * len(some)
        predicted.append(task.predicted(output))
    metric = task.score(np.concatenate(predicted), data.target[rows])
    return total / len(rows), metric if np.isfinite(metric) else None


def first_not_finite(side, x):
    """The first layer whose output is not finite, from the input on; the weights that are not, before."""
    odd = next((name for name, array in side.weights().items() if not np.isfinite(array).all()), None)
    with np.errstate(all="ignore"):
        try:
            layer = next((name for name, y in side.parts(x) if not np.isfinite(y).all()), None)
        except ValueError as error:
            layer = str(error)
    seen = f"first seen behind {layer}" if layer else "every layer's output is finite"
    return f"{seen}{f', weights {odd} are not finite' if odd else ''}"
