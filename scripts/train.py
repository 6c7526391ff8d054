"""Train a network by hand, in torch, or both in lockstep, on CPU or CUDA; nothing is lost when it is stopped.

python scripts/train.py --data mine.csv                      a network for your own table, derived by hand
python scripts/train.py --data mine.csv --backend torch      the same in torch, on the GPU where there is one
python scripts/train.py --resume last                        go on where the last run stopped

Everything of a run is in runs/NAME. The last line on standard output is JSON; the rest goes to standard error.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.cli import run
from scripts.training import options


def main(arguments):
    given = options.parse(arguments)
    from scripts.training.session import start

    return start(given)


if __name__ == "__main__":
    run(main)
