"""A CSV file that lists images, whatever its delimiter and the names of its columns."""

from __future__ import annotations

import zipfile
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


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_text_as_spreadsheets_save_it_is_read(path: Path, encoding: str) -> None:
    path.write_text("path\tlabel\n1.png\tÄpfel\n", encoding)
    assert read_image_csv(path).rows == [(2, {"path": "1.png", "label": "Äpfel"})]


@pytest.mark.parametrize("above", ["sep=;\n", "# exported\n#\n", '"sep=;"\n', "\n\n"])
def test_lines_above_the_header_are_passed_over_and_counted(path: Path, above: str) -> None:
    path.write_text(f"{above}path;label\n1.png;cat\n", "utf-8")
    line = 2 + above.count("\n")
    assert read_image_csv(path).rows == [(line, {"path": "1.png", "label": "cat"})]


def test_another_encoding_is_told_with_the_command_that_converts(path: Path) -> None:
    path.write_text("path,label\n1.png,Café\n", "cp1252")
    with pytest.raises(DataError, match="not text in UTF-8") as error:
        read_image_csv(path)
    assert "iconv -f CP1252 -t UTF-8" in error.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "label,pixel0,pixel1\n1,0,0\n",
        "emotion,pixels,Usage\n1,70 70,Training\n",
        f"image,label\n{'/9j/4AAQ' * 50},cat\n",
    ],
)
def test_pixels_in_place_of_paths_are_told_briefly(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    with pytest.raises(DataError, match="pixels of images") as error:
        read_image_csv(path)
    assert len(error.value.message) < 300 and "PNG" in error.value.hint


def test_a_spreadsheet_by_the_name_of_a_table_is_called_that(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", b"\xff" * 50)
    with pytest.raises(DataError, match="office document"):
        read_image_csv(path)
