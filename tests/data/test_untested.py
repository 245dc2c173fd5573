"""A split for testing that lacks classes is not silent about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlearn.data.image_folder import ImageFolder, LabeledImage
from tlearn.data.untested import untested_classes

NAMES = ("ant", "bee", "fly")


def folder_of(**present: tuple[int, ...]) -> ImageFolder:
    images = [
        LabeledImage(Path(f"/images/{split}{label}"), f"{split}{label}", label, split or None)
        for split, labels in present.items()
        for label in labels
    ]
    return ImageFolder(Path("/images"), NAMES, tuple(images), "classes")


@pytest.mark.parametrize(
    ("present", "split", "absent"),
    [
        ({"test": (0,), "val": (0, 1, 2)}, "test", ("bee", "fly")),
        ({"val": (0, 2)}, "val", ("bee",)),
        ({"test": (0, 1, 2), "val": (1,)}, "", ()),
        ({}, "", ()),
    ],
)
def test_classes_without_an_image_to_test_on_are_named(
    present: dict[str, tuple[int, ...]], split: str, absent: tuple[str, ...]
) -> None:
    found = [*untested_classes(folder_of(train=(0, 1, 2), **present))]
    assert [note.names for note in found] == [absent] * bool(absent)
    for note in found:
        assert note.message.startswith(f"{split} has no images of {absent[0]!r}")
