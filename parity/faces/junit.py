"""Reports as a JUnit XML document, which continuous integration shows as tests: one case per row."""

from xml.etree import ElementTree as ET

from parity.faces.text import finding_lines, row_lines, row_name, summary, visible


def junit(checked):
    """The document for [(report, the command that repeats it)], in ASCII; any name is safe in it."""
    root = ET.Element("testsuites", name="parity")
    root.extend(suite(report, command) for report, command in checked)
    ET.indent(root)
    return ET.tostring(root, encoding="us-ascii", xml_declaration=True).decode("ascii")


def suite(report, command):
    """One report: a failure for a row that differs, an error where nothing was proved or nothing could be compared."""
    cases = [case(report, row, line) for row, line in zip(report.rows, row_lines(report.rows), strict=True)]
    if not report.ok and all(row.verdict == "pass" for row in report.rows):
        cases.append(verdict_case(report))
    found = ET.Element("testsuite", name=visible(report.title), tests=str(len(cases)))
    for tag in ("failure", "error"):
        found.set(f"{tag}s", str(sum(case.find(tag) is not None for case in cases)))
    properties = ET.SubElement(found, "properties")
    for name, value in (("conditions", report.conditions), ("command", command)):
        ET.SubElement(properties, "property", name=name, value=visible(value))
    found.extend(cases)
    return found


def case(report, row, line):
    """The case of one row; where it does not pass, its line and the findings that concern it."""
    found = ET.Element("testcase", classname=visible(report.title), name=visible(row_name(row)))
    if row.verdict != "pass":
        findings = [line for cause in report.causes if cause.row in (row.name, "") for line in finding_lines(cause)]
        tag = "failure" if row.verdict == "fail" else "error"
        outcome = ET.SubElement(found, tag, type=row.cause or row.verdict, message=line.strip())
        outcome.text = "\n".join([line.strip(), *findings])
    return found


def verdict_case(report):
    """The case of a report that is not ok although no row says so."""
    found = ET.Element("testcase", classname=visible(report.title), name="check")
    findings = [line for cause in report.causes for line in finding_lines(cause)]
    outcome = ET.SubElement(found, "error", type=report.verdict, message=" ".join([*findings, summary(report)]))
    outcome.text = "\n".join([*findings, summary(report)])
    return found
