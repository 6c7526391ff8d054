"""Which findings a report shows, in which order, and which of them names the cause of a row."""

from dataclasses import replace

FIRST = ("link-doubled", "forward-mismatch")  # a wrong forward makes every gradient wrong
FORWARD_DIFFERS = "the forward already differs; backward is not to blame yet"
GENERAL = ("shape-mismatch", "never-written", "dtype-changed", "non-finite")  # say what is seen, where others say why


def in_order(findings):
    """Findings without repetitions, the forward first; what is said better by another of the same row is left out."""
    unique = list(dict.fromkeys(findings))
    kept = [finding for finding in unique if not outdone(finding, unique)]
    return sorted(kept, key=lambda finding: finding.code not in FIRST)


def unsaid(finding, said):
    """Whether no other finding has that code for that row."""
    return not any(finding.code == other.code and other.concerns(finding.row) for other in said)


def outdone(finding, findings):
    """Whether another finding on the same row says why where this one says what, or nothing."""
    others = [other for other in findings if other is not finding and other.concerns(finding.row)]
    if finding.code == "unknown":
        return any(other.code != "unknown" for other in others)
    if finding.code == "forward-mismatch":
        return any(other.code == "link-doubled" for other in others)
    return finding.code in GENERAL and any(other.code not in (*GENERAL, "unknown", "cancellation") for other in others)


def named(rows, findings):
    """The rows, each wrong one with the code of the first finding that concerns it."""
    for row in rows:
        codes = [f.code for f in findings if f.concerns(row.name) and f.code != "unknown"]
        yield replace(row, cause=codes[0]) if row.verdict == "fail" and codes else row
