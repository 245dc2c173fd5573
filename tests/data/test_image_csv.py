"""A CSV file that lists images, whatever its delimiter and the names of its columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlearn.data.image_csv import read_image_csv
from tlearn.errors import DataError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "list.csv"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_delimiter_is_understood(path: Path, delimiter: str) -> None:
    rows = ["path,label", "dogs/1.png,Dog", "", "cats/1.png,'kitten'"]
    path.write_text("\ufeff" + "\r\n".join(rows).replace(",", delimiter), "utf-8")
    assert read_image_csv(path).rows == [
        (2, {"path": "dogs/1.png", "label": "Dog"}),
        (4, {"path": "cats/1.png", "label": "'kitten'"}),
    ]


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_quotes_keep_a_comma_inside_a_cell(path: Path, delimiter: str) -> None:
    cells = ["1.png", '"Cat, or ""kitten"""']
    path.write_text(f"path{delimiter}label\n{delimiter.join(cells)}\n", "utf-8")
    assert read_image_csv(path).rows == [(2, {"path": "1.png", "label": 'Cat, or "kitten"'})]


def test_columns_have_other_names_too_and_the_first_of_two_counts(path: Path) -> None:
    path.write_text("Image,Class,label,Set\n1.png,cat,dog,train\n", "utf-8")
    assert read_image_csv(path).rows == [
        (2, {"path": "1.png", "label": "cat", "split": "train"}),
    ]


@pytest.mark.parametrize("column", ["group", "Patient", "subject_id"])
def test_a_column_says_which_images_belong_together(path: Path, column: str) -> None:
    path.write_text(f"path,label,{column}\n1.png,cat,p7\n", "utf-8")
    cells = {"path": "1.png", "label": "cat", "group": "p7"}
    assert read_image_csv(path).rows == [(2, cells)]


@pytest.mark.parametrize("text", ["", "when,who\nx,y\n"])
def test_missing_columns_are_named(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    with pytest.raises(DataError, match="does not name the columns path and label") as error:
        read_image_csv(path)
    assert "path,label" in error.value.hint


def test_a_file_that_is_not_text_is_an_error(path: Path) -> None:
    path.write_bytes(b"path,label\n\xff\xfe,\x00\n")
    with pytest.raises(DataError) as error:
        read_image_csv(path)
    assert "UTF-8" in error.value.hint
