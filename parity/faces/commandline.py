"""What every command line shares: refusals in a line or two, types of arguments, files to write, exit statuses.

Exit statuses: 0 agrees or fine, 1 a disagreement was found, 2 bad usage or input, 3 could not decide or crashed,
130 Ctrl-C, 143 SIGTERM. Neither NumPy nor torch is imported here, so bad usage is refused before they are there.
"""

import argparse
import codecs
import difflib
import io
import math
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path

IN_ASCII = {"−": "-", "×": "x", "²": "^2", "′": "'", "…": "..."}


class Refusal(Exception):
    """Bad usage or bad input: its one or two lines are all that a person sees; exit status 2."""


class Parser(argparse.ArgumentParser):
    """argparse without abbreviations, flags and arguments in any order, whose refusals are one line."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)

    def parse_args(self, args=None, namespace=None):
        found, unknown = self.parse_known_intermixed_args(args, namespace)
        if unknown:
            flag = unknown[0].split("=")[0]
            near = difflib.get_close_matches(flag, self._option_string_actions, n=1, cutoff=0.5)
            self.error(f"unknown argument {unknown[0]!r}" + (f"; did you mean {near[0]}?" if near else ""))
        return found

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}; {self.prog} --help lists the arguments\n")


def seed(text):
    """An argparse type: a whole number from 0 to 2³² − 1, which NumPy and torch both take."""
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= number < 2**32:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to {2**32 - 1}, got {text!r}")
    return number


def positive(text):
    """An argparse type: a finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return number


def prepare_folder(path, *files):
    """The folder, made if need be and tried for writing; refused in one line if it, or a file in it, cannot be used."""
    if not path:
        raise Refusal("expected the name of a folder to write to, got an empty one")
    folder = Path(path)
    try:
        if folder.exists() and not folder.is_dir():
            raise Refusal(f"cannot write to {folder.absolute()}: it is a file; name another folder")
        for file in files:
            if (folder / file).is_dir():
                raise Refusal(f"cannot write to {(folder / file).absolute()}: it is a folder; name another one")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Refusal(f"cannot write to {folder.absolute()}: {error.strerror}; name another folder") from None
    return folder


def write_whole(path, write):
    """Call write(temporary path beside it), then move the file into place: a file is whole or not there."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    temporary.chmod(0o644)
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def in_ascii(error):
    """A handler of encoding errors: a minus stays one on a terminal that lacks −, and what has no likeness is a ?."""
    return "".join(IN_ASCII.get(letter, "?") for letter in error.object[error.start : error.end]), error.end


def run(main, name=None):
    """Run main(arguments) and exit with its status, or with the one that the module's docstring gives.

    name: what refusals begin with, the script's own name unless told.
    """
    name = name or Path(sys.argv[0]).name
    codecs.register_error("in_ascii", in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # closed ones are None
            stream.reconfigure(errors="in_ascii")  # a terminal without θ still gets every number
    ended: list[int] = []  # by these signals: a library that is interrupted may raise an error of its own

    def end(number, _):
        ended.append(number)
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(143)

    signal.signal(signal.SIGTERM, end)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end)
    try:
        status = main(sys.argv[1:])
    except (Exception, KeyboardInterrupt) as error:
        status = 143 if signal.SIGTERM in ended else told(name, KeyboardInterrupt() if ended else error)
    if signal.getsignal(signal.SIGTERM) is end:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what there was to do is done: the status stays the one it has
    sys.exit(status)


def told(name, error):
    """The status that an error ends with, once what is to be said of it is said."""
    if isinstance(error, Refusal):
        if "--debug" in sys.argv:  # where a command has it
            traceback.print_exception(error)
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    if isinstance(error, KeyboardInterrupt):
        print("\ninterrupted", file=sys.stderr)
        return 130
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    elif isinstance(error, OSError):
        print(f"{name}: stopped: {error}", file=sys.stderr)
    else:  # a mistake of ours: its traceback, and a status that is no verdict
        traceback.print_exception(error)
    return 3
