"""Are flags and the TOML file read by one parser, and is what is wrong in them refused by name?"""

import json
import os
import subprocess
import sys

import pytest

from parity_tests.trained import ROOT, run, train
from scripts.cli import Refusal
from scripts.training.options import completed, parse

BAD = {
    "nan": ("--lr", "nan"),
    "infinite": ("--lr", "inf"),
    "negative rate": ("--lr", "-1"),
    "no rate": ("--lr", "0"),
    "negative epochs": ("--epochs", "-1"),
    "float epochs": ("--epochs", "1e3"),
    "too many epochs": ("--epochs", "99999999999"),
    "negative seed": ("--seed", "-1"),
    "large seed": ("--seed", "4294967296"),
    "word as seed": ("--seed", "abc"),
    "no batch": ("--batch-size", "0"),
    "upwards": ("--name", "../x"),
    "slash": ("--name", "a/b"),
    "line": ("--name", "a\nb"),
    "long name": ("--name", "x" * 300),
    "whole share": ("--test-share", "1"),
    "abbreviation": ("--epo", "3"),
    "zero size": ("--hidden", "8,0"),
}


@pytest.mark.parametrize("arguments", BAD.values(), ids=BAD)
def test_bad_values_are_refused_in_a_line(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(list(arguments))
    errors = capsys.readouterr().err
    assert ended.value.code == 2
    assert len(errors.splitlines()) == 1
    assert arguments[0] in errors


def test_the_nearest_flag_is_named(capsys):
    with pytest.raises(SystemExit):
        parse(["--epoch", "3"])
    assert "unknown argument '--epoch'; did you mean --epochs?" in capsys.readouterr().err


def test_flags_win_over_the_file_and_the_file_over_defaults(tmp_path):
    config = tmp_path / "c.toml"
    config.write_text("lr = 0.5\nhidden = [8, 4]\ndeterministic = true\nmap-labels = true\nheader = false\n", "utf-8")
    options = completed(parse(["--config", str(config), "--lr", "0.25"]))
    assert (options.lr, options.hidden, options.deterministic, options.map_labels) == (0.25, [8, 4], True, True)
    assert (options.header, options.epochs) == (False, 20)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = 3\nlearning = 1\n", "line 2: unknown key 'learning'"),
        ("lr = 1\nlr = 2\n", "it is not valid TOML"),
        ("deterministic = 1\n", "deterministic: expected true or false, got 1"),
        ("\nlr = true\n", "line 2: lr: expected a number, got True"),
        ("[lr]\nx = 1\n", "line 1: lr: expected a number"),
        ('seed = 1\nepochs = "3"\n', "line 2: epochs: expected a number, got '3'"),
        ('"lr(" = 1\n', "line 1: unknown key 'lr('"),
        ("seed = 1\nlr = nan\n", "line 2: --lr: expected a number above 0, got 'nan'"),
        ("model = 1\n", "line 1: --model: invalid choice: '1'"),
        ("log-interval = 1\nlog_interval = 2\n", "line 1: log-interval is there twice, once with _"),
    ],
)
def test_files_are_refused_by_line_or_key(tmp_path, text, message):
    config = tmp_path / "c.toml"
    config.write_text(text, encoding="utf-8")
    with pytest.raises(Refusal) as refused:
        parse(["--config", str(config)])
    assert message in str(refused.value)


