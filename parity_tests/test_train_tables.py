"""Is a person's table read strictly, and is what is wrong in it named with row, column and remedy?"""

import json

import numpy as np
import pytest

from parity_tests.trained import train
from scratch.tables import read_columns, read_csv, read_text, read_words
from scripts.cli import Refusal

GOOD = "a,b,y\n1,2,0\n3,4.5,1\n5,6,0\n7,8,1\n"


def written(tmp_path, content, name="mine.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\n\n"),
        GOOD.replace("a,", '"a",'),
        "\n\n" + GOOD,
    ],
    ids=["plain", "crlf", "mark", "blank lines", "quoted", "blank first"],
)
def test_forms_that_are_the_same_table(tmp_path, content):
    table = read_csv(written(tmp_path, content))
    assert (table.features, table.target) == (("a", "b"), "y")
    np.testing.assert_array_equal(table.x, [[1, 2], [3, 4.5], [5, 6], [7, 8]])
    np.testing.assert_array_equal(table.column, [0, 1, 0, 1])


def test_a_table_without_names_and_any_column_as_target(tmp_path):
    path = written(tmp_path, "1,2,0\n3,4,1\n")
    assert read_csv(path).features == ("0", "1")
    np.testing.assert_array_equal(read_csv(path, "0").x, [[2, 0], [4, 1]])
    np.testing.assert_array_equal(read_csv(path, "-2").column, [2, 4])
    named = written(tmp_path, GOOD)
    np.testing.assert_array_equal(read_csv(named, "b").x[:2], [[1, 0], [3, 1]])


def test_words_as_labels_in_their_order(tmp_path):
    table = read_csv(written(tmp_path, "a,y\n1,dog\n2, cat\n3,dog\n"), words=True)
    assert table.words == ("cat", "dog")
    np.testing.assert_array_equal(table.column, [1, 0, 1])


WRONG = {
    "empty": ("", "0 rows: the file is empty"),
    "names alone": ("a,b,y\n", "0 rows: it has a line of names alone"),
    "long row": ("a,b,y\n1,2,0\n1,2,3,0\n", "row 3: expected 3 cells, got 4"),
    "short row": ("a,b,y\n1,2,0\n\n1,0\n", "row 4: expected 3 cells, got 2"),
    "word": ("a,b,y\n1,two,0\n", "row 2, column 'b': 'two' is no number"),
    "word as label": ("a,y\n1,cat\n", "row 2, column 'y': 'cat' is no number; --map-labels takes words"),
    "gap": ("a,b,y\n1,2,0\n1,,0\n", "row 3, column 'b': an empty cell"),
    "nan": ("a,b,y\n1,2,0\n1,nan,0\n", "row 3, column 'b': nan is not finite; mend it, or leave such rows out"),
    "beyond a float": ("a,b,y\n\n1,1e400,0\n", "row 3, column 'b': 1e400 is not finite"),
    "twice": ("a,a,y\n1,2,3\n", "two columns are named 'a'; the columns are a, a, y"),
    "no name": ("a,,y\n1,2,3\n", "column 2 has no name"),
    "one column": ("a\n1\n", "expected two columns or more, by --delimiter comma, got one: 'a'"),
    "semicolons": ("a;b\n1;2\n", "got one: 'a;b'; is it --delimiter semicolon?"),
    "not available": ("a,y\nNA,0\n", "row 2, column 'a': 'NA' is a gap; fill it, or leave such rows out"),
    "decimal comma": ('a,y\n"1,5",0\n', "'1,5' is no number; a decimal comma? write 1.5"),
    "thousands": ("a,y\n1_000,0\n", "row 2, column 'a': '1_000' is no number"),
    "years as names": ("2019,2020,label\n1,2,0\n", "row 1, column '2': 'label' is no number; where these are names"),
    "open quotation": ('a,y\n1,"0\n2,1\n', "row 3, column 'y'"),
    "word among features": ("a,b,y\n1,two,0\n", "--drop b leaves the column out"),
    "utf-16": (GOOD.encode("utf-16"), "it is UTF-16; save it as comma-separated text in UTF-8"),
    "utf-16 without a mark": ("a,b\n".encode("utf-16-le"), "it is UTF-16 or no text at all"),
    "latin-1": ("a,b\xe9,y\n1,2,3\n".encode("latin-1"), "row 1: byte 4 of it is not UTF-8; save the file as UTF-8"),
    "zip": (b"PK\x03\x04....", "it is zip"),
    "gzip": (b"\x1f\x8b....", "it is gzip"),
    "long cell": (
        'a,y\n1,0\n2,"0\n' + "3,1\n" * 40_000,
        "row 3: field larger than field limit",
    ),
}


