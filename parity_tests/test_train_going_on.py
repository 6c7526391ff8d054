"""Does a run go on as it began, with its own settings and data, and is what does not fit together refused?"""

import json
import os
import shutil

import numpy as np
import pytest

from parity_tests.trained import ROOT, lines, train
from scripts.cli import Refusal
from scripts.training import loop
from scripts.training.trained import Trained

SHORT = ("--epochs", "6", "--optimizer", "rmsprop", "--momentum", "0.5", "--checkpoint-interval", "5")


def test_what_a_resumed_run_was_told_is_kept(tmp_path):
    train(tmp_path, "--name", "mine", "--epochs", "1")
    train(tmp_path, "--resume", tmp_path / "mine", "--epochs", "3")
    status, result, _ = train(tmp_path, "--resume", tmp_path / "mine")
    assert (status, result["epochs"]) == (0, 3)
    for arguments in (("--epochs", "2"), ("--name", "other"), ("--overwrite",)):
        with pytest.raises(Refusal, match=r"3 epochs are done; name more|does not go with --resume"):
            train(tmp_path, "--resume", tmp_path / "mine", *arguments)
    train(tmp_path, "--name", "both", "--backend", "both", "--epochs", "1")
    with pytest.raises(Refusal, match="trained in lockstep, which begins anew"):
        train(tmp_path, "--resume", tmp_path / "both")


def test_settings_and_metrics_edited_by_hand_are_refused(tmp_path):
    train(tmp_path, "--name", "mine", "--epochs", "1")
    config = tmp_path / "mine" / "config.json"
    good = json.loads(config.read_text(encoding="utf-8"))
    for entries in ({"learning": 1}, {"deterministic": 3}):
        config.write_text(json.dumps(good | {"options": good["options"] | entries}), encoding="utf-8")
        with pytest.raises(Refusal, match=r"config\.json"):
            train(tmp_path, "--resume", tmp_path / "mine")
    config.write_text(json.dumps(good), encoding="utf-8")
    with open(tmp_path / "mine" / "metrics.csv", "a", encoding="utf-8") as file:
        file.write("junk,1\n")
    with pytest.raises(Refusal, match="take that line out"):
        train(tmp_path, "--resume", tmp_path / "mine", "--epochs", "2")
    (tmp_path / "mine" / "metrics.csv").unlink()
    assert train(tmp_path, "--resume", "last", "--epochs", "2")[0] == 0


def test_a_run_goes_on_as_it_began(tmp_path):
    data = tmp_path / "t.csv"
    data.write_text("a,y\n" + "".join(f"{i},{i % 2}\n" for i in range(40)), encoding="utf-8")
    train(tmp_path, "--name", "mine", "--data", data, "--epochs", "1")
    with pytest.raises(Refusal, match=r"was begun with --lr 0\.01"):
        train(tmp_path, "--resume", tmp_path / "mine", "--lr", "0.5")
    data.write_text(data.read_text(encoding="utf-8") + "41,1\n", encoding="utf-8")
    with pytest.raises(Refusal, match="has changed since the run began"):
        train(tmp_path, "--resume", tmp_path / "mine", "--epochs", "2")
    status, _, _ = train(tmp_path, "--resume", tmp_path / "mine", "--epochs", "2", "--allow-changed-data")
    assert status == 0


def test_changed_data_are_scaled_as_the_run_began_and_named_as_it_named_them(tmp_path):
    def write(shift, kinds):
        rows = [f"{i + shift},{kinds[i % 2]}" for i in range(40)]
        (tmp_path / "mine.csv").write_text("\n".join(["a,kind", *rows, ""]), encoding="utf-8")

    write(0, ("cat", "dog"))
    how = ("--data", tmp_path / "mine.csv", "--map-labels", "--name", "mine", "--epochs", "1")
    train(tmp_path, *how)
    before = json.loads((tmp_path / "mine" / "config.json").read_text(encoding="utf-8"))["data"]
    write(100, ("cat", "dog"))
    more = ("--resume", tmp_path / "mine", "--allow-changed-data")
    assert train(tmp_path, *more, "--epochs", "2")[0] == 0
    after = json.loads((tmp_path / "mine" / "config.json").read_text(encoding="utf-8"))["data"]
    assert after["scaling"] == before["scaling"]
    assert after["sha256"] != before["sha256"]
    assert train(tmp_path, "--resume", tmp_path / "mine", "--epochs", "3")[0] == 0  # known by now
    write(0, ("cat", "cow"))
    with pytest.raises(Refusal, match=r"has other classes than the run was begun with: cat, dog"):
        train(tmp_path, *more, "--epochs", "4")


def test_a_data_file_that_was_moved_is_named_anew(tmp_path):
    (tmp_path / "a.csv").write_text("a,y\n1,0\n2,1\n3,0\n4,1\n", encoding="utf-8")
    train(tmp_path, "--data", tmp_path / "a.csv", "--name", "mine", "--epochs", "1")
    (tmp_path / "a.csv").rename(tmp_path / "b.csv")
    more = ("--resume", tmp_path / "mine", "--epochs")
    with pytest.raises(Refusal, match=r"a\.csv: no such file"):
        train(tmp_path, *more, "2")
    assert train(tmp_path, *more, "2", "--data", tmp_path / "b.csv")[0] == 0
    assert train(tmp_path, *more, "3")[0] == 0
    (tmp_path / "c.csv").write_text("a,y\n1,0\n2,1\n3,0\n4,0\n5,1\n", encoding="utf-8")
    with pytest.raises(Refusal, match="was begun with --data"):
        train(tmp_path, *more, "4", "--data", tmp_path / "c.csv")


