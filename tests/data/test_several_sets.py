"""A folder around several data sets is refused, and one of them named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.conftest import Lay
from tlearn.data.image_folder import scan
from tlearn.errors import DataError


def hint_of(root: Path) -> str:
    with pytest.raises(DataError, match="more than one data set") as error:
        scan(root)
    return error.value.hint


def test_folders_with_a_train_part_each_are_data_sets(lay: Lay) -> None:
    root = lay(*(f"{name}/train/{kind}/1.png" for name in ("pets", "toys") for kind in "ab"))
    assert hint_of(root) == f"name one of them: tlearn suggest '{root / 'pets'}'"


def test_one_with_a_train_part_beside_classes_is_named(lay: Lay) -> None:
    root = lay("cat/1.png", "toys/train/a/1.png", "toys/train/b/1.png")
    assert str(root / "toys") in hint_of(root)


@pytest.mark.parametrize(
    "names",
    [("color", "grayscale"), ("raw", "augmented"), ("fold_1", "fold_2"), ("data_v1", "data_v2")],
)
def test_renditions_of_one_data_set_are_no_classes(lay: Lay, names: tuple[str, ...]) -> None:
    hint_of(lay(*(f"{name}/{kind}/1.png" for name in names for kind in "ab")))
    flat = scan(lay(*(f"{name}/1.png" for name in names), root="flat"))
    assert flat.classes == tuple(sorted(names))
