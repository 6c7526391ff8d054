"""The main job: the lecture by both sides, by hand and in torch, every number compared: python scripts/demo.py.

Exits 0 only if all agree, 1 if anything differs.
"""

import json
import platform
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rich.table import Table

from scripts.cli import Parser, add_device, choose_device, console, prepare_folder, run, seed, write_whole


def main(arguments):
    parser = Parser(prog="demo.py", description="The lecture by hand and in torch, every number compared.")
    add_device(parser)
    parser.add_argument("--out", default="out", metavar="DIR", help="folder for pictures and demo.json [out]")
    parser.add_argument("--seed", default=0, type=seed, help="of splits, first weights and shakes [0]")
    parser.add_argument("--quick", action="store_true", help="fewer steps and points, the same comparisons")
    options = parser.parse_args(arguments)
    device = choose_device(options.device)
    folder = prepare_folder(options.out, "demo.json")
    prepare_folder(folder / "figures")
    screen = console()
    screen.print(f"device: {device}{' (auto)' if options.device == 'auto' else ''}, float64 on both sides")
    started = time.monotonic()
    experiments = run_experiments(device, options, screen)
    pictures = draw(folder, experiments, screen)
    screen.print(closing_table(experiments))
    agree = all(report.ok for experiment in experiments.values() for report in experiment.reports)
    summary = summarise(experiments, device, options, agree)
    text = json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False)
    write_whole(folder / "demo.json", lambda path: path.write_text(text, encoding="utf-8"))
    verdict = "all agree" if agree else "NOT ALL AGREE"
    screen.print(
        f"{verdict}; {time.monotonic() - started:.0f} s; demo.json and {len(pictures) // 2} pictures in {folder}"
    )
    return 0 if agree else 1


def run_experiments(device, options, screen):
    """{name: Experiment}, each printed as soon as it is done."""
    import torch

    from scripts.experiments import iris_neuron, networks, perceptron, worked_example

    torch.set_num_threads(1)  # arrays this small leave a second thread waiting, and on a busy machine spinning
    with screen.status("") as status:

        def progress(step):
            status.update(f"Iris neuron, step {step:,}")

        jobs = {
            "worked example": lambda: worked_example.run(device, options.seed),
            "neuron": lambda: iris_neuron.run(device, options.seed, options.quick, progress),
            "network": lambda: networks.iris(device, options.seed, options.quick),
            "perceptron": lambda: perceptron.run(device),
            "regression": lambda: networks.diabetes(device, options.seed, options.quick),
        }
        experiments = {}
        for name, job in jobs.items():
            status.update(f"{name} …")
            experiments[name] = job()
            show(name, experiments[name], screen)
    return experiments


def show(name, experiment, screen):
    """What one experiment found: its numbers side by side where they are few, facts, and any report that fails."""
    screen.print(f"\n[bold]{experiment.title}[/bold]")
    if name == "worked example":
        screen.print(quantities_table(experiment.values))
    for fact in experiment.facts:
        screen.print(f"  {fact}", highlight=False, soft_wrap=True)
    for report in experiment.reports:
        if not report.ok:
            screen.print(str(report), markup=False, highlight=False)


def numbers_table(*headings):
    """A table of a name and numbers; on a narrow terminal cells fold, and nothing is cut off."""
    table = Table(*headings)
    for column in table.columns:
        column.overflow = "fold"
        column.justify = "left" if column.header in (headings[0], "verdict") else "right"
    return table


def quantities_table(values):
    """Every quantity of the worked example in the lecture's order: by hand, by torch, the difference."""
    table = numbers_table("quantity", "by hand", "torch.nn", "difference")
    for name, hand in values["hand"].items():
        twin = values["torch"][name]
        table.add_row(name, f"{hand:#.12g}", f"{twin:#.12g}", size(abs(hand - twin)))
    return table


def closing_table(experiments):
    """What was compared, how many numbers, the largest difference, the one closest to its budget, the verdict."""
    table = numbers_table("compared", "numbers", "largest difference", "closest to its budget", "verdict")
    table.title = "\nIn all"
    for experiment in experiments.values():
        for report in experiment.reports:
            verdict = "[green]agree[/green]" if report.ok else f"[red]{report.verdict.upper()}[/red]"
            table.add_row(f"{experiment.title}: {report.title}", *report_cells(report), verdict)
    return table


def report_cells(report):
    largest, worst = max(row.largest for row in report.rows), report.worst
    return f"{sum(row.size for row in report.rows):,}", size(largest), f"{size(worst.error)} of {size(worst.budget)}"


def size(number):
    """A difference for people: two digits, or a plain 0."""
    return f"{number:.1e}" if number else "0"


def draw(folder, experiments, screen):
    """The pictures of what was computed by hand."""
    from scripts.figures import draw_all

    worked = experiments["worked example"]
    material = {"entries": worked.values["hand"], "descents": worked.series}
    material |= {name: experiments[name].series for name in ("neuron", "network")}
    with screen.status("pictures …"):
        return draw_all(folder / "figures", material)


def summarise(experiments, device, options, agree):
    """What demo.json holds."""
    import numpy
    import torch

    return {
        "agree": agree,
        "device": str(device),
        "seed": options.seed,
        "quick": options.quick,
        "versions": {"python": platform.python_version(), "numpy": numpy.__version__, "torch": torch.__version__},
        "experiments": {
            name: {"title": e.title, "values": e.values, "reports": [report.to_dict() for report in e.reports]}
            for name, e in experiments.items()
        },
    }


if __name__ == "__main__":
    run(main)
