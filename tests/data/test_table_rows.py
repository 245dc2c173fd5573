"""Tables of labels and numbers are read row by row, and their errors named by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.conftest import label_table
from tlearn.data.image_folder import scan
from tlearn.errors import DataError


def test_a_model_of_labels_is_scored_on_a_table_with_some_of_them(tmp_path: Path) -> None:
    path = label_table(tmp_path, ["a", "b|a", ""])
    folder = scan(path, ("a", "b", "c"), task="labels")
    assert [image.target for image in folder.images] == [(1, 0, 0), (1, 1, 0), (0, 0, 0)]
    with pytest.raises(DataError, match="labels that the model does not know: 'b'"):
        scan(path, ("a", "c"), task="labels")


def test_a_model_of_a_number_is_scored_on_a_column_of_any_name(tmp_path: Path) -> None:
    path = label_table(tmp_path, ["1.5", "2.5", "1.5"], "path,years")
    folder = scan(path, ("age",), task="number")
    assert folder.outputs == ("age",)
    assert [image.target for image in folder.images] == [(1.5,), (2.5,), (1.5,)]


def test_rows_of_one_image_are_joined_into_its_labels(tmp_path: Path) -> None:
    label_table(tmp_path, [""] * 4)
    rows = ["0.png,a", "0.png,b", "1.png,a", "1.png,c", "2.png,b", "3.png,c"]
    (tmp_path / "list.csv").write_text("\n".join(["path,label", *rows]))
    folder = scan(tmp_path / "list.csv")
    assert [image.target for image in folder.images] == [(1, 1, 0), (1, 0, 1), (0, 1, 0), (0, 0, 1)]


def test_an_image_with_two_numbers_is_named(tmp_path: Path) -> None:
    label_table(tmp_path, ["", ""])
    (tmp_path / "list.csv").write_text("path,label\n0.png,0.5\n0.png,1.5\n1.png,2.5\n")
    with pytest.raises(DataError, match=r"line 3: '0\.png' is listed twice, with different numb"):
        scan(tmp_path / "list.csv")


def test_an_image_that_has_a_label_and_has_it_not_is_named(tmp_path: Path) -> None:
    label_table(tmp_path, [""] * 3)
    rows = ["0.png,1,1", "1.png,1,0", "2.png,0,1", "0.png,1,", "0.png,0,1"]
    (tmp_path / "list.csv").write_text("\n".join(["path,a,b", *rows]))
    with pytest.raises(DataError, match=r"line 6: '0\.png' is listed twice, with different lab"):
        scan(tmp_path / "list.csv")


def test_a_gap_takes_no_label_away(tmp_path: Path) -> None:
    label_table(tmp_path, [""] * 3)
    rows = ["0.png,1,1", "1.png,1,0", "2.png,0,1", "0.png,,"]
    (tmp_path / "list.csv").write_text("\n".join(["path,a,b", *rows]))
    assert scan(tmp_path / "list.csv").images[0].target == (1, 1)


def test_empty_cells_point_to_labels(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 3: it has no label") as raised:
        scan(label_table(tmp_path, ["a", "", "a"]))
    assert raised.value.hint.endswith("--task labels")
