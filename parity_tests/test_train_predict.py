"""Does what was learnt predict, for whom it was learnt, and is what cannot be predicted refused?"""

import csv
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import scratch
from parity_tests.trained import ROOT, flowers_and_patients, train
from scripts import plot_run, predict
from scripts.cli import Refusal


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return flowers_and_patients(tmp_path_factory.mktemp("runs"))


def predicted(runs, name, file, capsys):
    assert predict.main([str(runs / name), str(file)]) == 0
    return list(csv.reader(capsys.readouterr().out.splitlines()))


def test_predictions_are_what_was_learnt_whichever_side_learnt_it(runs, capsys):
    by_torch, by_hand = (predicted(runs, name, runs / "iris.csv", capsys) for name in ("species", "again"))
    assert by_torch[0] == ["row", "prediction", "p(setosa)", "p(versicolor)", "p(virginica)"]
    assert [int(row[0]) for row in by_torch[1:]] == list(range(2, 152))
    assert by_torch == by_hand
    table = scratch.data.iris()
    right = np.mean([row[1] == table.classes[k] for row, k in zip(by_torch[1:], table.target, strict=True)])
    assert 0.7 < right < 0.9
    assert all(abs(sum(map(float, row[2:])) - 1) < 1e-5 for row in by_torch[1:])
    predict.main([str(runs / "again"), str(runs / "iris.csv"), "--out", str(runs / "p.csv")])
    told = f"150 predictions in {runs / 'p.csv'}; accuracy {right:.4f} over 150 rows whose 'species' is known"
    assert told in capsys.readouterr().err