@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=WRONG)
def test_what_is_no_table_is_refused_by_place(tmp_path, content, message):
    path = written(tmp_path, content)
    with pytest.raises(ValueError, match=r"^\S*mine\.csv: ") as refused:
        read_csv(path)
    assert message in str(refused.value)
    with pytest.raises(Refusal):
        train(tmp_path, "--data", path)


def test_missing_files_and_folders_are_named_whole(tmp_path):
    with pytest.raises(ValueError, match=r"/nope\.csv: no such file"):
        read_csv(tmp_path / "nope.csv")
    with pytest.raises(ValueError, match="it is not a regular file"):
        read_csv(tmp_path)
    with pytest.raises(ValueError, match="no column is named 'z'; the columns are a, b, y"):
        read_csv(written(tmp_path, GOOD), "z")


def test_a_file_beyond_the_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("scratch.tables.files.free_memory", lambda: 10)
    with pytest.raises(ValueError, match="need 4 times as much memory"):
        read_csv(written(tmp_path, GOOD))


def test_rows_that_are_not_finite_are_left_out_on_request(tmp_path):
    table = read_csv(written(tmp_path, GOOD + "inf,1,0\n"), drop_nonfinite=True)
    assert (len(table.x), table.dropped) == (4, 1)


def test_gaps_are_left_out_on_request(tmp_path):
    gaps = written(tmp_path, "a,b,y\n1,,cat\n2,3,dog\n4,5,\n6, 7,cat\n8,nan,dog\n NA,1,cat\n")
    table = read_csv(gaps, words=True, drop_nonfinite=True)
    assert (table.dropped, table.words) == (4, ("cat", "dog"))
    np.testing.assert_array_equal(table.x, [[2, 3], [6, 7]])
    with pytest.raises(ValueError, match="row 3, column 'a': 'x' is no number"):
        read_csv(written(tmp_path, "a,y\n,1\nx,2\n"), drop_nonfinite=True)


