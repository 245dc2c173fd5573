"""A file takes one image of a known size; of any other the message says what it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tlearn.artifacts.contract_rules import MOST_SIDE
from tlearn.artifacts.input_shape import image_shape
from tlearn.errors import ExportError

PATH = Path("model.onnx")


def test_the_batch_may_be_of_any_size() -> None:
    for batch in (1, None, "batch"):
        assert image_shape(PATH, {"image": (batch, 8, 6, 3)}, "image") == (8, 6, 3)


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"image": (1, 8, 8, 3), "mask": (1, 8, 8, 1)},
        {"image": (1, 8)},
        {"image": (1, None, None, 3)},
        {"image": (1, "height", "width", 3)},
        {"image": (1, 0, 8, 3)},
        {"image": (1, MOST_SIDE + 1, 8, 3)},
        {"x": (1, 8, 8, 3)},
    ],
    ids=str,
)
def test_what_is_no_image_is_refused(inputs: dict[str, Any]) -> None:
    with pytest.raises(ExportError, match="expected one image named 'image'") as error:
        image_shape(PATH, inputs, "image")
    assert all(repr(name) in error.value.message for name in inputs)


def test_a_runtime_that_needs_no_name_takes_any() -> None:
    assert image_shape(PATH, {"x": (1, 8, 8, 3)}) == (8, 8, 3)
