"""Images of none of the classes: found, told apart from the classes, and never assumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import draw_image
from tlearn.data.image_folder import scan
from tlearn.data.unknown import names_unknown, take_unknown
from tlearn.errors import DataError

MakeFolder = Callable[..., Path]


@pytest.mark.parametrize(
    "name", ["_unknown", "Background", "__OTHER__", "none of these", "negative"]
)
def test_a_class_that_reads_like_none_is_told_with_the_flag(name: str) -> None:
    (note,) = names_unknown(["ants", name, "bees"])
    assert (note.severity, note.names) == ("note", (name,))
    assert "--unknown" in note.message


@pytest.mark.parametrize("names", [["negative", "positive"], ["ants", "bees", "mothers"]])
def test_two_classes_and_other_names_are_left_alone(names: list[str]) -> None:
    assert not [*names_unknown(names)]


def test_a_class_is_taken_by_its_name_or_path_and_the_others_keep_their_images(
    image_folder: MakeFolder,
) -> None:
    root = image_folder(classes=3, per_class=4)
    plain = scan(root)
    for unknown in (plain.classes[1], str(root / plain.classes[1])):
        taken = take_unknown(plain, unknown)
        assert taken.classes == (plain.classes[0], plain.classes[2])
        assert {path.parent.name for path in taken.strangers} == {plain.classes[1]}
        assert all(taken.classes[i.label] == i.path.parent.name for i in taken.images)


def test_another_folder_leaves_the_classes_as_they_are(
    image_folder: MakeFolder, tmp_path: Path
) -> None:
    plain = scan(image_folder(classes=3, per_class=4))
    (tmp_path / "sky").mkdir()
    draw_image("dots", 0).save(tmp_path / "sky" / "a.png")
    taken = take_unknown(plain, str(tmp_path / "sky"))
    assert (taken.classes, taken.images) == (plain.classes, plain.images)
    assert [path.name for path in taken.strangers] == ["a.png"]


def test_what_cannot_teach_is_refused_with_the_flag(image_folder: MakeFolder) -> None:
    root = image_folder(classes=3, per_class=4)
    for unknown in ("nothing_of_the_kind", str(root)):
        with pytest.raises(DataError, match="neither a class") as error:
            take_unknown(scan(root), unknown)
        assert "--unknown" in error.value.hint
    two = scan(image_folder(classes=2, per_class=4, name="two"))
    with pytest.raises(DataError, match="only one class besides"):
        take_unknown(two, two.classes[0])
