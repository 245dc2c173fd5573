"""Paths of another system or folder find their image, and no path finds another one's."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.data.conftest import Lay
from tlearn.data.csv_paths import find_files
from tlearn.errors import DataError


def found(root: Path, *cells: str, name: str = "list.csv") -> dict[str, str]:
    return find_files(root / name, cells)[0]


@pytest.mark.parametrize(
    "cells",
    [
        ("cat\\1.png", "dog\\2.png"),
        ("C:\\Users\\me\\data\\cat\\1.png", "C:\\Users\\me\\data\\dog\\2.png"),
        ("/home/me/data/cat/1.png", "/home/me/data/dog/2.png"),
        ("data/cat/1.png", "data/dog/2.png"),
        ("CAT/1.PNG", "Dog/2.png"),
        ("1", "2"),
        ("cat/1", "dog/2"),
        ("1.png", "2.png"),
    ],
)
def test_one_rule_for_all_rows_leads_to_the_files(lay: Lay, cells: Sequence[str]) -> None:
    root = lay("cat/1.png", "dog/2.png")
    assert [*found(root, *cells).values()] == ["cat/1.png", "dog/2.png"]


def test_paths_that_are_right_are_left_alone(lay: Lay) -> None:
    root = lay("cat/1.png", "dog/2.png", "old/3.png")
    assert found(root, "cat/1.png", "dog/2.png") == {}
    assert found(root, "cat/1.png", "dog\\2.png", "3.png") == {"dog\\2.png": "dog/2.png"}


def test_another_unicode_form_is_found(lay: Lay) -> None:
    composed, decomposed = (unicodedata.normalize(form, "é.png") for form in ("NFC", "NFD"))
    assert found(lay(decomposed), composed) == {composed: decomposed}


def test_no_row_finds_the_image_of_another_class_or_part(lay: Lay) -> None:
    root = lay("dog/1.png", "dog/2.png", "test/cat/1.png", "test/cat/2.png")
    assert found(root, "cat/1.png", "dog/1.png", "cat/3.png") == {}
    assert found(lay("test/cat/1.png", root="t"), "train/cat/1.png", "train/cat/2.png") == {}


def test_of_two_folders_the_one_of_the_tables_name_is_meant(lay: Lay) -> None:
    root = lay("train_images/1.png", "train_images/2.png", "test_images/1.png", "test_images/2.png")
    cells = ("1.png", "2.png")
    assert next(iter(found(root, *cells, name="train.csv").values())) == "train_images/1.png"
    with pytest.raises(DataError, match=r"in several folders: '1\.png' may be"):
        found(root, *cells)


def test_images_in_several_folders_are_found_in_each(lay: Lay) -> None:
    root = lay("part_1/a.png", "part_2/b.png")
    assert found(root, "a", "b") == {"a": "part_1/a.png", "b": "part_2/b.png"}


def test_web_addresses_are_called_that(lay: Lay) -> None:
    with pytest.raises(DataError, match="web addresses, not files") as error:
        found(lay("1.png"), "https://example.org/1.png")
    assert "wget" in error.value.hint


def test_addresses_codes_and_characters_nobody_sees_do_not_count(lay: Lay) -> None:
    root = lay("red cat/1.png", "dog/2.png")
    cells = ("red%20cat/1.png", "dog/2.png\u200b")
    assert found(root, *cells) == dict(zip(cells, ("red cat/1.png", "dog/2.png"), strict=True))


def test_a_file_whose_name_has_such_a_code_is_found_too(lay: Lay) -> None:
    root = lay("a%20b/1.png", "dog/2.png")
    cells = ("x\\a%20b\\1.png", "x\\dog\\2.png")
    assert found(root, *cells) == dict(zip(cells, ("a%20b/1.png", "dog/2.png"), strict=True))
