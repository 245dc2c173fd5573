"""Sound images are read whatever is beside their pixels, and truncated ones are still refused."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.decoding import pixels
from tlearn.data import opening
from tlearn.data.decode import read_image

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (150, 210, 3), np.uint8))
SMOOTH = NOISE.resize((9, 7)).resize((210, 150), Image.Resampling.BICUBIC)


def encoded(kind: str = "JPEG", image: Image.Image = SMOOTH, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def same(path: Path, content: bytes, original: bytes) -> None:
    path.write_bytes(original)
    expected = pixels(path, 64)
    path.write_bytes(content)
    np.testing.assert_array_equal(pixels(path, 64), expected)


JPEGS = {
    "baseline": {"quality": 90},
    "fine": {"quality": 95, "subsampling": 0},
    "progressive": {"quality": 90, "progressive": True},
    "restarts": {"quality": 90, "restart_marker_rows": 1},
}


@pytest.mark.parametrize("image", [NOISE, SMOOTH, SMOOTH.convert("L"), SMOOTH.convert("CMYK")])
@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
def test_a_jpeg_without_its_end_marker_is_whole(
    tmp_path: Path, options: dict[str, Any], image: Image.Image
) -> None:
    jpeg = encoded(image=image, **options)
    for content in (jpeg[:-2], jpeg[:-1], jpeg[:-2] + b"\r\n", jpeg + b"more" * 50):
        same(tmp_path / "x.jpg", content, jpeg)


@pytest.mark.parametrize("image", [NOISE, SMOOTH])
@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
def test_a_truncated_jpeg_is_refused(
    tmp_path: Path, options: dict[str, Any], image: Image.Image
) -> None:
    jpeg = encoded(image=image, **options)
    for left in (0.3, 0.6, 0.9, 0.98):
        (tmp_path / "x.jpg").write_bytes(jpeg[: int(left * len(jpeg))])
        problem = read_image(tmp_path / "x.jpg", 64, "squash")[1].problem
        assert problem and "truncated" in problem, left


@pytest.mark.parametrize("length", [5, 40, 600, 60_000])
def test_metadata_of_a_wrong_length_is_passed_over(tmp_path: Path, length: int) -> None:
    jpeg = encoded()
    comment = b"\xff\xfe" + struct.pack(">H", length) + b"hello"
    same(tmp_path / "x.jpg", jpeg[:2] + comment + jpeg[2:], jpeg)


def test_the_orientation_survives_what_is_dropped(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    jpeg = encoded(exif=exif)
    comment = b"\xff\xfe" + struct.pack(">H", 60_000) + b"hello"
    same(tmp_path / "x.jpg", jpeg[:-2] + b"", jpeg)
    place = jpeg.index(b"\xff\xdb")
    same(tmp_path / "x.jpg", jpeg[:place] + comment + jpeg[place:], jpeg)


def chunk(name: bytes, content: bytes, checksum: int | None = None) -> bytes:
    checksum = zlib.crc32(name + content) if checksum is None else checksum
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def test_large_and_odd_metadata_of_a_png_is_skipped(tmp_path: Path) -> None:
    png = encoded("PNG")
    large = zlib.compress(bytes(3_000_000))
    odd = {
        "text": chunk(b"zTXt", b"k\0\0" + large),
        "profile": chunk(b"iCCP", b"x\0\0" + large),
        "no profile": chunk(b"iCCP", b"x\0\0nope"),
        "checksum": chunk(b"tEXt", b"k\0v", 1),
        "texts": b"".join(
            chunk(b"zTXt", b"%d\0\0" % n + zlib.compress(bytes(1_000_000))) for n in range(70)
        ),
    }
    for content in odd.values():
        same(tmp_path / "x.png", png[:33] + content + png[33:], png)
        same(tmp_path / "x.png", png[:-12] + content + png[-12:], png)


def test_text_that_picture_generators_write_is_skipped(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_itxt("parameters", "x" * 3_000_000, zip=True)
    palette = SMOOTH.quantize(8)
    png = encoded("PNG", palette, transparency=0)
    same(tmp_path / "x.png", encoded("PNG", palette, transparency=0, pnginfo=info), png)


def test_a_jpeg_is_measured_by_what_is_decoded_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.jpg"
    monkeypatch.setattr(opening, "PIXEL_LIMIT", 210 * 150 // 2 - 1)
    path.write_bytes(encoded())
    assert read_image(path, 32, "squash")[1].problem is None
    assert "pixels" in str(read_image(path, 200, "squash")[1].problem)  # not reduced
    path.write_bytes(encoded(progressive=True))  # held in memory whole
    assert "pixels" in str(read_image(path, 32, "squash")[1].problem)
    monkeypatch.setattr(opening, "PIXEL_LIMIT", 210 * 150 // 2 + 1)
    assert read_image(path, 32, "squash")[1].problem is None


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_claims_more_than_it_can_hold_is_refused(
    tmp_path: Path, progressive: bool
) -> None:
    jpeg = bytearray(encoded(progressive=progressive))
    frame = jpeg.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 65500, 65500)
    (tmp_path / "x.jpg").write_bytes(jpeg)
    assert "65500 x 65500" in str(read_image(tmp_path / "x.jpg", 64, "squash")[1].problem)


def test_metadata_without_an_end_does_not_hang(tmp_path: Path) -> None:
    for content in (
        b"\xff\xd8" + b"\xff\xe1\xff\xff" * 50_000,
        b"\xff\xd8\xff\xe1\0\x05" + b"\xff\xdb\0\x03" * 100_000,
        b"\x89PNG\r\n\x1a\n" + os.urandom(100_000),
        b"\x89PNG\r\n\x1a\n" + bytes(100_000),
    ):
        (tmp_path / "x").write_bytes(content)
        assert read_image(tmp_path / "x", 32, "squash")[1].problem
