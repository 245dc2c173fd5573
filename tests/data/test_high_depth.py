"""Gray images of more than 8 bits: one scale for a folder, kept from training to prediction."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.decoding import COLORS, GRADIENT, save
from tests.tiff_files import write_tiff
from tlearn.data.decode import decode, read_image
from tlearn.data.high_depth import folder_range, format_range, parse_range
from tlearn.data.image_info import ImageInfo
from tlearn.data.pixel_store import store_folder


def info(depth: str, low: float, high: float) -> ImageInfo:
    return ImageInfo("x", 8, 8, "PNG", False, depth=depth, low=low, high=high)


@pytest.mark.parametrize(
    ("highest", "white"),
    [([4095, 10], 4095), ([4096], 8191), ([900, 1023], 1023), ([255], 255), ([1], 1)],
)
def test_whole_numbers_count_as_the_bits_that_the_largest_needs(
    highest: list[float], white: float
) -> None:
    assert folder_range([info("integer", 0, high) for high in highest]) == (0, white)


def test_without_need_there_is_no_range() -> None:
    assert folder_range([info("integer", 0, 32768)]) is None
    assert folder_range([info("integer", 0, 0)]) is None
    assert folder_range([info("", 0, 0)]) is None
    assert folder_range([info("float", 1, 1)]) is None
    assert folder_range([info("float", 0, 1), info("integer", 0, 900)]) is None


def test_other_values_go_from_the_smallest_to_the_largest_of_the_folder() -> None:
    assert folder_range([info("float", -0.5, 0.1), info("float", 0, 3), info("", 0, 0)]) == (
        -0.5,
        3,
    )
    assert folder_range([info("integer", -1024, 900), info("integer", 0, 3071)]) == (-1024, 3071)


def test_twelve_bits_in_sixteen_keep_their_brightness_against_each_other(tmp_path: Path) -> None:
    paths = [tmp_path / "dim.png", tmp_path / "bright.png"]
    for path, factor in zip(paths, (4, 16), strict=True):
        save(path, Image.fromarray(GRADIENT.astype(np.uint16) * factor), "PNG")
    store = store_folder(paths, 32, "squash", tmp_path / "cache")
    assert store.gray_range == (0, 4095)
    dim, bright = store.read([info.sha256 for info in store.infos])[..., 0].astype(float)
    np.testing.assert_allclose(bright, GRADIENT.astype(float) * 16 / 4095 * 255, atol=0.51)
    np.testing.assert_allclose(dim, bright / 4, atol=0.7)
    # A single file is decoded the same way later, by what the run knows.
    np.testing.assert_array_equal(decode(paths[0], 32, "squash", (0, 4095))[..., 0], dim)


def test_images_of_eight_bits_beside_stay_as_they_are(tmp_path: Path) -> None:
    plain = save(tmp_path / "plain.png", Image.fromarray(GRADIENT), "PNG")
    deep = save(tmp_path / "deep.png", Image.fromarray(GRADIENT.astype(np.uint16)), "PNG")
    store = store_folder([plain, deep], 32, "squash", tmp_path / "cache")
    assert store.gray_range is not None
    np.testing.assert_array_equal(store.read([store.infos[0].sha256])[0, ..., 0], GRADIENT)


def write_png(path: Path, values: np.ndarray) -> None:
    """Write 16-bit RGB, which Pillow does not."""
    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = {b"IHDR": header, b"IDAT": zlib.compress(rows), b"IEND": b""}
    chunks = (
        len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4)
        for name, content in parts.items()
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


@pytest.mark.parametrize("order", ["png", "<", ">"])
def test_colors_of_twelve_bits_in_sixteen_are_as_bright_as_the_folder_has_them(
    tmp_path: Path, order: str
) -> None:
    values = COLORS.astype(np.uint16) * 16 + 5
    path = tmp_path / "x.img"
    if order == "png":
        write_png(path, values)
    else:
        write_tiff(path, (32, 32), [16] * 3, values.astype(f"{order}u2").tobytes(), order, {262: 2})
    np.testing.assert_array_equal(decode(path, 32), values >> 8)
    store = store_folder([path], 32, "squash", tmp_path / "cache")
    assert store.gray_range == (0, 4095)
    decoded = store.read([store.infos[0].sha256])[0]
    np.testing.assert_array_equal(decoded, np.rint(values / 4095 * 255))


def test_values_beyond_the_range_are_cut_off(tmp_path: Path) -> None:
    values = np.array([[-5, 0, 50, 100, 900]], np.float32)
    values = np.repeat(np.repeat(values, 8, 0), 8, 1)
    path = save(tmp_path / "x.tif", Image.fromarray(values), "TIFF")
    pixels, found = read_image(path, 40, "squash", gray_range=(0, 100))
    assert pixels is not None
    assert [int(pixels[4, 4 + 8 * n, 0]) for n in range(5)] == [0, 0, 128, 255, 255]
    assert (found.depth, found.low, found.high) == ("float", -5, 900)


def test_a_range_survives_its_text() -> None:
    for values in ((0.0, 4095.0), (-0.1, 1e-7), (-1024.0, 3071.5)):
        assert parse_range(format_range(values)) == values
    assert format_range((0, 4095)) == "0,4095"
    with pytest.raises(ValueError, match="no range"):
        parse_range("5,5")


@pytest.mark.parametrize(("value", "tags"), [(-3.4e38, {}), (-9999.0, {42113: "-9999"})])
def test_pixels_without_a_value_do_not_stretch_the_range(
    tmp_path: Path, value: float, tags: dict[int, str]
) -> None:
    values = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    values[0] = value
    Image.fromarray(values).save(tmp_path / "x.tif", tiffinfo=tags)
    _, found = read_image(tmp_path / "x.tif", 8, "squash")
    assert (found.low, found.high) == (pytest.approx(8 / 63), 1)
    assert len(np.unique(decode(tmp_path / "x.tif", 8)[1:])) > 50
