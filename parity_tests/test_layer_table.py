"""Is docs/layers.md what the code says, and has every layer a derivation, cases and a mistake of its own?"""

import re

import scratch
from parity_tests.layer_table import PAGE, page


def test_the_page_is_not_stale():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m parity_tests.layer_table"


def test_every_layer_and_loss_has_all_columns_but_the_step():
    rows = [line for line in page().splitlines() if line.startswith("| [`")]
    names = [re.match(r"\| \[`(\w+)`\]", row).group(1) for row in rows]
    losses = [name for name in scratch.losses.__all__ if name.islower()]
    assert sorted(names) == sorted([*set(scratch.layers.__all__) - {"Layer"}, *losses])
    incomplete = [name for name, row in zip(names, rows, strict=True) if "| – |" in row]
    assert incomplete == ["Step"]
    assert "asking for it is refused" in rows[names.index("Step")]
