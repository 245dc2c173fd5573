"""Labels that are not one class an image are called what they are, and not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tlearn.data.image_csv import read_image_csv
from tlearn.errors import DataError


def table(folder: Path, labels: Sequence[str], header: str = "path,label") -> Path:
    path = folder / "list.csv"
    rows = [f"{n}.png,{label}" for n, label in enumerate(labels)]
    path.write_text("\n".join([header, *rows]), "utf-8")
    return path


@pytest.mark.parametrize(
    ("labels", "header"),
    [
        (["daisy|yellow", "rose|red"], "path,label"),
        (["cat;dog", "cat", "dog"], "path,label"),
        (['"a, b"', "a", "b"], "path,label"),
        (['"a,b"', '"b,c"', '"a,c"'], "path,label"),
        (["\"['a', 'b']\"", "\"['a']\""], "path,label"),
        (['"[""a""]"', '"[""b""]"'], "path,label"),
        (["cat+dog", "cat", "dog"], "path,label"),
        (["cat/dog", "cat", "dog"], "path,label"),
        (["haze primary", "clear primary water", "cloudy"], "image_name,tags"),
        (["scab", "scab rust", "rust"], "image,labels"),
    ],
)
def test_several_labels_in_a_cell_are_refused(
    tmp_path: Path, labels: list[str], header: str
) -> None:
    with pytest.raises(DataError, match="several labels in a cell") as error:
        read_image_csv(table(tmp_path, labels, header))
    assert "tlearn trains one class an image" in error.value.message


@pytest.mark.parametrize(
    "labels",
    [
        ['"tench, Tinca tinca"', '"great white shark, white shark"'],
        ["red rose", "white rose"],
        ["C++", "R&D", "a/b"],
        ["0", "1", "2"],
        ["1.0", "0.0"],
        ["[unknown]", "cat"],
        [str(n % 30) for n in range(120)],
    ],
)
def test_names_and_numbers_of_classes_are_read(tmp_path: Path, labels: list[str]) -> None:
    assert len(read_image_csv(table(tmp_path, labels)).rows) == len(labels)


@pytest.mark.parametrize(
    ("labels", "header"),
    [
        (["0.25", "1.5"], "path,label"),
        (["0,5".replace(",", "."), "3"], "path,target"),
        ([str(3 * n) for n in range(40)], "path,label"),
        ([str(20 + n % 9) for n in range(60)], "image,age"),
    ],
)
def test_quantities_are_refused(tmp_path: Path, labels: list[str], header: str) -> None:
    with pytest.raises(DataError, match="numbers for labels"):
        read_image_csv(table(tmp_path, labels, header))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["1,0,0", "0,1,0"], "column of 0 and 1 for each of 3 labels, 'a', 'b', 'c';"),
        (["1.0,0.0,1.0", "0.0,1.0,0.0"], "and an image can have several"),
        (["0.2,0.3,0.5", "0.1,0.1,0.8"], "numbers in the columns 'a', 'b', 'c'"),
    ],
)
def test_a_column_for_each_label_is_refused(
    tmp_path: Path, labels: list[str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_image_csv(table(tmp_path, labels, "image,a,b,c"))


def test_rows_that_repeat_images_with_other_labels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("path,label\n1.png,a\n1.png,b\n2.png,a\n2.png,c\n")
    with pytest.raises(DataError, match="gives 2 of 2 images several labels"):
        read_image_csv(path)


def test_boxes_are_refused_where_an_image_has_several(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("filename,class,xmin,ymin,xmax,ymax\n1.png,a,0,0,1,1\n1.png,b,0,0,1,1\n")
    with pytest.raises(DataError, match="boxes or outlines"):
        read_image_csv(path)
    path.write_text("filename,class,xmin,ymin,xmax,ymax\n1.png,a,0,0,1,1\n2.png,b,0,0,1,1\n")
    assert "the whole image is" in read_image_csv(path).notes[0].message


def test_labels_that_may_be_lists_are_told(tmp_path: Path) -> None:
    labels = ['"daisy, yellow"', '"rose, red"', '"daisy, red"']
    (note,) = read_image_csv(table(tmp_path, labels)).notes
    assert note.severity == "warning" and "recurs" in note.message
