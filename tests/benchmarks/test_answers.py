"""Composed images: an object where its box says, on a ground that tells no class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.answers.compose import OBJECTS, SIDE, compose, write_composed


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_differ_inside_their_box_alone(name: str) -> None:
    """Two objects drawn with the same seed have the same ground and the same box."""
    other = next(known for known in OBJECTS if known != name)
    (image, box), (different, same_box) = compose(name, 5), compose(other, 5)
    assert box == same_box and 0 < box[0] < box[2] < SIDE
    changed = np.abs(np.asarray(image, int) - np.asarray(different, int)).max(axis=-1) > 40
    rows, columns = np.nonzero(changed)
    assert len(rows) > 200
    assert box[0] - 3 <= columns.min() and columns.max() <= box[2] + 3
    assert box[1] - 3 <= rows.min() and rows.max() <= box[3] + 3


def test_a_folder_of_them_comes_with_its_boxes(tmp_path: Path) -> None:
    boxes = write_composed(tmp_path, 2)
    assert len(boxes) == 2 * len(OBJECTS)
    for path in boxes:
        with Image.open(tmp_path / path) as image:
            assert image.size == (SIDE, SIDE)
