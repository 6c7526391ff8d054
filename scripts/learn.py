"""Real training by hand: the digits by a small CNN, the text that comes with Python by a small GPT.

python scripts/learn.py digits: to 97 % of the digits that were held out.
python scripts/learn.py text: to a visibly falling loss, then a few lines in the model's own words.

The first 100 steps are also taken by the torch twin, in lockstep. Exits 0 if they agree and the goal was reached,
else 1.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from scripts.cli import Parser, console, run, seed

GOAL = 0.97  # of the digits that were held out
FALL = 0.75  # of the loss of the untrained model, log(vocabulary), that the text's loss must fall below
IN_LOCKSTEP = 100
EPOCHS, ROWS = 60, 64  # of the digits
STEPS, PIECES, LENGTH = 400, 16, 64  # of the text


def main(arguments):
    parser = Parser(prog="learn.py", description="Training by hand, the first 100 steps in lockstep with torch.")
    parser.add_argument("what", choices=("digits", "text"))
    parser.add_argument("--seed", default=0, type=seed, help="of split, weights and order of the data [0]")
    parser.add_argument("--quick", action="store_true", help="a tenth of the steps, no goal: to see that it runs")
    options = parser.parse_args(arguments)
    return {"digits": digits, "text": text}[options.what](options.seed, options.quick, console())


def digits(chosen, quick, screen):
    """Train the CNN; 0 where it agrees with torch and reaches GOAL."""
    import scratch
    import torch_ref

    table = scratch.data.digits()
    x, rng = table.x.reshape(-1, 1, 8, 8).astype("float32"), np.random.default_rng(chosen)
    train, held_out = scratch.data.split(table.target, 0.25, chosen)

    def batches():
        while True:
            rows = rng.permutation(train)
            yield from ((x[some], table.target[some]) for some in np.split(rows, range(ROWS, len(rows), ROWS)))

    net, twin = scratch.models.cnn(rng=chosen, dtype="float32"), torch_ref.models.cnn(dtype="float32")
    steps = EPOCHS * -(-len(train) // ROWS)
    agree, net = both(net, twin, batches(), 3e-3, steps // 10 if quick else steps, screen)
    right = np.mean(net.eval()(x[held_out]).argmax(axis=1) == table.target[held_out])
    screen.print(f"{right:.1%} of {len(held_out)} digits that were held out are read rightly")
    return 0 if agree and (quick or right >= GOAL) else 1


def text(chosen, quick, screen):
    """Train the GPT; 0 where it agrees with torch and its loss falls below FALL of where it began."""
    import scratch
    import torch_ref

    told, rng = scratch.data.text(), np.random.default_rng(chosen)

    def batches():
        while True:
            starts = rng.integers(0, len(told.ids) - LENGTH, PIECES)
            pieces = np.stack([told.ids[start : start + LENGTH + 1] for start in starts])
            yield pieces[:, :-1], pieces[:, 1:]

    sizes = {"vocabulary": len(told.characters), "layers": 2, "width": 64, "heads": 4, "context": LENGTH}
    net = scratch.models.gpt(**sizes, rng=chosen, dtype="float32")
    twin = torch_ref.models.gpt(**sizes, dtype="float32")
    agree, net = both(net, twin, batches(), 1e-3, STEPS // 10 if quick else STEPS, screen)
    losses = [loss_on(net, batch) for batch, _ in zip(batches(), range(8), strict=False)]
    untrained = np.log(len(told.characters))
    screen.print(f"loss {np.mean(losses):.2f} on other pieces; knowing nothing it would be {untrained:.2f}")
    ids = scratch.models.generate(net, told.ids[:32], 160, LENGTH, rng)
    screen.print("in its own words:", told.read(ids), sep="\n", markup=False, highlight=False)
    return 0 if agree and (quick or np.mean(losses) < FALL * untrained) else 1


def both(net, twin, batches, lr, steps, screen):
    """(whether IN_LOCKSTEP steps agree, the net after all steps): those first ones with the twin, the rest alone."""
    import parity
    import scratch

    began = time.monotonic()
    optimizer = ("Adam", {"lr": lr})
    report = parity.lockstep(net, twin, batches, optimizer, steps=min(IN_LOCKSTEP, steps))
    screen.print(str(report), markup=False, highlight=False)
    net, left = report.net, steps - len(report.steps)
    adam = scratch.optim.Adam(scratch.named_parameters(net), lr=lr)
    for step, batch in zip(range(left), batches, strict=False):
        J = learn(net, adam, batch)
        if step % 50 == 49 or step == left - 1:
            screen.print(f" step {len(report.steps) + step:5}  loss {J:.4f}   {time.monotonic() - began:.0f} s")
    return report.ok, net


def learn(net, optimizer, batch):
    """One step by hand; the loss before it."""
    x, target = batch
    output, cache = net.forward(x)
    J, dy = loss()(output, target)
    optimizer.step(net.gradients(dy, cache))
    return J


def loss_on(net, batch):
    return loss()(net(batch[0]), batch[1])[0]


def loss():
    """Cross-entropy, of all positions of a text together."""
    from scratch.losses import cross_entropy
    from scratch.losses.reduction import over_positions

    return over_positions(cross_entropy)


if __name__ == "__main__":
    run(main)