REFUSED = {
    "by hand on cuda": (("--device", "cuda"), "by hand is computed on the CPU"),
    "compiled by hand": (("--compile",), "--compile is torch's"),
    "bfloat16 by hand": (("--dtype", "bfloat16"), "take --backend torch, or float32"),
    "device": (("--backend", "torch", "--device", "gpu"), "usable: cpu"),
    "device of another number": (
        ("--backend", "torch", "--device", "cuda:99"),
        "cuda:99 is not available here; usable:",
    ),
    "sharded alone": (("--backend", "torch", "--fsdp"), "start with torchrun"),
    "momentum": (("--momentum", "0.9"), "adam has none; sgd and rmsprop have"),
    "data set": (("--data", "mnist"), "all work offline"),
    "task": (("--task", "regression"), "iris is a classification"),
    "loss of numbers": (("--loss", "mse"), "it takes cross_entropy"),
    "one neuron": (("--model", "neuron"), "one neuron tells two classes apart, iris has 3"),
    "pictures": (("--model", "cnn"), "4 columns are none; take --model mlp"),
    "text": (("--model", "gpt"), "takes a text"),
    "heads": (("--data", "text", "--model", "gpt", "--heads", "5"), "no multiple of --heads 5"),
    "another model's": (("--model", "mlp", "--width", "8"), "--width is of char_rnn and gpt; --model mlp has none"),
    "no table": (("--target", "species"), "--target is for a table of your own, FILE.csv; --data iris is none"),
    "no schedule": (("--schedule-steps", "5"), "--schedule-steps needs --schedule step, cosine or warmup"),
    "no steps in lockstep": (("--lockstep", "5", "--epochs", "0"), "a lockstep takes steps: --epochs 1 or more"),
    "compiled in lockstep": (("--backend", "both", "--compile"), "--backend both"),
    "changed before it began": (("--allow-changed-data",), "--allow-changed-data is for a run that goes on: --resume"),
    "task of a text": (("--data", "text", "--task", "regression"), "--task is of tables"),
    "one score for three": (("--loss", "hinge"), "take --loss cross_entropy"),
    "clipped in lockstep": (("--lockstep", "5", "--clip", "1"), "leave out --clip"),
    "no run": (("--resume", "nowhere"), "not a usable checkpoint"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_go_together(tmp_path, arguments, message):
    arguments = [*arguments] if "--device" in arguments else [*arguments, "--device", "cpu"]
    with pytest.raises(Refusal) as refused:
        train(tmp_path / "runs", *arguments)
    assert message in str(refused.value)
    assert not (tmp_path / "runs").exists()


def test_dry_run_writes_nothing(tmp_path):
    status, result, errors = train(tmp_path / "runs", "--dry-run")
    assert (status, result) == (0, None)
    assert "120 rows to train on, 30 held out; mlp (sizes (4, 16, 3)" in errors
    assert f"20 epochs of 4 steps, adam at 0.01; 131 weights; would be kept in {tmp_path}" in errors
    assert not (tmp_path / "runs").exists()
    train(tmp_path / "runs", "--name", "there", "--epochs", "1")
    with pytest.raises(Refusal, match="there is a run of that name"):
        train(tmp_path / "runs", "--name", "there", "--dry-run")


def test_no_epochs_only_evaluate(tmp_path):
    status, result, _ = train(tmp_path, "--epochs", "0")
    assert (status, result["steps"]) == (0, 0)
    assert result["test_loss"] > 0


def test_debug_shows_where_a_refusal_comes_from(tmp_path):
    plain, told = (run(tmp_path, "--data", "mnist", *more) for more in ((), ("--debug",)))
    assert (plain.returncode, told.returncode) == (2, 2)
    assert "Traceback" not in plain.stderr
    assert "Traceback" in told.stderr
    assert told.stderr.splitlines()[-1] == plain.stderr.splitlines()[-1]


def test_momentum_that_an_optimizer_lacks_is_refused_in_lockstep_too(tmp_path):
    with pytest.raises(Refusal, match="adam has none"):
        train(tmp_path / "runs", "--backend", "both", "--momentum", "0.9")
    assert not (tmp_path / "runs").exists()


def test_a_folder_that_cannot_be_written_is_refused_first(tmp_path):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    done = run(tmp_path / "file")
    assert (done.returncode, done.stdout) == (2, "")
    assert "file" in done.stderr.splitlines()[-1]
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_standard_output_is_one_line_of_json_whatever_the_terminal(tmp_path):
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "COLUMNS": "20", "TERM": "dumb"}
    done = run(tmp_path / "rüns 🙂", "--epochs", "1", env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ended"] == "finished"
    assert "test loss" in done.stderr


def test_names_of_files_in_a_locale_that_has_no_such_letters(tmp_path):
    """A C locale in which Python is kept from taking UTF-8 instead."""
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    environment = {**os.environ, **plain}
    table, runs = tmp_path / "dä tä 😀.csv", tmp_path / "rüns"
    table.write_text("a,y\n1,0\n2,1\n3,0\n4,1\n", encoding="utf-8")
    for arguments in (("--data", table, "--name", "x", "--epochs", "1"), ("--resume", "last", "--epochs", "2")):
        done = run(runs, *arguments, env=environment)
        assert done.returncode == 0, done.stderr
    script = ROOT / "scripts" / "predict.py"
    line = [sys.executable, str(script), str(runs / "x"), str(table)]
    done = subprocess.run(line, capture_output=True, text=True, env=environment)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 5), done.stderr
