"""Two networks trained by both sides in lockstep: the species of Iris, the progression of diabetes.

The parts are those of train.py, so `train.py --backend both` with the same options takes the same steps.
"""

from scripts.experiments import Experiment, as_report
from scripts.training import both, data, task
from scripts.training.in_torch import scores_of
from scripts.training.options import completed

STEPS = 100


def iris(device, seed, quick):
    """Three species from four measurements."""
    return network("Iris network", {"data": "iris", "lr": 0.5}, device, seed, quick)


def diabetes(device, seed, quick):
    """The progression of a disease from ten measurements, mean squared error."""
    return network("Diabetes regression", {"data": "diabetes", "lr": 0.02}, device, seed, quick)


def network(title, asked, device, seed, quick):
    """Gradient descent, every row in every step, by both sides; the score of each on the rows held out."""
    steps = STEPS // 5 if quick else STEPS
    options = completed(asked | {"optimizer": "sgd", "seed": seed, "epochs": steps})
    prepared = data.prepare(options)
    options.batch_size = len(prepared.train)
    chosen = task.choose(options, prepared)
    lockstep = both.judged(options, prepared, chosen, device)
    sizes = "-".join(map(str, chosen.sizes["sizes"]))
    report = as_report(lockstep, f"{steps} steps of the {sizes} network", device)
    x, target = prepared.x[prepared.test], prepared.target[prepared.test]
    outputs = lockstep.net.eval()(x), scores_of(lockstep.module, x, device)
    hand, twin = (chosen.score(chosen.predicted(output), target) for output in outputs)
    name = chosen.metric.replace("R2", "R²")
    facts = (
        f"{len(prepared.train)} rows to train on, {len(x)} held out"
        + (", classes in their shares" * bool(prepared.classes)),
        f"{name} on the rows held out: {hand:.4f} by hand, {twin:.4f} by torch",
        f"largest difference over the run: {', '.join(f'{row.name} {row.largest:.1e}' for row in report.rows)}",
    )
    values = {"held out": len(x), f"{name} by hand": hand, f"{name} by torch": twin}
    return Experiment(title, (report,), facts, values, {"net": lockstep.net, "data": prepared})
