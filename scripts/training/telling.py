"""What a person sees while a run trains: a bar on a terminal, plain lines elsewhere; all of it on standard error."""

import time

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from parity.faces.screen import Screen

EVERY = 1.0  # seconds between two plain lines
NARROW = 72  # columns below which a bar would cut off what is told


class Telling:
    """line() of what was measured; say() of anything else."""

    def __init__(self, quiet=False):
        self.console = Screen(stderr=True)
        if not self.console.is_terminal:
            self.console = Screen(stderr=True, width=180)
        self.quiet, self.bar, self.task, self.told = quiet, None, None, 0.0

    def __enter__(self):
        wide = self.console.is_terminal and not self.console.is_dumb_terminal and self.console.width >= NARROW
        if wide and not self.quiet:
            columns = TextColumn("{task.description}"), BarColumn(None), TextColumn("{task.percentage:3.0f} %")
            how: dict = {"console": self.console, "transient": True, "redirect_stdout": False, "redirect_stderr": False}
            self.bar = Progress(*columns, TimeRemainingColumn(), **how)
            self.bar.start()
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """Take the bar away: what comes now stays."""
        if self.bar:
            self.bar.stop()

    def say(self, text, always=False):
        """A line, on the first rank; always: on any."""
        if always or not self.quiet:
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def line(self, numbers, steps):
        """What was measured at a step, of so many."""
        shown = "  ".join(f"{name.replace('_', ' ')} {short(value)}" for name, value in numbers.items())
        if self.bar:
            if self.task is None:
                self.task = self.bar.add_task("", total=steps)
            self.bar.update(self.task, completed=numbers["step"], description=shown)
        elif "test_loss" in numbers or time.monotonic() - self.told >= EVERY:
            self.told = time.monotonic()
            self.say(shown)


def short(value):
    return f"{value:.4g}" if isinstance(value, float) else value
