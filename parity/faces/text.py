"""The plain text of a report, line by line: what str(report) joins and a terminal colours."""

from pathlib import Path

FATAL = ("raised", "input-mutated")  # findings that fail a check whose rows all pass
READ_OUT = "write "  # how a sentence begins that says no more than the old text and the new one
SIDES = ("", "?", "forward", "backward", "contract")  # where a finding may be without a line or a part to name


def lines(report):
    """Every line: the header, a line per row, the findings with their repairs, what was not judged, the summary."""
    findings = [line for finding in report.causes for line in finding_lines(finding)]
    return [header(report), *row_lines(report.rows), *findings, *last_lines(report)]


def header(report):
    return visible(f"{report.title}      {report.conditions}".rstrip())


def row_lines(rows):
    """One line per row, in columns."""
    table = [[visible(cell) for cell in row_cells(row)] for row in rows]
    widths = [max((len(cells[i]) for cells in table), default=0) for i in range(5)]
    return [
        f" {cells[0]:4}  {cells[1]:{widths[1]}}  {cells[2]:{widths[2]}}  {cells[3]:>{widths[3]}}  "
        f"{cells[4]:>{widths[4]}}  {cells[5]}".rstrip()
        for cells in table
    ]


def row_cells(row):
    """verdict, name, shape, error, share of budget, remark: the columns of a printed row."""
    verdict = "FAIL" if row.verdict == "fail" else row.verdict
    if row.worst is None:
        return verdict, row_name(row), str(row.shape), "", "", f"{row.note}   {row.cause or ''}".strip()
    remark = row.note
    if row.verdict == "fail" and row.share <= 1:  # right here, found out by a probe: no share says how far it is off
        return verdict, row_name(row), str(row.shape), "", "", row.cause or "see below"
    if row.verdict == "fail":
        worst = row.worst
        remark = f"worst at {worst.index}: {number(worst.ours)}, should be {number(worst.theirs)}   {row.cause or ''}"
    return verdict, row_name(row), str(row.shape), f"{row.error:.1e}", share_text(row.share), remark.strip()


def row_name(row):
    """`grad weight` for a gradient, the name alone for anything else."""
    return f"grad {row.name}" if row.kind in ("input", "parameter") else row.name


def finding_lines(finding):
    """The code and its sentence, where it is unless the sentence says so, and the repair as an edit of that line."""
    place = "" if finding.where in SIDES or finding.where in finding.sentence else finding.where
    sure = "" if finding.confidence in (0, 1) else f" (confidence {finding.confidence:.0%})"
    text = f"{finding.code}: {place + ': ' if place else ''}{finding.sentence}{sure}"
    return [*map(visible, text.splitlines()), *(repair_lines(finding) if finding.repair else ())]


def repair_lines(finding):
    """The old text behind − and the new one behind +, below where and how, unless the finding or they say so."""
    repair = finding.repair
    if repair.sentence not in finding.sentence and not repair.sentence.startswith(READ_OUT):
        yield visible(f"  {Path(repair.file).name}:{repair.line}: {repair.sentence}")
    for sign, text in (("−", repair.old), ("+", repair.new)):
        yield from (visible(f"  {sign} {line}") for line in text.splitlines())


def last_lines(report):
    """What was not judged, if anything, and the summary."""
    if silent := [name for name in report.unjudged if name not in report.integers]:
        yield visible(f"not judged, since backward gives no gradient: {', '.join(silent)}")
    for name in report.integers:
        yield visible(f"not judged: {name} holds integers; give floats, or a shape such as (4,) for random ones")
    yield summary(report)


def summary(report):
    """The last line: how many differ, and what a pass could still hide."""
    if report.verdict == "error":
        return "Nothing was compared."
    failed = sum(row.verdict == "fail" for row in report.rows)
    if failed:
        forward = {row.verdict for row in report.rows if row.kind == "output"}
        ours = forward == {"pass"} and not any(finding.code == "twin-differs" for finding in report.causes)
        blame = " The forward agrees: the mistake is in backward." if ours else ""
        return f"{failed} of {len(report.rows)} differ.{blame}"
    if not any(row.kind in ("input", "parameter", "quantity") for row in report.rows):
        return "Nothing was proved: no gradient was returned."
    if void := sum(row.verdict == "void" for row in report.rows):
        return f"Nothing was proved for {void} of {len(report.rows)}; the rest agree."
    if report.verdict == "fail":
        codes = ", ".join(dict.fromkeys(f.code for f in report.causes if f.code in FATAL))
        return f"All {len(report.rows)} agree, but the check fails all the same: {codes}."
    hides, blurred = max(row.hides for row in report.rows), sum(row.blurred for row in report.rows)
    but = f", but for {blurred} that rounding swamps" if blurred else ""
    return f"All {len(report.rows)} agree. No entry could hide a relative error above {hides:.1e}{but}."


def share_text(share):
    """A share of the budget for people: a percentage up to a hundredfold, then a factor."""
    return f"{share:.0%} of budget" if share < 100 else f"{share:.0e} x budget"


def number(value):
    """Six significant digits with a true minus sign."""
    return f"{value:.6g}".replace("-", "−")


def visible(text):
    """The text with control characters as escapes: one line stays one line, and no name steers a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
