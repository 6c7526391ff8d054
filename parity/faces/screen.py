"""Terminals: the lines of a report in colour, folded to any width; the plain lines wherever the output is piped."""

import os

from rich.console import Console
from rich.text import Text

from parity.faces.text import finding_lines, header, last_lines, row_lines

COLOURS = {"pass": "green", "fail": "bold red", "void": "yellow", "error": "bold red"}
EDITS = {"−": "red", "+": "green"}


class Screen(Console):
    """A console that leaves a reader who has gone (`demo.py | head`) to the command line, and heeds NO_COLOR."""

    def __init__(self, **options):
        plain = {"color_system": None} if os.environ.get("NO_COLOR") else {}  # not even bold
        super().__init__(**plain | options)

    def on_broken_pipe(self):
        raise BrokenPipeError


def console():
    """A console as wide as the terminal, or wide enough for every table where the output is piped."""
    terminal = Screen()
    return terminal if terminal.is_terminal else Screen(width=180)


def show(report, screen=None):
    """Print the lines of str(report) on a console, this terminal unless told; nothing is cut off at any width."""
    screen = screen or console()
    for line in coloured(report):
        if screen.is_terminal and not screen.is_dumb_terminal:
            show_folded(line, screen)
        else:
            screen.print(line, soft_wrap=True)


def show_folded(line, screen):
    """One line, folded where the terminal ends; what is carried over is indented, so that rows stay in sight."""
    indent = min(7, screen.width // 10)
    parts = [line] if line.cell_len <= screen.width else line.wrap(screen, screen.width - indent)
    for i, part in enumerate(parts):
        part.rstrip()
        screen.print(Text(" " * indent if i else "") + part, soft_wrap=True)


def coloured(report):
    """The lines of a report as rich texts: verdicts and edits in colour, codes bold."""
    yield Text(header(report))
    for row, line in zip(report.rows, row_lines(report.rows), strict=True):
        text = Text(line)
        text.stylize(COLOURS[row.verdict], 1, 5)
        yield bold(text, row.cause)
    for finding in report.causes:
        for line in finding_lines(finding):
            yield bold(Text(line, style=EDITS.get(line.strip()[:1], "")), finding.code)
    *others, summary = last_lines(report)
    yield from map(Text, others)
    yield Text(summary, style=COLOURS[report.verdict])


def bold(text, code):
    """The text with a code of parity's vocabulary in bold."""
    if code:
        text.highlight_words([code], "bold")
    return text
