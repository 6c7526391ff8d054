"""What a person reads and what a machine reads of a comparison."""

import math
from dataclasses import asdict, dataclass, replace

from parity.faces.text import FATAL, lines
from parity.places import lines_of
from parity.rows import Row


@dataclass(frozen=True)
class Repair:
    """The smallest change that makes a gradient right, as an edit of the user's own source.

    In `file`, the text `old` that starts at line `line` (from 1) and column `column` (from 0, in characters) becomes
    `new`. sentence: the same for a person, `multiply by 1 − h²`.
    """

    file: str
    line: int
    column: int
    old: str
    new: str
    sentence: str

    def applied(self, text):
        """The text of the file with the edit made. Raises ValueError where `old` does not stand there."""
        start = sum(map(len, lines_of(text)[: self.line - 1])) + self.column
        if not text.startswith(self.old, start):
            raise ValueError(f"{self.file}:{self.line} does not read {self.old!r} at column {self.column}")
        return text[:start] + self.new + text[start + len(self.old) :]


@dataclass(frozen=True)
class Finding:
    """A cause that was found: its code, the row it concerns, where, one sentence, and how sure (0..1).

    where: `mine.py:23`, or the part of a network, `layers.2 (Tanh), mine.py:23`. repair: where one was confirmed.
    also: further rows that the same mistake makes wrong.
    """

    code: str
    row: str
    where: str
    sentence: str
    confidence: float = 1.0
    repair: Repair | None = None
    also: tuple[str, ...] = ()

    def concerns(self, row):
        """Whether it is about the row of that name."""
        return row == self.row or row in self.also


@dataclass(frozen=True)
class Report:
    """The outcome of a comparison. ok is True only if everything was judged and agrees.

    verdict: "pass", "fail", "void" (nothing was proved), "error" (the subject raised). unjudged: inputs that could have
    a gradient and were given none, and those of integers, for which there is no truth although backward gives one;
    integers: the latter alone.
    """

    title: str
    conditions: str
    rows: tuple[Row, ...] = ()
    causes: tuple[Finding, ...] = ()
    unjudged: tuple[str, ...] = ()
    integers: tuple[str, ...] = ()

    @property
    def ok(self):
        return self.verdict == "pass"

    @property
    def verdict(self):
        verdicts = {row.verdict for row in self.rows}
        codes = {finding.code for finding in self.causes}
        if "raised" in codes and not self.rows:
            return "error"
        if "fail" in verdicts or codes.intersection(FATAL):
            return "fail"
        judged = any(row.kind != "output" for row in self.rows)
        return "pass" if judged and verdicts == {"pass"} else "void"

    @property
    def worst(self):
        """The row that uses most of its budget; None where there are no rows."""
        return max(self.rows, key=lambda row: row.share, default=None)

    def to_dict(self):
        """Plain data for JSON; numbers that JSON lacks (inf, nan) as text."""
        rows = [plain_row(row) for row in self.rows]
        findings = [asdict(finding) for finding in self.causes]
        return json_safe(
            {
                "title": self.title,
                "conditions": self.conditions,
                "ok": self.ok,
                "verdict": self.verdict,
                "rows": rows,
                "causes": findings,
                "unjudged": self.unjudged,
                "integers": self.integers,
            }
        )

    def __str__(self):
        return "\n".join(lines(self))

    def show(self, console=None):
        """Print the same lines on a rich console, this terminal unless told: coloured and folded where it is one."""
        from parity.faces.screen import show

        show(self, console)


def plain_row(row):
    """A row as a dict, without its arrays."""
    found = asdict(replace(row, arrays=None)) | {"share": row.share}
    del found["arrays"]
    return found


def json_safe(value):
    """Tuples as lists, infinities and NaN as text, everything else as it is."""
    if isinstance(value, dict):
        return {key: json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
