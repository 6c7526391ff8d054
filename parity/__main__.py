"""python -m parity check FILE.py:EXPRESSION --input 5,4: judge a hand-derived backward from the command line."""

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    del sys.path[0]  # the working folder: a random.py in it must not take the place of Python's

import json

from parity.faces.arguments import PROGRAM, command, parse
from parity.faces.commandline import run

STATUS = {"pass": 0, "fail": 1, "void": 3, "error": 3}


def main(arguments):
    """Check every subject that is named; the exit status of the worst."""
    options, checked = parse(arguments), []
    from parity.faces.process import check_apart

    for index, subject in enumerate(options.subjects):
        report, again = check_apart(options, index, arguments), command(options, subject)
        checked.append((report, again))
        if options.format == "text":
            show(report, again)
        if options.plot:
            draw(report, options.plot)
    if options.format == "json":
        print(json.dumps(as_json(checked), indent=1))
    if options.format == "junit":
        from parity.faces.junit import junit

        print(junit(checked))
    return max(STATUS[report.verdict] for report, _ in checked)


def show(report, again):
    """The report on this terminal, and the command that repeats it, which no line break of ours spoils."""
    from parity.faces.screen import console

    screen = console()
    report.show(screen)
    screen.print(f"Again: {again}", soft_wrap=True, markup=False, highlight=False)


def draw(report, path):
    """The picture of the gradients, or a line on stderr that says why there is none."""
    from parity.faces.plot import plot

    try:
        plot(report, path)
    except ValueError as error:
        print(f"no picture: {error}", file=sys.stderr)


def as_json(checked):
    """One object: the report and its command; of several, the reports in order."""
    found = [report.to_dict() | {"command": again} for report, again in checked]
    return found[0] if len(found) == 1 else {"ok": all(one["ok"] for one in found), "reports": found}


if __name__ == "__main__":
    run(main, PROGRAM)
