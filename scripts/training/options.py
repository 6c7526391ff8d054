"""What may be asked of train.py: flags, a TOML file with the same names, and what a run that is resumed was given."""

import argparse
import os
import re

from scratch import tables
from scripts.cli import Parser, Refusal, add_debug, positive, seed

BUNDLED = ("iris", "digits", "wine", "breast_cancer", "diabetes")
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "adagrad": "Adagrad"}
SCHEDULES = ("constant", "step", "cosine", "warmup")
LOSSES = ("cross_entropy", "bce_with_logits", "hinge", "perceptron", "mse", "l1", "huber")
ACTIVATIONS = ("Tanh", "ReLU", "Sigmoid", "GELU", "SiLU", "ELU", "LeakyReLU", "Softplus")
ON_RESUME = {  # what a resumed run may be told anew
    *(
        "epochs",
        "lockstep",
        "log_interval",
        "checkpoint_interval",
        "device",
        "compile",
        "runs",
        "resume",
        "config",
        "fsdp",
    ),
    *("allow_changed_data", "allow_nonfinite", "debug", "tensorboard", "timeout", "dry_run"),
}

OF_MODELS = {  # flags that some models alone take
    "neuron": (),
    "mlp": ("hidden", "activation"),
    "cnn": ("channels",),
    "char_rnn": ("cell", "layers", "width", "context"),
    "gpt": ("layers", "width", "heads", "context"),
}
OF_TABLES = ("target", "header", "drop", "delimiter", "map_labels", "drop_nonfinite")  # flags that a CSV alone takes


def whole(least, most=2**31):
    """An argparse type: a whole number in a range."""

    def of(text):
        number = int(text) if re.fullmatch(r"[0-9]{1,15}", text) else -1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"expected a whole number from {least} to {most}, got {text!r}")
        return number

    return of


def not_negative(text):
    """An argparse type: 0 or a finite number above it."""
    return 0.0 if text.strip() in ("0", "0.0") else positive(text)


def share(text):
    """An argparse type: a number between 0 and 1, both excluded."""
    number = positive(text)
    if number >= 1:
        raise argparse.ArgumentTypeError(f"expected a number between 0 and 1, got {text!r}")
    return number


def sizes(text):
    """An argparse type: whole numbers from 1 up, separated by commas; an empty text for none."""
    if not re.fullmatch(r"([0-9]{1,6}(,[0-9]{1,6})*)?", text) or "0" in text.split(","):
        raise argparse.ArgumentTypeError(f"expected numbers from 1 up separated by commas, 64,64 say, got {text!r}")
    return [int(part) for part in text.split(",") if part]


