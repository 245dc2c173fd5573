"""Colors that would come out as nothing: transparency by mistake, white as 0."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.decoding import COLORS, GRADIENT, SIZE, pixels, save
from tests.tiff_files import write_tiff
from tlearn.data.colors import measure_contrast
from tlearn.data.decode import read_image


@pytest.mark.parametrize("alpha", [0, 1])
def test_alpha_by_which_nothing_is_seen_is_ignored(tmp_path: Path, alpha: int) -> None:
    image = Image.fromarray(COLORS).convert("RGBA")
    image.putalpha(alpha)
    path = save(tmp_path / "x.png", image, "PNG")
    assert np.array_equal(pixels(path), COLORS)
    assert read_image(path, SIZE, "squash")[1].alpha_ignored


def test_alpha_that_shows_a_part_is_used(tmp_path: Path) -> None:
    image = Image.fromarray(COLORS).convert("RGBA")
    image.putalpha(0)
    image.putpixel((3, 3), (9, 9, 9, 255))
    path = save(tmp_path / "x.png", image, "PNG")
    assert (pixels(path)[5:] == 255).all()
    assert not read_image(path, SIZE, "squash")[1].alpha_ignored


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [1, 8, 16])
def test_white_may_be_zero(tmp_path: Path, order: str, bits: int) -> None:
    values = {
        1: np.packbits(GRADIENT <= 100, axis=1),
        8: 255 - GRADIENT,
        16: (65535 - GRADIENT.astype(np.uint16) * 257).astype(f"{order}u2"),
    }[bits]
    path = tmp_path / "x.tif"
    write_tiff(path, (SIZE, SIZE), [bits], values.tobytes(), order, {262: 0})
    expected = np.where(GRADIENT > 100, 255, 0) if bits == 1 else GRADIENT
    assert np.array_equal(pixels(path)[..., 0], expected)


def test_contrast_is_that_of_all_pixels_but_for_a_few(tmp_path: Path) -> None:
    assert measure_contrast(Image.new("RGB", (300, 200), (250, 250, 250))) == (0.0, 250)
    contrast, brightest = measure_contrast(Image.fromarray(COLORS).resize((224, 224)))
    assert contrast == pytest.approx(COLORS.reshape(-1, 3).std(0).max(), rel=0.1)
    assert brightest > 240


def test_a_hot_pixel_does_not_make_an_image_bright() -> None:
    values = np.full((100, 100, 3), 20, np.uint8)
    values[50, 50] = 255
    assert measure_contrast(Image.fromarray(values))[1] == 20
    values[40:60, 40:60] = 200
    assert measure_contrast(Image.fromarray(values))[1] == 200
