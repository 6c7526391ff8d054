"""Runs killed, interrupted or out of disk at random moments: does each go on to the weights of the unbroken one?

python -m parity_tests.kills --count 100 prints how many did; exit status 0 if all.
"""

import argparse
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from parity_tests.trained import arrays, command, equal, lines

TRAINING = ("--data", "digits", "--model", "mlp", "--epochs", "100", "--checkpoint-interval", "7", "--clip", "1")


ENDS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, "full disk")


def end(process, how, size=20_000):
    """Send a signal, or let no file grow beyond a size from now on, as on a disk that is full."""
    if how == "full disk":
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, size))
    else:
        process.send_signal(how)


def killed_until_done(runs, name, arguments, moments, how=signal.SIGKILL):
    """Train, ended after each of the moments (seconds), going on each time; whether it came to its end."""
    line = command(runs, "--name", name, *arguments)
    for moment in (*moments, None):
        with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            if moment is not None:
                time.sleep(moment)
                end(process, how)
            process.communicate(timeout=600)
        if process.returncode == 0:
            return True
        kept = any((runs / name / "checkpoints" / f"{stem}.npz").exists() for stem in ("last", "previous"))
        begun = ("--resume", runs / name) if kept else ("--name", name, "--overwrite", *arguments)
        line = command(runs, *begun)
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--backend", choices=("scratch", "torch"), default="scratch")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw, arguments, right = random.Random(options.seed), (*TRAINING, "--backend", options.backend), 0
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        began = time.monotonic()
        subprocess.run(command(runs, "--name", "whole", *arguments), check=True, capture_output=True)
        took = time.monotonic() - began
        for number in range(options.count):
            name, how = f"killed{number}", draw.choice(ENDS)
            moments = [draw.uniform(0, took) for _ in range(draw.randint(1, 3))]
            done = killed_until_done(runs, name, arguments, moments, how)
            same = done and equal(arrays(runs / "whole"), arrays(runs / name))
            same = same and lines(runs / "whole") == lines(runs / name)
            right += same
            if not same:
                sys.stdout.write(f"{how} after {moments}: not the same\n")
    sys.stdout.write(f"{options.backend}: {right} of {options.count} broken runs end with the unbroken run's weights\n")
    return 0 if right == options.count else 1


if __name__ == "__main__":
    sys.exit(main())
