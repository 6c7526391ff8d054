"""What checkers make of the planted mistakes of parity_tests, and what a check costs by size."""

from collections import Counter, defaultdict

import numpy as np
from rich.table import Table

from parity.subjects import read
from parity_tests.mutants import MUTANTS, RIGHT
from parity_tests.scoring import checked, scored
from scripts.benchmarks.rivals import RIVALS, assert_close_objects, gradcheck_objects
from scripts.benchmarks.scale import scale

COLUMNS = ("planted", "caught", "named", "unknown", "misnamed", "rows", "line", "repaired", *RIVALS)


def checker(screen):
    """Print the confusion matrix over the planted mistakes and their right versions, and the costs; 0."""
    by_code = defaultdict(list)
    for mutant in MUTANTS:
        score = scored(mutant)
        by_code[mutant.code].append((score, objections(mutant, score.report)))
    results = Table("code", *COLUMNS, title="Planted mistakes: what parity.check says of them, and who else objects")
    for column in results.columns:
        column.no_wrap = True
    for column in results.columns[1:]:
        column.justify = "right"
    for code, found in sorted(by_code.items()):
        results.add_row(code, *cells(found))
    everything = [pair for found in by_code.values() for pair in found]
    results.add_section()
    results.add_row("all", *cells(everything))
    results.add_row("right versions", *alarms())
    screen.print(results)
    scale(screen)
    return 0


def alarms():
    """One row of the matrix for right versions: how many are called wrong."""
    reports = [(right, checked(right)) for right in RIGHT]
    called = sum(report.verdict in ("fail", "error") for _, report in reports)
    others = [objections(right, report) for right, report in reports]
    return (str(len(RIGHT)), str(called), *[""] * 6, *(str(sum(found)) for found in zip(*others, strict=True)))


def cells(found):
    """One row of the matrix from [(Score, [whether each rival objects])]."""
    scores, count = [score for score, _ in found], len(found)
    others = Counter(score.codes[0] for score in scores if score.named == "wrong")
    repairs = [score.repaired for score in scores if score.repaired is not None]
    return (
        str(count),
        str(sum(score.caught for score in scores)),
        str(sum(score.named == "right" for score in scores)),
        str(sum(score.named == "unknown" for score in scores)),
        ", ".join(f"{n} {code}" for code, n in others.most_common()) or "0",
        str(sum(score.rows for score in scores)),
        str(sum(score.line for score in scores)),
        f"{sum(repairs)} of {len(repairs)}",
        *(str(sum(caught[i] for _, caught in found)) for i in range(len(RIVALS))),
    )


def objections(mutant, report):
    """Whether each of the RIVALS objects to a mutant."""
    slow, fast = (gradcheck_objects(mutant.build, drawn(mutant), mode) for mode in (False, True))
    return [slow, fast, assert_close_objects(report)]


def drawn(mutant):
    """The mutant's inputs as arrays in float64, shapes drawn as parity.check draws them."""
    from parity.inputs import prepare

    rng = np.random.default_rng(0)
    given = mutant.given(np.random.default_rng(0))
    names = read(mutant.build(), given).input_names
    return tuple(prepare(name, value, np.dtype(float), rng) for name, value in zip(names, given, strict=False))
