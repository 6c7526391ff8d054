"""What a person reads and what a machine reads of a comparison."""

import math
from dataclasses import asdict, dataclass

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


@dataclass(frozen=True)
class Finding:
    """A cause that was found: its code, the row it concerns, where, one sentence, and how sure (0..1).

    where: `mine.py:23`, or the part of a network, `layers.2 (Tanh), mine.py:23`. repair: where one was confirmed.
    """

    code: str
    row: str
    where: str
    sentence: str
    confidence: float = 1.0
    repair: Repair | None = None


@dataclass(frozen=True)
class Report:
    """The outcome of a comparison. ok is True only if everything was judged and agrees.

    verdict: "pass", "fail", "void" (nothing was proved), "error" (the subject raised). unjudged: inputs that could have
    a gradient and were given none.
    """

    title: str
    conditions: str
    rows: tuple[Row, ...] = ()
    causes: tuple[Finding, ...] = ()
    unjudged: tuple[str, ...] = ()

    @property
    def ok(self):
        return self.verdict == "pass"

    @property
    def verdict(self):
        verdicts = {row.verdict for row in self.rows}
        codes = {finding.code for finding in self.causes}
        if "raised" in codes and not self.rows:
            return "error"
        if "fail" in verdicts or codes & {"raised", "input-mutated"}:
            return "fail"
        judged = any(row.kind != "output" for row in self.rows)
        return "pass" if judged and verdicts == {"pass"} else "void"

    @property
    def worst(self):
        """The row that uses most of its budget; None where there are no rows."""
        return max(self.rows, key=lambda row: row.share, default=None)

    def to_dict(self):
        """Plain data for JSON; numbers that JSON lacks (inf, nan) as text."""
        rows = [asdict(row) | {"share": row.share} for row in self.rows]
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
            }
        )

    def __str__(self):
        table = [row_cells(row) for row in self.rows]
        widths = [max((len(cells[i]) for cells in table), default=0) for i in range(5)]
        lines = [f"{self.title}      {self.conditions}"]
        lines += [
            f" {cells[0]:4}  {cells[1]:{widths[1]}}  {cells[2]:{widths[2]}}  {cells[3]:>{widths[3]}}  "
            f"{cells[4]:>{widths[4]}}  {cells[5]}".rstrip()
            for cells in table
        ]
        lines += [f"{finding.code}: {finding.sentence}" for finding in self.causes]
        if self.unjudged:
            lines.append(f"not judged, since backward gives no gradient: {', '.join(self.unjudged)}")
        return "\n".join([*lines, self.summary()])

    def summary(self):
        """The last line: how many differ, and what a pass could still hide."""
        if self.verdict == "error":
            return "Nothing was compared."
        failed = sum(row.verdict == "fail" for row in self.rows)
        if failed:
            forward = {row.verdict for row in self.rows if row.kind == "output"}
            ours = forward == {"pass"} and not any(finding.code == "twin-differs" for finding in self.causes)
            blame = " The forward agrees: the mistake is in backward." if ours else ""
            return f"{failed} of {len(self.rows)} differ.{blame}"
        if not any(row.kind in ("input", "parameter", "quantity") for row in self.rows):
            return "Nothing was proved: no gradient was returned."
        if void := sum(row.verdict == "void" for row in self.rows):
            return f"Nothing was proved for {void} of {len(self.rows)}; the rest agree."
        hides, blurred = max(row.hides for row in self.rows), sum(row.blurred for row in self.rows)
        but = f", but for {blurred} that rounding swamps" if blurred else ""
        return f"All {len(self.rows)} agree. No entry could hide a relative error above {hides:.1e}{but}."


def row_cells(row):
    """verdict, name, shape, error, share of budget, remark: the columns of a printed row."""
    name = f"grad {row.name}" if row.kind in ("input", "parameter") else row.name
    verdict = "FAIL" if row.verdict == "fail" else row.verdict
    if row.worst is None:
        return verdict, name, str(row.shape), "", "", f"{row.note}   {row.cause or ''}".strip()
    remark = row.note
    if row.verdict == "fail":
        worst = row.worst
        remark = f"worst at {worst.index}: {number(worst.ours)}, should be {number(worst.theirs)}   {row.cause or ''}"
    return verdict, name, str(row.shape), f"{row.error:.1e}", share_text(row.share), remark.strip()


def share_text(share):
    """A share of the budget for people: a percentage up to a hundredfold, then a factor."""
    return f"{share:.0%} of budget" if share < 100 else f"{share:.0e} x budget"


def number(value):
    """Six significant digits with a true minus sign."""
    return f"{value:.6g}".replace("-", "−")


def json_safe(value):
    """Tuples as lists, infinities and NaN as text, everything else as it is."""
    if isinstance(value, dict):
        return {key: json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
