"""Names of classes that are odd, and sub-folders that were merged, are told with a way on."""

from __future__ import annotations

import pytest

from tests.data.conftest import Lay
from tlearn.data.image_folder import scan
from tlearn.data.layout_notes import odd_names
from tlearn.data.notes import Row
from tlearn.data.strays import folders_without_class


def test_a_class_beside_others_that_is_named_as_none_is_told() -> None:
    rows = [Row(f"{name}/1.png", name, None) for name in ("cat", "images", "train")]
    assert [note.names for note in odd_names(rows)] == [("images", "train")]
    assert not [*odd_names(rows[1:])]


def test_subfolders_of_most_classes_are_told_with_the_path_of_a_data_set(lay: Lay) -> None:
    names = [f"{kind}/{place}/1.png" for kind in "ab" for place in ("in", "out")]
    root = lay(*names, "c/1.png")
    (note,) = scan(root).notes
    assert note.kind == "merged" and note.severity == "warning"
    assert "'in', 'out' are part of most classes" in note.message
    assert note.message.endswith(f"name one of them instead: tlearn suggest '{root / 'a'}'.")


def test_what_the_doctor_moved_out_is_left_aside_with_a_note(lay: Lay) -> None:
    root = lay("cat/1.png", "dog/1.png", "quarantine/cat/1.png", "quarantine/.tlearn-moves.jsonl")
    folder = scan(root)
    assert folder.classes == ("cat", "dog") and not folders_without_class(folder)
    assert folder.notes[0].names == ("quarantine",)


def test_an_archive_beside_classes_is_told_unless_it_was_unpacked(lay: Lay) -> None:
    folder = scan(lay("cat/1.png", "dog/1.png", "bird.zip", "dog.tar.gz", "data.zip"))
    assert [note.names for note in folder.notes] == [("bird.zip",)]


@pytest.mark.parametrize(
    "names",
    [
        [
            f"{part}/{kind}/{place}/1.png"
            for part in ("train", "test")
            for kind in "ab"
            for place in "xy"
        ],
        [f"{kind}/2020/{place}/1.png" for kind in "ab" for place in "xy"],
    ],
)
def test_subfolders_below_parts_and_below_one_folder_are_told(lay: Lay, names: list[str]) -> None:
    (note,) = (note for note in scan(lay(*names)).notes if note.kind == "merged")
    assert note.names == ("x", "y")


def test_a_folder_that_nobody_made_for_a_class_is_told(lay: Lay) -> None:
    folder = scan(lay("cat/1.png", "old/1.png", "predictions/1.png", "_tmp/1.png"))
    assert [note.names for note in folder.notes] == [("_tmp", "predictions")]
