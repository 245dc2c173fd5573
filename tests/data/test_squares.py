"""The square of each resize rule, and the size that a JPEG is decoded at for it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tlearn.data.squares import draft_size, fit_square


@pytest.mark.parametrize(
    ("resize", "size"), [("squash", (128, 128)), ("crop", (256, 128)), ("pad", (128, 64))]
)
def test_no_image_is_decoded_smaller_than_twice_what_it_ends_up_as(
    resize: str, size: tuple[int, int]
) -> None:
    assert draft_size(400, 200, 64, resize) == size


@pytest.mark.parametrize(
    ("resize", "content"), [("squash", (64, 64)), ("crop", (64, 64)), ("pad", (64, 32))]
)
def test_a_border_is_no_content(resize: str, content: tuple[int, int]) -> None:
    square, inner = fit_square(Image.new("RGB", (400, 200), "red"), 64, resize)
    assert square.size == (64, 64) and inner.size == content
    assert set(np.asarray(inner)[..., 0].flat) == {255}
    assert (np.asarray(square)[0, 0].tolist() == [127, 127, 127]) == (resize == "pad")
