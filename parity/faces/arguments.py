"""The command line of a check: what it asks for, read and refused before torch is imported, and the same in words."""

import argparse
import os
import re
import shlex
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity.faces.commandline import Parser, Refusal, positive, prepare_folder, seed

PROGRAM = "python -m parity check"
SHAPE = re.compile(r"-?\d+(\s*[,x]\s*-?\d+)*\s*,?")
ARCHIVE = re.compile(r"(.+\.npz)(?::(.+))?", re.DOTALL)
DTYPES = ("float64", "float32", "bfloat16", "float16")  # the last two for torch subjects
AN_INPUT = "expected a shape (5,4), a file (x.npy, data.npz:key) or an expression ('np.array([0, 2, 1])')"
EXAMPLE = f"""example: {PROGRAM} mine.py:'MyDense(4, 3)' --input 5,4 --against 'nn.Linear(4, 3)'

EXPRESSION and --against see what FILE.py defines, and np, torch, nn and F. What the subject prints goes to stderr.
Exit status: 0 agrees, 1 a disagreement, 2 bad usage or input, 3 could not decide (nothing proved, subject raised, hung
or died), 130 Ctrl-C, 143 SIGTERM."""


@dataclass(frozen=True)
class Given:
    """A value as it stands on the command line, and what it is once names have a meaning: value({name: object})."""

    text: str
    value: Callable[[dict], Any]

    def __str__(self):
        return self.text


@dataclass(frozen=True)
class Subject:
    """FILE.py:EXPRESSION as it stands on the command line, the file's path and the expression."""

    text: str
    path: Path
    expression: Given


def parse(arguments):
    """The options of a check. Bad usage ends here, in one line and with exit status 2; so does --help, with 0."""
    parser = build_parser()
    if arguments[:1] == ["check"]:
        arguments = arguments[1:]
    elif arguments[:1] not in (["-h"], ["--help"]):
        parser.error("the first argument is the word check" + (f", got {arguments[0]!r}" if arguments else ""))
    options = parser.parse_args(arguments)
    if options.plot and len(options.subjects) > 1:
        parser.error(f"--plot draws one subject, got {len(options.subjects)}; leave it out or check them one by one")
    return options


def build_parser():
    parser = Parser(
        prog=PROGRAM,
        description="Judge hand-derived backwards, entry by entry.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("subjects", nargs="+", type=a_subject, metavar="FILE.py:EXPRESSION", help="what to check")
    add("--input", action="append", type=an_input, default=[], help=AN_INPUT.removeprefix("expected ") + "; repeat it")
    add("--against", type=an_expression, metavar="EXPRESSION", help="the torch twin to judge by, or the word trace")
    add("--wrt", action="extend", nargs="+", metavar="NAME", help="inputs whose gradients are judged [every one]")
    add("--dtype", default="float64", choices=DTYPES, help="what the subject computes in [float64]")
    add("--device", default="cpu", metavar="NAME", help="of the twin: cpu, cuda or cuda:N [cpu]")
    add("--seed", default=0, type=seed, help="of random inputs, upstream gradients and shakes [0]")
    add("--limit", default=60.0, type=positive, metavar="SECONDS", help="a check that takes longer is stopped [60]")
    add("--memory", type=positive, metavar="GIB", help="memory that the subject may take [all]")
    add("--format", default="text", choices=("text", "json", "junit"), help="of the result on stdout [text]")
    add("--json", dest="format", action="store_const", const="json", help="short for --format json")
    add("--plot", type=a_picture, metavar="FILE", help="draw the gradients to FILE.svg or FILE.png")
    add("--debug", action="store_true", help="show tracebacks")
    return parser


def a_subject(text):
    """An argparse type: FILE.py:EXPRESSION, where the file can be read and both are Python."""
    stem, found, expression = text.partition(".py:")
    if not found:
        raise argparse.ArgumentTypeError(f"expected FILE.py:EXPRESSION, such as mine.py:'MyDense(4, 3)', got {text!r}")
    path = Path(f"{stem}.py").absolute()
    try:
        with warnings.catch_warnings(action="ignore"):  # they are shown when the file is run
            compile(path.read_bytes(), path, "exec", dont_inherit=True)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot read {path}: {error.strerror}") from None
    except SyntaxError as error:
        raise argparse.ArgumentTypeError(f"{path} is not Python: {error.msg} (line {error.lineno})") from None
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{path} is not Python: {error}") from None
    return Subject(text, path, an_expression(expression.strip()))


def an_expression(text):
    """An argparse type: a Python expression; the word trace stays a word."""
    try:
        code = compile(text.strip(), "<command line>", "eval", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"expected a Python expression, got {text!r}: {error.args[0]}") from None
    return Given(text, lambda names: "trace" if text == "trace" else eval(code, dict(names)))


def an_input(text):
    """An argparse type: a shape, the array of an .npy or .npz file, or an expression."""
    inner = text.strip()
    inner = inner[1:-1].strip() if inner.startswith("(") and inner.endswith(")") else inner
    if SHAPE.fullmatch(inner) or (not inner and text.strip()):
        shape = tuple(int(number) for number in re.findall(r"-?\d+", inner))
        if any(number < 0 for number in shape):
            raise argparse.ArgumentTypeError(f"expected a shape of numbers from 0 up, got {text!r}")
        return Given(text, lambda _: shape)
    archive = ARCHIVE.fullmatch(text)
    if archive or text.endswith(".npy"):
        path, key = archive.groups() if archive else (text, None)
        array = load_array(Path(path).absolute(), key)
        return Given(text, lambda _: array)
    if not inner or os.path.isfile(text):
        raise argparse.ArgumentTypeError(f"{AN_INPUT}, got {text!r}")
    try:
        return an_expression(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{AN_INPUT}, got {text!r}") from None


def load_array(path, key):
    """The array of an .npy file, or the one named key of an .npz file; nothing that could run code is read."""
    import numpy as np

    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            return found
        with found:
            if key in found.files:
                return found[key]
            keys = found.files
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot read {path}: {error.strerror or error}") from None
    except Exception:  # NumPy names damaged files in a dozen ways
        raise argparse.ArgumentTypeError(f"{path} is no usable {path.suffix} file of numbers") from None
    wanted = f"no array {key}" if key else "several arrays"
    raise argparse.ArgumentTypeError(f"{path} holds {wanted}; name one of {', '.join(keys)}, as {path.name}:{keys[0]}")


def a_picture(text):
    """An argparse type: the name of an .svg or .png file that can be written."""
    path = Path(text)
    if path.suffix not in (".svg", ".png"):
        raise argparse.ArgumentTypeError(f"expected the name of an .svg or .png file, got {text!r}")
    try:
        prepare_folder(path.parent, path.name)
    except Refusal as refusal:
        raise argparse.ArgumentTypeError(str(refusal)) from None
    return path


def command(options, subject):
    """The command that repeats the check of one subject, quoted for a shell."""
    defaults = build_parser()
    flags = [("input", value) for value in options.input] + [("wrt", name) for name in options.wrt or ()]
    flags += [(name, getattr(options, name)) for name in ("against", "dtype", "device", "limit", "memory")]
    told = [(name, value) for name, value in flags if value is not None and value != defaults.get_default(name)]
    words = [PROGRAM, shlex.quote(subject.text)]
    for name, value in [*told, ("seed", options.seed)]:
        text = f"{value:g}" if isinstance(value, float) else str(value)
        words.append(f"--{name}{'=' if text.startswith('-') else ' '}{shlex.quote(text)}")
    return " ".join(words)
