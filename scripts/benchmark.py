"""Speed, as ratios of medians measured in turn within one run, and what checkers make of planted mistakes.

python scripts/benchmark.py neuron: one iteration of the Iris descent.
python scripts/benchmark.py checker: parity.check and torch's own checks on planted mistakes, and their cost by size.
python scripts/benchmark.py train: one training step by hand, in torch, in scikit-learn, and its bare matrix products.
python scripts/benchmark.py sweep: that step against batch size and width, as a table and a picture.
"""

import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.benchmarks.timing import machine
from scripts.cli import Parser, console, run

QUESTIONS = ("neuron", "checker", "train", "sweep")


def main(arguments):
    parser = Parser(prog="benchmark.py", description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=QUESTIONS, help="see above")
    options = parser.parse_args(arguments)
    screen = console()
    screen.print(machine(), highlight=False)
    module = importlib.import_module(f"scripts.benchmarks.{options.what}")
    return getattr(module, options.what)(screen)


if __name__ == "__main__":
    run(main)
