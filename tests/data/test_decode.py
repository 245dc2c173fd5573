"""File formats, orientation, and the three resize rules."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.decoding import COLORS, SIZE, pixels, save
from tlearn.data import decode as decoder
from tlearn.data.decode import decode, read_image

# tlearn ignores these warnings for the process; pytest sets its own filters.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:PIL"),
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
]


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_are_exact(tmp_path: Path, kind: str) -> None:
    path = save(tmp_path / "x.jpg", Image.fromarray(COLORS), kind)
    assert np.array_equal(pixels(path), COLORS)
    info = read_image(path, SIZE, "crop")[1]
    assert info.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (info.width, info.height, info.format) == (SIZE, SIZE, kind)
    assert not info.rotated and info.problem is None


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "GIF"])
def test_lossy_formats(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.png"
    try:
        save(path, Image.fromarray(COLORS), kind, quality=95)
    except (OSError, KeyError):
        pytest.skip(f"this Pillow writes no {kind}")
    assert np.abs(pixels(path).astype(int) - COLORS).mean() < 8
    assert read_image(path, SIZE, "squash")[1].format == kind


def turned(orientation: int) -> np.ndarray:
    """COLORS[:, :20] as stored for an EXIF orientation, so that it comes out upright."""
    upright = COLORS[:, :20]
    return {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("resize", decoder.RESIZE_RULES)
def test_exif_orientation(tmp_path: Path, orientation: int, kind: str, resize: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    stored = Image.fromarray(np.ascontiguousarray(turned(orientation)))
    path = save(tmp_path / "x", stored, kind, exif=exif, **options)
    plain = save(tmp_path / "plain", Image.fromarray(COLORS[:, :20].copy()), "PNG")
    assert np.array_equal(pixels(path, 24, resize), pixels(plain, 24, resize))
    info = read_image(path, 24, resize)[1]
    assert (info.width, info.height) == (20, 32)
    assert info.rotated == (orientation != 1)


def test_exif_orientation_of_a_reduced_jpeg(tmp_path: Path) -> None:
    large = Image.fromarray(COLORS).resize((400, 300))
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "x.jpg", large.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif)
    info = read_image(path, 24, "squash")[1]
    assert (info.width, info.height, info.rotated) == (400, 300, True)
    plain = save(tmp_path / "plain.png", large, "PNG")
    assert np.abs(pixels(path, 24).astype(int) - pixels(plain, 24)).mean() < 4


@pytest.mark.parametrize(
    "block", [b"Exif\0\0", b"Exif\0\0broken", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_broken_exif_counts_as_none(tmp_path: Path, block: bytes) -> None:
    path = save(tmp_path / "x.jpg", Image.fromarray(COLORS), "JPEG", exif=block)
    assert np.abs(pixels(path).astype(int) - COLORS).mean() < 12
    assert not read_image(path, SIZE, "squash")[1].rotated


@pytest.mark.parametrize("value", [0, 9, 255])
def test_a_meaningless_orientation_is_ignored(tmp_path: Path, value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    path = save(tmp_path / "x.png", Image.fromarray(COLORS), "PNG", exif=exif)
    assert np.array_equal(pixels(path), COLORS)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF", "WEBP"])
def test_first_frame_of_an_animation(tmp_path: Path, kind: str) -> None:
    frames = [Image.new("RGB", (SIZE, SIZE), color) for color in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    path = save(tmp_path / "x", frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert (pixels(path) == (255, 0, 0)).all()


def test_squash_scales_both_sides(tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", halves(60, 30), "PNG")
    decoded = pixels(path, 20, "squash")
    assert (decoded[:, :9] == (255, 0, 0)).all() and (decoded[:, 11:] == (0, 0, 255)).all()


def halves(width: int, height: int) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (width // 2, 0, width, height))
    return image


def test_crop_keeps_the_center(tmp_path: Path) -> None:
    image = Image.new("RGB", (90, 30), "black")
    image.paste("red", (30, 0, 60, 30))
    decoded = pixels(save(tmp_path / "x.png", image, "PNG"), 10, "crop")
    assert (decoded[:, 1:-1] == (255, 0, 0)).all()
    tall = save(tmp_path / "y.png", image.transpose(Image.Transpose.ROTATE_90), "PNG")
    assert (pixels(tall, 10, "crop")[1:-1] == (255, 0, 0)).all()


def test_pad_centers_on_gray(tmp_path: Path) -> None:
    decoded = pixels(save(tmp_path / "x.png", halves(40, 20), "PNG"), 20, "pad")
    assert (decoded[:5] == 127).all() and (decoded[15:] == 127).all()
    assert (decoded[5:15, :9] == (255, 0, 0)).all() and (decoded[5:15, 11:] == (0, 0, 255)).all()


@pytest.mark.parametrize("resize", decoder.RESIZE_RULES)
@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (33, 7)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_extreme_shapes(tmp_path: Path, size: tuple[int, int], resize: str, kind: str) -> None:
    path = save(tmp_path / "x", Image.new("RGB", size, (200, 200, 200)), kind)
    decoded = pixels(path, 16, resize)
    assert set(np.unique(decoded)) <= ({200} if resize != "pad" else {127, 200})


def test_an_unknown_rule_is_a_bug(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="resize"):
        read_image(tmp_path, 8, "stretch")


@pytest.mark.parametrize("resize", decoder.RESIZE_RULES)
def test_large_jpegs_are_reduced_while_decoded(
    tmp_path: Path, resize: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = Image.fromarray(COLORS).resize((640, 512), Image.Resampling.BICUBIC)
    path = save(tmp_path / "x.jpg", image, "JPEG", quality=95)
    plain = save(tmp_path / "x.png", image, "PNG")
    resized: list[tuple[int, int]] = []
    resize_image = Image.Image.resize

    def record(image: Image.Image, *arguments: Any, **options: Any) -> Image.Image:
        resized.append(image.size)
        return resize_image(image, *arguments, **options)

    monkeypatch.setattr(Image.Image, "resize", record)
    near = np.abs(pixels(path, 64, resize).astype(int) - pixels(plain, 64, resize))
    assert near.mean() < 3
    assert [size for size in resized if max(size) > 64] == [(160, 128), (640, 512)]
    info = read_image(path, 64, resize)[1]
    assert (info.width, info.height) == (640, 512)
    side = 161 if resize == "pad" else 129
    told = [decoder.is_reduced(path.read_bytes(), size, resize) for size in (64, side)]
    assert told == [True, False] and not decoder.is_reduced(plain.read_bytes(), 64, resize)
    # Just below four times the target nothing is reduced.
    resized.clear()
    read_image(path, side, resize)
    assert resized[0] == (640, 512)


def test_the_same_bytes_give_the_same_pixels(tmp_path: Path) -> None:
    path = save(tmp_path / "x.jpg", Image.fromarray(COLORS).resize((500, 400)), "JPEG")
    first = decode(path, 50, "crop")
    copy = tmp_path / "deep" / "other name.png"
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes())
    assert np.array_equal(first, decode(copy, 50, "crop"))
    assert first.flags.writeable