def columns(text):
    """An argparse type: names or numbers of columns, separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def delimiter(text):
    """An argparse type: the name of what separates cells, or the character itself."""
    named = {mark: name for name, mark in tables.DELIMITERS.items()}
    if text not in tables.DELIMITERS and text not in named:
        raise argparse.ArgumentTypeError(f"expected {', '.join(tables.DELIMITERS)}, got {text!r}")
    return named.get(text, text)


def run_name(text):
    """An argparse type: the name of a folder that stays where it is put."""
    if not re.fullmatch(r"[\w][\w .+-]{0,99}", text) or text.endswith((".", " ")) or len(os.fsencode(text)) > 200:
        raise argparse.ArgumentTypeError(
            f"expected a name of up to 100 letters, digits, spaces and . + - _ (200 bytes), got {text[:120]!r}"
        )
    return text


def parser():
    made = Parser(prog="train.py", description="Train a network by hand, in torch, or both in lockstep.")
    flag = made.add_argument_group("what").add_argument
    flag("--backend", choices=("scratch", "torch", "both"), default="scratch", help="by hand, in torch, or in lockstep")
    flag(
        "--data",
        default="iris",
        metavar="NAME",
        help=f"{', '.join(BUNDLED)}, text, or a file: FILE.csv, FILE.txt [iris]",
    )
    flag("--target", metavar="COLUMN", help="of a CSV: name or number of the column to predict [the last]")
    flag("--header", action=argparse.BooleanOptionalAction, help="whether a CSV begins with names [found out]")
    flag("--drop", type=columns, default=[], metavar="COLUMN,COLUMN", help="columns of a CSV to leave out")
    flag("--delimiter", type=delimiter, default="comma", metavar="NAME", help="comma, semicolon or tab [comma]")
    flag("--map-labels", action="store_true", help="make classes of words or of any numbers")
    flag("--drop-nonfinite", action="store_true", help="leave out rows with nan, inf or a gap")
    flag("--task", choices=("classification", "regression"), help="[deduced from the target]")
    flag("--model", choices=tuple(OF_MODELS), help="[mlp; cnn for digits, char_rnn for text]")
    flag("--hidden", type=sizes, default=[16], metavar="N,N", help="mlp: neurons of each hidden layer [16]")
    flag("--activation", choices=ACTIVATIONS, default="Tanh", help="mlp [Tanh]")
    flag("--channels", type=sizes, default=[16, 32], metavar="N,N", help="cnn: channels of each convolution [16,32]")
    flag("--cell", choices=("rnn", "lstm", "gru"), default="lstm", help="char_rnn [lstm]")
    flag("--layers", type=whole(1, 1000), default=2, help="char_rnn, gpt [2]")
    flag("--width", type=whole(1, 100000), default=64, help="char_rnn, gpt: numbers that stand for a character [64]")
    flag("--heads", type=whole(1, 1000), default=4, help="gpt [4]")
    flag("--context", type=whole(1, 100000), default=64, help="char_rnn, gpt: characters of one piece [64]")
    flag = made.add_argument_group("how").add_argument
    flag("--loss", choices=LOSSES, help="[cross_entropy; bce_with_logits for a neuron; mse for a regression]")
    flag("--optimizer", choices=tuple(OPTIMIZERS), default="adam", help="[adam]")
    flag("--lr", type=positive, default=0.01, help="step size [0.01]")
    flag("--momentum", type=not_negative, default=0.0, help="sgd, rmsprop [0]")
    flag("--weight-decay", type=not_negative, default=0.0, help="[0]")
    flag("--clip", type=positive, help="longest gradient, all of it as one vector [none]")
    flag("--schedule", choices=SCHEDULES, default="constant", help="of the step size [constant]")
    flag("--schedule-steps", type=whole(1), help="steps to a fall by ten, to the end, or of the warm-up [from epochs]")
    flag("--epochs", type=whole(0, 10**9), default=20, help="passes over the rows to train on; 0 only evaluates [20]")
    flag("--batch-size", type=whole(1), default=32, help="rows of one step [32]")
    flag("--test-share", type=share, default=0.2, metavar="SHARE", help="of the rows, held out [0.2]")
    flag("--seed", type=seed, default=0, help="of split, weights and the order of rows [0]")
    flag("--deterministic", action="store_true", help="one thread, deterministic kernels alone")
    flag("--dry-run", action="store_true", help="say what would be trained, write nothing")
    flag("--config", metavar="FILE.toml", help="the same names in a file; flags win")
    flag("--lockstep", type=whole(0), default=0, metavar="N", help="take N steps by both sides first; on if they agree")
    flag = made.add_argument_group("where").add_argument
    flag("--device", default="auto", metavar="NAME", help="auto (CUDA where there is one), cpu, cuda, cuda:N or mps")
    flag("--dtype", choices=("float64", "float32", "bfloat16"), default="float64", help="bfloat16: autocast [float64]")
    flag("--compile", action=argparse.BooleanOptionalAction, default=False, help="torch.compile")
    flag("--fsdp", action="store_true", help="under torchrun: weights sharded over the ranks (FSDP2)")
    flag("--timeout", type=positive, default=60.0, metavar="SECONDS", help="to wait for another rank [60]")
    flag = made.add_argument_group("what is kept").add_argument
    flag("--runs", default="runs", metavar="DIR", help="folder of all runs [runs]")
    flag("--name", type=run_name, help="of this run's folder [from model, data and time]")
    flag("--overwrite", action="store_true", help="replace a run of that name")
    flag("--resume", metavar="RUN", help="go on with a run: its folder, one of its checkpoints, or last")
    flag("--checkpoint-interval", type=whole(1), metavar="N", help="keep a checkpoint every N steps, too")
    flag("--log-interval", type=whole(1), default=10, metavar="N", help="a line of metrics every N steps [10]")
    flag("--allow-changed-data", action="store_true", help="resume although the data file is another one now")
    flag("--allow-nonfinite", action="store_true", help="resume from weights that are not finite")
    flag("--tensorboard", action="store_true", help="write for TensorBoard, too (needs the package)")
    add_debug(made)
    return made


def parse(arguments):
    """{name: value} of what the command line gives, and of the file that it names where it does not."""
    from scripts.training.config import read_config

    given = named_in(parser(), arguments)
    return read_config(given["config"]) | given if "config" in given else given


def named_in(made, arguments):
    """{name: value} of the options that arguments give: argparse puts defaults only where a namespace has nothing."""
    nothing = object()
    names = [action.dest for action in made._actions if action.dest != "help"]
    found = vars(made.parse_args(arguments, argparse.Namespace(**dict.fromkeys(names, nothing))))
    return {name: value for name, value in found.items() if value is not nothing}


def completed(given):
    """The options as a namespace: what is given, else the defaults."""
    made = parser()
    names = [action.dest for action in made._actions if action.dest != "help"]
    return argparse.Namespace(**{name: made.get_default(name) for name in names} | given)


def optimizer_of(options):
    """(name, settings) of the optimizer as scratch.optim and torch.optim both take them."""
    settings = {"lr": options.lr, "weight_decay": options.weight_decay}
    if options.optimizer in ("sgd", "rmsprop"):
        settings["momentum"] = options.momentum
    elif options.momentum:
        raise Refusal(f"--momentum: {options.optimizer} has none; sgd and rmsprop have")
    return OPTIMIZERS[options.optimizer], settings


def check_used(given, model, data):
    """Refuse what is given but used by nothing: a size of another model, a flag for a table where there is none."""
    sizes = {name for names in OF_MODELS.values() for name in names}
    for name in given:
        flag = f"--{name.replace('_', '-')}"
        if name in sizes and name not in OF_MODELS[model]:
            owners = " and ".join(owner for owner, names in OF_MODELS.items() if name in names)
            raise Refusal(f"{flag} is of {owners}; --model {model} has none")
        if name in OF_TABLES and not data.lower().endswith(".csv"):
            raise Refusal(f"{flag} is for a table of your own, FILE.csv; --data {data} is none")
        if name.startswith("allow_"):
            raise Refusal(f"{flag} is for a run that goes on: --resume")
    if "task" in given and (data == "text" or data.lower().endswith(".txt")):
        raise Refusal("--task is of tables; a text is learnt character by character")
    if "schedule_steps" in given and given.get("schedule", "constant") == "constant":
        raise Refusal("--schedule-steps needs --schedule step, cosine or warmup")