def test_columns_are_left_out_by_name_or_number(tmp_path):
    path = written(tmp_path, 'id,a,note,b,y\nx1,1,"one, and\nmore",2,0\nx2,3,,4,1\n')
    table = read_csv(path, leave_out=["id", "2"])
    assert table.features == ("a", "b")
    np.testing.assert_array_equal(table.x, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(table.column, [0, 1])
    for columns, message in ((["y"], "is the target"), (["id", "a", "note", "b"], "no column is left")):
        with pytest.raises(ValueError, match=message):
            read_csv(path, leave_out=columns)


@pytest.mark.parametrize("mark", [";", "\t"])
def test_other_delimiters(tmp_path, mark):
    table = read_csv(written(tmp_path, GOOD.replace(",", mark)), delimiter=mark)
    np.testing.assert_array_equal(table.x, [[1, 2], [3, 4.5], [5, 6], [7, 8]])


def test_a_first_column_named_PK_is_no_zip(tmp_path):
    assert read_csv(written(tmp_path, "PK,y\n1,0\n2,1\n")).features == ("PK",)


def test_a_table_without_names_is_never_taken_for_one_with(tmp_path):
    """Its first row may hold the numbers of columns."""
    path = written(tmp_path, "0,1\n1,0\n5,6\n")
    np.testing.assert_array_equal(read_columns(path, ("0", "1")), [[0, 1], [1, 0], [5, 6]])
    np.testing.assert_array_equal(read_columns(written(tmp_path, "1,0,1\n2,5,0\n"), ("0", "1")), [[1, 0], [2, 5]])


def test_a_table_named_as_bundled_data_is_a_table(tmp_path):
    path = written(tmp_path, "a,y\n1,0\n20,1\n3,0\n40,1\n", "digits.csv")
    status, _, errors = train(tmp_path, "--data", path, "--epochs", "1", "--name", "own")
    assert (status, "mlp" in errors) == (0, True)
    scaling = json.loads((tmp_path / "own" / "config.json").read_text(encoding="utf-8"))["data"]["scaling"]
    assert scaling["x"][0][0] > 1


def test_one_more_column_with_the_rows_as_files_count_them(tmp_path):
    path = written(tmp_path, 'a,y\n1,"cat\ndog"\n\n2, cow \n')
    assert read_words(path, ("a",), "y") == ([3, 5], ["cat\ndog", "cow"])
    assert read_words(path, ("a",), "z") == ([3, 5], None)


def test_columns_to_predict_from_are_found_by_name(tmp_path):
    path = written(tmp_path, "y,word,b,a\n0,x,2,1\n1,z,4,3\n")
    np.testing.assert_array_equal(read_columns(path, ("a", "b")), [[1, 2], [3, 4]])
    np.testing.assert_array_equal(read_columns(written(tmp_path, "a\n1\n2\n", "one.csv"), ("a",)), [[1], [2]])
    with pytest.raises(ValueError, match=r"row 2, column 'a': 'x' is no number$"):
        read_columns(written(tmp_path, "a\nx\n", "bad.csv"), ("a",))
    with pytest.raises(ValueError, match="no column is named 'c'"):
        read_columns(path, ("a", "c"))
    with pytest.raises(ValueError, match=r"expected 3 columns \(a, b, c\)"):
        read_columns(written(tmp_path, "1,2\n"), ("a", "b", "c"))


def test_a_text_is_its_characters(tmp_path):
    text = read_text(written(tmp_path, "día\n", "t.txt"))
    assert (text.read(text.ids), text.characters) == ("día\n", "\nadí")


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ("a,y\n1,1\n2,2\n3,1\n4,2\n", (), "labels in column 'y' are 0 to K-1, got 1, 2; --map-labels"),
        ("a,y\n1,0\n2,0\n3,0\n", (), "every row is of class '0'"),
        ("a,y\n1,0\n2,0\n3,1\n", (), "class '1' has one row"),
        ("a,y\n1,0\n2,1\n", ("--test-share", "0.9"), "class '0' has one row"),
        ("a,y\n1,x\n2,x\n3,z\n4,z\n", ("--map-labels", "--task", "regression"), "is of words: a classification"),
    ],
    ids=["from one", "one class", "lone", "two rows", "words"],
)
def test_tables_that_cannot_be_trained_on(tmp_path, content, arguments, message):
    with pytest.raises(Refusal) as refused:
        train(tmp_path / "runs", "--data", written(tmp_path, content), *arguments)
    assert message in str(refused.value)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("rows", ["1,0.5\n2,1.5\n", "1,0.5\n"], ids=["two", "one"])
def test_few_rows_and_batches_larger_than_the_table_train(rows, tmp_path):
    path = written(tmp_path, "a,y\n" + rows)
    status, result, errors = train(tmp_path / "runs", "--data", path, "--batch-size", 100, "--epochs", 2)
    assert (status, result["steps"]) == (0, 2)
    assert ("one row, so it is trained on and judged" in errors) == (rows.count("\n") == 1)
    assert "'y' is of numbers: a regression; --task says otherwise" in errors


def test_a_text_of_one_character_teaches_nothing(tmp_path):
    with pytest.raises(Refusal, match="every character is the same"):
        train(tmp_path, "--data", written(tmp_path, "aaaa" * 100, "t.txt"))
