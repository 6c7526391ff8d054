"""Options that stand in a file: a person's TOML, or the config.json of a run."""

import argparse
import difflib
import re
import tomllib
from pathlib import Path
from typing import Any

from scripts.cli import Refusal
from scripts.training.options import columns, delimiter, named_in, parser, run_name, sizes


def read_config(path):
    """{name: value} of a TOML file, checked as flags are; what is wrong is refused with its line."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        entries = tomllib.loads(text)
    except OSError as error:
        raise Refusal(f"cannot read {Path(path).absolute()}: {error.strerror}") from None
    except (RecursionError, ValueError) as error:
        raise Refusal(f"{path}: it is not valid TOML: {error}") from None
    twice = next((name for name in entries if "-" in name and name.replace("-", "_") in entries), None)
    if twice:
        raise Refusal(f"{path}: line {line_of(text, twice)}: {twice} is there twice, once with _")
    return checked(entries, path, lambda name: f"{path}: line {line_of(text, name)}")


def line_of(text, name):
    """The line of a key in a TOML file, from 1."""
    pattern = re.compile(rf"\s*[\"']?{re.escape(name)}[\"']?\s*(=|\])")
    return next((i for i, line in enumerate(text.splitlines(), 1) if pattern.match(line.lstrip("["))), 1)


def checked(entries, path, where=None):
    """{name: value} of entries that stand in a file, checked as flags are, each by itself; where: name -> its place."""
    made: Any = parser()
    found: dict = {}
    actions = {action.dest: action for action in made._actions if action.dest not in ("help", "config", "debug")}
    for key, value in entries.items():
        name, place = key.replace("-", "_"), where(key) if where else f"{path}: {key}"
        if name not in actions:
            near = difflib.get_close_matches(name, actions, n=1, cutoff=0.5)
            raise Refusal(f"{place}: unknown key {key!r}" + (f"; {near[0]!r}?" if near else ""))

        def refuse(message, place=place):
            raise Refusal(f"{place}: {message.removeprefix('argument ')}")

        made.error = refuse
        found |= named_in(made, as_arguments(actions[name], f"--{name.replace('_', '-')}", value, f"{place}: {key}"))
    return found


def as_arguments(action, flag, value, place):
    """An entry as a flag, so that both are checked by one parser; a value of another kind is refused."""
    if action.nargs == 0:
        if not isinstance(value, bool):
            raise Refusal(f"{place}: expected true or false, got {value!r}")
        off = [flag.replace("--", "--no-", 1)] if isinstance(action, argparse.BooleanOptionalAction) else []
        return [flag] if value else off
    numeric = action.type not in (None, run_name, sizes, columns, delimiter)
    kinds: tuple = (int, float) if numeric else (str, int, list)
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise Refusal(f"{place}: expected a {'number' if numeric else 'text or a list'}, got {value!r}")
    return [f"{flag}={','.join(map(str, value)) if isinstance(value, list) else value}"]
