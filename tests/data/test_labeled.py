"""What a model is scored on: the test split of another folder, else val, else everything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tlearn.data.labeled import labeled_folder
from tlearn.errors import DataError

LABELS = ("stripes", "square", "circle")
"""In another order than the folder's classes, and with one more."""


@pytest.mark.parametrize(
    ("splits", "scored"),
    [(("",), ""), (("train", "val"), "val"), (("train", "val", "test"), "test")],
)
def test_test_comes_before_val_and_val_before_the_rest(
    image_folder: Callable[..., Path], splits: tuple[str, ...], scored: str
) -> None:
    root = image_folder(classes=2, per_class=3, splits=splits)
    images = labeled_folder(root, LABELS).images
    assert len(images) == 6
    for image in images:
        assert image.path.parent == root / scored / LABELS[image.label]


def test_a_class_that_the_model_does_not_know_is_an_error(
    image_folder: Callable[..., Path],
) -> None:
    with pytest.raises(DataError, match="does not know: 'square'") as error:
        labeled_folder(image_folder(classes=2), ("circle", "stripes"))
    assert error.value.message.endswith("it knows 'circle', 'stripes'")
    assert error.value.hint.endswith("tlearn runs")
