"""Labels of a table are read as what they are: classes, several labels an image, or a number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
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
def test_several_labels_in_a_cell_are_found(tmp_path: Path, labels: list[str], header: str) -> None:
    found = read_image_csv(table(tmp_path, labels, header))
    named = {name for given in found.targets for name in given}
    assert found.task == "labels"
    assert not any(mark in name for name in named for mark in "|;,+/[]\"'")
    assert all(given and {*given.values()} == {1.0} for given in found.targets)


def test_an_empty_cell_is_an_image_without_labels(tmp_path: Path) -> None:
    found = read_image_csv(table(tmp_path, ["a|b", "", "b"]))
    assert found.targets == [{"a": 1.0, "b": 1.0}, {}, {"b": 1.0}]


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
def test_quantities_are_numbers(tmp_path: Path, labels: list[str], header: str) -> None:
    found = read_image_csv(table(tmp_path, labels, header))
    assert found.task == "number"
    assert [*found.targets[0].values()] == [float(labels[0])]
    assert [*found.targets[0]] == [header.split(",")[1]]


def test_a_cell_that_is_no_number_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 3: 'old' is not a number"):
        read_image_csv(table(tmp_path, ["0.5", "old", "1.5"]), "number")


def test_columns_with_one_1_in_a_row_are_classes(tmp_path: Path) -> None:
    found = read_image_csv(table(tmp_path, ["1,0,0", "0,1,0"], "image,a,b,c"))
    assert found.task == "classes"
    assert [cells["label"] for _, cells in found.rows] == ["a", "b"]


def test_columns_of_0_and_1_are_labels_and_a_gap_is_unknown(tmp_path: Path) -> None:
    found = read_image_csv(table(tmp_path, ["1.0,0.0,1.0", "0.0,,1"], "image,a,b,c"))
    assert found.task == "labels"
    assert found.targets[0] == {"a": 1.0, "b": 0.0, "c": 1.0}
    assert np.isnan(found.targets[1]["b"])


def test_a_gap_in_a_column_without_0_says_no(tmp_path: Path) -> None:
    found = read_image_csv(table(tmp_path, ["x,x", ",x", "x,"], "image,a,b"))
    assert [given["a"] for given in found.targets] == [1.0, 0.0, 1.0]


def test_several_columns_of_numbers_are_refused(tmp_path: Path) -> None:
    labels = ["0.2,0.3,0.5", "0.1,0.1,0.8"]
    with pytest.raises(DataError, match="numbers in the columns 'a', 'b', 'c'") as error:
        read_image_csv(table(tmp_path, labels, "image,a,b,c"))
    assert "call the one to learn label" in error.value.hint


def test_rows_that_repeat_images_with_other_labels_are_labels(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("path,label\n1.png,a\n1.png,b\n2.png,a\n2.png,c\n")
    assert read_image_csv(path).task == "labels"


def test_what_is_asked_for_counts(tmp_path: Path) -> None:
    path = table(tmp_path, ["a|b", "a"])
    assert read_image_csv(path, "classes").task == "classes"
    path = table(tmp_path, [str(n % 3) for n in range(9)])
    assert read_image_csv(path, "number").task == "number"
    assert read_image_csv(path, "labels").targets[1] == {"1": 1.0}


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


@pytest.mark.parametrize(
    ("labels", "first"),
    [
        (['"1,000.5"', '"12,345.0"', "900.0"], 1000.5),
        (['"1,000,000"', '"2,500,000"', "0"], 1e6),
        (['"1,000.5"', "900"], 1000.5),
        (['"1,5"', '"2,125"'], 1.5),
        (["\N{MINUS SIGN}3.5", "4"], -3.5),
    ],
)
def test_commas_between_thousands_are_no_decimal_points(
    tmp_path: Path, labels: list[str], first: float
) -> None:
    found = read_image_csv(table(tmp_path, labels, "path,price"), "number")
    assert found.targets[0] == {"price": first}


@pytest.mark.parametrize("task", [None, "number"])
def test_a_comma_that_may_be_either_is_refused(tmp_path: Path, task: str | None) -> None:
    labels = [f'"{100 * n:,}"' for n in range(40)]
    with pytest.raises(DataError, match=r"'1,000' may be 1000 or 1\.000"):
        read_image_csv(table(tmp_path, labels, "path,price"), task)


@pytest.mark.parametrize("cell", ["3o", "", "nan", "1e300", "inf", "1_5"])
def test_a_slip_in_a_column_of_numbers_is_told_and_makes_no_classes(
    tmp_path: Path, cell: str
) -> None:
    with pytest.raises(DataError, match=f"line 2: '{cell}' is"):
        read_image_csv(table(tmp_path, [cell, *(f"{n}.5" for n in range(40))], "path,age"))


def test_columns_with_other_cells_than_0_and_1_are_told(tmp_path: Path) -> None:
    found = read_image_csv(table(tmp_path, ["1,0,2", "1,1,0"], "image,a,b,c"))
    assert [*found.targets[0]] == ["a", "b"]
    assert found.notes[0].message.endswith("neither 0 nor 1: the columns 'c'.")


def test_columns_with_one_1_in_a_row_are_classes_where_that_is_said(tmp_path: Path) -> None:
    path = table(tmp_path, ["1,0,0", "0,1,0"], "image,a,b,c")
    assert [cells["label"] for _, cells in read_image_csv(path, "classes").rows] == ["a", "b"]