def test_a_run_of_the_first_format_goes_on_and_is_used(tmp_path):
    train(tmp_path, "--name", "old", "--epochs", "2", "--hidden", "2")
    config, checkpoints = tmp_path / "old" / "config.json", tmp_path / "old" / "checkpoints"
    stored = json.loads(config.read_text(encoding="utf-8"))
    del stored["id"]
    config.write_text(json.dumps(stored), encoding="utf-8")
    for path in checkpoints.iterdir():
        path.unlink()
    shutil.copy(ROOT / "parity_tests" / "stored" / "checkpoint-1.npz", checkpoints / "last.npz")
    assert train(tmp_path, "--resume", tmp_path / "old", "--epochs", "3")[0] == 0
    assert Trained(tmp_path / "old").outputs(np.zeros((1, 4))).shape == (1, 3)


def test_fewer_epochs_than_begun_are_refused(tmp_path):
    train(tmp_path, "--name", "mine", *SHORT)
    with pytest.raises(Refusal, match="epochs are done"):
        train(tmp_path, "--resume", tmp_path / "mine" / "checkpoints" / "step-00000005.npz", "--epochs", "1")


def test_settings_of_any_kind_are_refused_in_a_line(tmp_path):
    train(tmp_path, "--name", "mine", *SHORT)
    config = tmp_path / "mine" / "config.json"
    stored = json.loads(config.read_text(encoding="utf-8"))
    odd = [{"data": stored["data"] | {"scaling": value}} for value in ("a", [1], {"x": [[1]]}, {"x": ["a", "b"]})]
    odd += [{"data": stored["data"] | {"classes": 3}}, {"task": None}, {"options": []}]
    for other in odd:
        config.write_text(json.dumps(stored | other), encoding="utf-8")
        with pytest.raises(Refusal):
            train(tmp_path, "--resume", tmp_path / "mine", "--epochs", "9")
    config.write_text("[" * 200_000, encoding="utf-8")
    with pytest.raises(Refusal, match="no run is there"):
        train(tmp_path, "--resume", tmp_path / "mine")


def test_checkpoints_of_another_config_are_refused(tmp_path):
    for name, seed in (("one", "1"), ("two", "2")):
        train(tmp_path, "--name", name, *SHORT, "--seed", seed)
    shutil.copy(tmp_path / "two" / "config.json", tmp_path / "one")
    with pytest.raises(Refusal, match=r"not a usable checkpoint: .*: it belongs to another config\.json than"):
        train(tmp_path, "--resume", tmp_path / "one", "--epochs", "9")


def test_the_newest_checkpoint_is_taken_and_what_is_half_written_goes(tmp_path):
    train(tmp_path, "--name", "mine", *SHORT)
    folder = tmp_path / "mine" / "checkpoints"
    os.utime(folder / "step-00000020.npz")
    (folder / ".0123.tmp").write_bytes(b"half")
    _, _, errors = train(tmp_path, "--resume", tmp_path / "mine", "--epochs", "6")
    assert "on from step 20 in epoch 4" in errors
    assert not (folder / ".0123.tmp").exists()


def test_from_an_older_checkpoint_on_what_came_after_it_is_gone(tmp_path, monkeypatch):
    train(tmp_path, "--name", "mine", *SHORT)
    before = lines(tmp_path / "mine")

    def killed(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(loop, "one_step", killed)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path, "--resume", tmp_path / "mine" / "checkpoints" / "step-00000010.npz")
    _, _, errors = train(tmp_path, "--resume", tmp_path / "mine")
    assert "on from step 10" in errors
    assert lines(tmp_path / "mine") == before


def test_what_belongs_to_others_is_not_touched(tmp_path):
    """Names like ours in a folder without a run, dotfiles in one with a run."""
    for name in ("checkpoints/precious.pth", "figures/thesis.svg"):
        (tmp_path / "mine" / name).parent.mkdir(parents=True)
        (tmp_path / "mine" / name).write_text("mine", encoding="utf-8")
        with pytest.raises(Refusal, match="it holds other files"):
            train(tmp_path, "--name", "mine", "--overwrite")
        assert (tmp_path / "mine" / name).read_text(encoding="utf-8") == "mine"
        shutil.rmtree(tmp_path / "mine")
    train(tmp_path, "--name", "run", "--epochs", "1")
    (tmp_path / "run" / ".gitignore").write_text("*", encoding="utf-8")
    (tmp_path / "run" / ".metrics.abcdefgh.csv").write_text("half", encoding="utf-8")
    train(tmp_path, "--resume", tmp_path / "run", "--epochs", "2")
    assert {path.name for path in (tmp_path / "run").glob(".*")} - {".lock"} == {".gitignore"}


def test_a_folder_that_was_left_before_a_run_began_is_none(tmp_path):
    (tmp_path / "mine" / "checkpoints").mkdir(parents=True)
    (tmp_path / "mine" / "environment.txt").write_text("half", encoding="utf-8")
    assert train(tmp_path, "--name", "mine", "--epochs", "1")[0] == 0
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("mine", encoding="utf-8")
    with pytest.raises(Refusal, match="it holds other files"):
        train(tmp_path, "--name", "other", "--overwrite")
    assert (tmp_path / "other" / "thesis.tex").read_text(encoding="utf-8") == "mine"