def test_a_regression_is_predicted_in_the_units_of_its_target(runs, tmp_path):
    table = scratch.data.diabetes()
    with open(tmp_path / "new.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[*table.features], *table.x.tolist()])
    assert predict.main([str(runs / "diabetes"), str(tmp_path / "new.csv"), "--out", str(tmp_path / "p.csv")]) == 0
    rows, numbers = np.loadtxt(tmp_path / "p.csv", skiprows=1, delimiter=",").T
    assert rows.tolist() == list(range(2, 444))
    assert abs(numbers.mean() - table.target.mean()) < 20
    assert np.corrcoef(numbers, table.target[:, 0])[0, 1] > 0.5


def test_a_text_is_gone_on_with(tmp_path, capsys):
    (tmp_path / "t.txt").write_text("abcd" * 200, encoding="utf-8")
    small = ("--width", "8", "--layers", "1", "--context", "8", "--epochs", "12", "--lr", "0.1")
    train(tmp_path, "--name", "abcd", "--data", tmp_path / "t.txt", *small)
    assert predict.main([str(tmp_path / "abcd"), "--begin", "cd", "--characters", "6"]) == 0
    assert capsys.readouterr().out == "cdabcdab\n"
    predict.main([str(tmp_path / "abcd"), "--begin", "cd", "--characters", "6", "--out", str(tmp_path / "out.txt")])
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == "cdabcdab\n"
    for arguments, message in (
        (["--begin", "cdx"], "'x' is not among the 4 characters"),
        ([], "it was trained on a text"),
        (["mine.csv"], "it was trained on a text"),
    ):
        with pytest.raises(Refusal, match=message):
            predict.main([str(tmp_path / "abcd"), *arguments])


def test_a_table_with_columns_left_out_and_another_delimiter(tmp_path, capsys):
    table = tmp_path / "mine.csv"
    rows = [f"n{i};{i + i // 20 * 20};{-i};{'low' if i < 20 else 'high'}" for i in range(40)]
    table.write_text("\n".join(["name;a;b;kind", *rows, ""]), encoding="utf-8")
    how = ("--data", table, "--drop", "name", "--delimiter", "semicolon", "--map-labels")
    train(tmp_path, "--name", "mine", *how, "--epochs", "30", "--lr", "0.1")
    found = predicted(tmp_path, "mine", table, capsys)
    assert [row[1] for row in found[1:]] == ["low"] * 20 + ["high"] * 20


def test_rows_with_gaps_are_left_out_as_they_were_in_training(tmp_path, capsys):
    rows = [f"{'NA' if i % 10 == 0 else i},{i % 2}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["a,y", *rows, ""]), encoding="utf-8")
    train(tmp_path, "--name", "t", "--data", tmp_path / "t.csv", "--drop-nonfinite", "--epochs", "1")
    capsys.readouterr()
    predict.main([str(tmp_path / "t"), str(tmp_path / "t.csv")])
    out, errors = capsys.readouterr()
    assert [int(line.split(",")[0]) for line in out.splitlines()[1:]] == [i + 2 for i in range(40) if i % 10]
    assert "36 predictions; 4 rows with gaps are left out" in errors
    assert "over 36 rows whose 'y' is known, those it was trained on among them" in errors


def test_names_that_a_spreadsheet_would_run_are_quoted(tmp_path, capsys):
    rows = [f"{i + i // 20 * 40},{'=1+1' if i < 20 else '2.0'}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["a,y", *rows, ""]), encoding="utf-8")
    train(tmp_path, "--name", "t", "--data", tmp_path / "t.csv", "--map-labels", "--epochs", "40", "--lr", "0.1")
    found = predicted(tmp_path, "t", tmp_path / "t.csv", capsys)
    assert found[0] == ["row", "prediction", "p(2.0)", "p('=1+1)"]
    assert {row[1] for row in found[1:]} == {"2.0", "'=1+1"}
    predict.main([str(tmp_path / "t"), str(tmp_path / "t.csv")])
    assert "accuracy 1.0000 over 40 rows" in capsys.readouterr().err
    assert [predict.safe(name) for name in ("=1+1", "-x", "-1", "cat")] == ["'=1+1", "'-x", "-1", "cat"]


def test_a_table_is_never_written_over_and_one_without_names_is_read_as_it_was(tmp_path, capsys):
    table = tmp_path / "bare.csv"
    table.write_text("".join(f"{i},{-i},{i % 2}\n" for i in range(40)), encoding="utf-8")
    train(tmp_path, "--name", "bare", "--data", table, "--epochs", "1")
    assert len(predicted(tmp_path, "bare", table, capsys)) == 41
    before = table.read_bytes()
    with pytest.raises(Refusal, match="that is the table itself"):
        predict.main([str(tmp_path / "bare"), str(table), "--out", str(table)])
    assert table.read_bytes() == before


def test_what_cannot_be_predicted_is_refused(runs, tmp_path):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(Refusal, match="no column is named 'sepal length'"):
        predict.main([str(runs / "species"), str(tmp_path / "other.csv")])
    with pytest.raises(Refusal, match="no run is there"):
        predict.main([str(tmp_path), str(tmp_path / "other.csv")])


def test_weights_and_settings_that_are_none_are_refused(runs, tmp_path):
    shutil.copytree(runs / "again", tmp_path / "broken")
    weights, config = (tmp_path / "broken" / name for name in ("checkpoints/last.npz", "config.json"))
    spoilt = scratch.load(weights)
    spoilt["weights/0.bias"][:] = np.nan
    scratch.save(weights, spoilt)
    for use in (predict, plot_run):
        with pytest.raises(Refusal, match=r"^not a usable checkpoint: .*last\.npz: 0\.bias holds numbers that"):
            use.main([str(tmp_path / "broken"), *([str(runs / "iris.csv")] if use is predict else [])])
    shutil.rmtree(tmp_path / "broken")
    shutil.copytree(runs / "again", tmp_path / "broken")
    stored = json.loads(config.read_text(encoding="utf-8"))
    for place, name, value in (
        ("data", "classes", stored["data"]["classes"][::-1]),
        ("data", "features", stored["data"]["features"][::-1]),
        ("data", "scaling", {"x": [[0, 0], [1, 1]]}),
        ("task", "kind", "regression"),
        ("options", "seed", 7),
    ):
        config.write_text(json.dumps(stored | {place: stored[place] | {name: value}}), encoding="utf-8")
        with pytest.raises(Refusal, match=r"it belongs to another config\.json than the one here"):
            predict.main([str(tmp_path / "broken"), str(runs / "iris.csv")])
    for place, name, value in (
        ("task", "sizes", {"sizes": ["a", "b"]}),
        ("task", "model", "nothing"),
        ("data", "scaling", 3),
        ("data", "classes", None),
    ):
        config.write_text(json.dumps(stored | {place: stored[place] | {name: value}}), encoding="utf-8")
        with pytest.raises(Refusal, match=r"config\.json is no run's"):
            predict.main([str(tmp_path / "broken"), str(runs / "iris.csv")])


def test_a_closed_standard_output_loses_no_verdict(runs):
    line = [sys.executable, str(ROOT / "scripts" / "predict.py"), str(runs / "again"), str(runs / "iris.csv")]
    done = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *line], capture_output=True, text=True)
    assert (done.returncode, "150 predictions" in done.stderr) == (0, True)
